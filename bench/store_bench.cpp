// SPDX-License-Identifier: Apache-2.0
/// simroot_store_bench [CARDS [FOLDER]]: the platform's SQLite store on this disk. CARDS (1000000) are imported into a
/// new database in FOLDER (the folder for temporary files), which is removed at the end.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "common/host/unique_fd.hpp"
#include "platform/store/sqlite_store.hpp"

namespace simroot::bench {
namespace {

using namespace platform;
using Steady = std::chrono::steady_clock;

[[noreturn]] void GiveUp(const std::string& why) {
  static_cast<void>(std::fprintf(stderr, "bench: %s\n", why.c_str()));
  std::exit(1);
}

void Check(const Outcome<void>& outcome) {
  if (!outcome) {
    GiveUp(outcome.error().Text());
  }
}

double SecondsSince(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}

/// The value below which `share` of all lie; the vector is reordered.
double Quantile(std::vector<double>& values, double share) {
  if (values.empty()) {
    return 0;
  }
  const auto last = static_cast<double>(values.size() - 1);
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(last * share);
  std::ranges::nth_element(values, place);
  return *place;
}

class SystemClock final : public Clock {
 public:
  UnixTime Now() override {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

class Folder {
 public:
  explicit Folder(const std::string& parent) : path_(parent + "/simroot-store-bench-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) {
      GiveUp("cannot make a folder like " + path_);
    }
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::string IccidOf(std::int64_t number) {
  return "898821" + std::to_string(1'000'000'000'000 + number);
}

/// Commits per second of the bare disk: 4 KiB appended and made permanent, one after the other.
double BareFlushesPerSecond(const std::string& file) {
  constexpr int kFlushes = 400;
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::array<char, 4096> block{};
  const auto start = Steady::now();
  for (int i = 0; i < kFlushes; ++i) {
    if (::write(fd.get(), block.data(), block.size()) != static_cast<ssize_t>(block.size()) ||
        ::fdatasync(fd.get()) != 0) {
      GiveUp("cannot write " + file);
    }
  }
  return kFlushes / SecondsSince(start);
}

class StoreBench {
 public:
  StoreBench(const std::string& parent, std::int64_t cards) : folder_(parent), cards_(cards) {
    auto opened = OpenSqliteStore({.file = folder_ / "platform.db", .clock = clock_, .create = true});
    if (!opened) {
      GiveUp(opened.error().Text());
    }
    store_ = std::move(*opened);
    Check(store_->Write([&](StoreWriter& w) -> Outcome<void> {
      SR_TRY(tenant_, w.InsertTenant({.name = "acme"}));
      return {};
    }));
  }

  void Import() {
    constexpr std::int64_t kBatch = 5000;
    const auto start = Steady::now();
    for (std::int64_t next = 0; next < cards_; next += kBatch) {
      Check(store_->Write([&](StoreWriter& w) { return ImportBatch(w, next, std::min(next + kBatch, cards_)); }));
    }
    const double seconds = SecondsSince(start);
    std::printf("  import: %lld cards with a key set each, %.1f s, %.0f cards/s, files %.0f MB\n",
                static_cast<long long>(cards_), seconds, static_cast<double>(cards_) / seconds,
                static_cast<double>(std::filesystem::file_size(folder_ / "platform.db") +
                                    std::filesystem::file_size(folder_ / "platform.db-wal")) /
                    1e6);
  }

  /// Certificates as the issuing job keeps them, committed.
  void Issue(unsigned outstanding, unsigned total) {
    const double flushes = BareFlushesPerSecond(folder_ / "flushes");
    std::vector<std::vector<double>> took(outstanding);
    std::atomic<unsigned> left = total;
    const auto start = Steady::now();
    std::vector<std::thread> threads;
    for (auto& mine : took) {
      threads.emplace_back([&] {
        while (left.fetch_sub(1) - 1 < total) {  // below 0 it wraps
          mine.push_back(IssueOne());
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    const double seconds = SecondsSince(start);
    std::vector<double> all;
    for (const auto& mine : took) {
      all.insert(all.end(), mine.begin(), mine.end());
    }
    const double rate = static_cast<double>(all.size()) / seconds;
    std::printf(
        "  issue, %3u outstanding: %6.0f/s   p50 %5.1f ms   p99 %5.1f ms   bare fdatasync %6.0f/s   %.1f per flush\n",
        outstanding, rate, Quantile(all, 0.5) * 1e3, Quantile(all, 0.99) * 1e3, flushes, rate / flushes);
  }

  /// Reads by ICCID on one thread while others issue.
  void ReadWhileWriting(unsigned writers, unsigned reads) {
    std::atomic<bool> stop = false;
    std::atomic<unsigned> issued = 0;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < writers; ++i) {
      threads.emplace_back([&] {
        while (!stop) {
          static_cast<void>(IssueOne());
          ++issued;
        }
      });
    }
    std::mt19937_64 random(7);
    std::vector<double> took;
    const auto start = Steady::now();
    for (unsigned i = 0; i < reads; ++i) {
      const std::string iccid = IccidOf(static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(cards_)));
      const auto begin = Steady::now();
      Check(store_->Read([&](StoreReader& r) -> Outcome<void> {
        SR_TRY_VOID(r.FindCardByIccid(iccid));
        return {};
      }));
      took.push_back(SecondsSince(begin));
    }
    const double seconds = SecondsSince(start);
    stop = true;
    for (std::thread& thread : threads) {
      thread.join();
    }
    std::printf("  read by ICCID, %lld cards, while %.0f/s are issued: p50 %.3f ms   p99 %.3f ms   p99.9 %.3f ms\n",
                static_cast<long long>(cards_), issued / seconds, Quantile(took, 0.5) * 1e3, Quantile(took, 0.99) * 1e3,
                Quantile(took, 0.999) * 1e3);
  }

  void Verify() {
    const auto start = Steady::now();
    std::int64_t entries = 0;
    Check(store_->Read([&](StoreReader& r) -> Outcome<void> {
      SR_TRY(entries, r.VerifyAudit());
      return {};
    }));
    std::printf("  audit chain: %lld entries verified, %.0f/s\n", static_cast<long long>(entries),
                static_cast<double>(entries) / SecondsSince(start));
  }

 private:
  [[nodiscard]] Outcome<void> ImportBatch(StoreWriter& w, std::int64_t from, std::int64_t to) const {
    CardKeySet keys{.version = 0x30, .sealed = Bytes(112, 0x5A)};
    for (std::int64_t number = from; number < to; ++number) {
      SR_TRY(keys.card, w.InsertCard({.tenant = tenant_,
                                      .iccid = IccidOf(number),
                                      .imsi = "001010000000001",
                                      .profile = "blank",
                                      .security_domain = Bytes(16, 0xA0)}));
      SR_TRY_VOID(w.PutCardKeys(keys));
    }
    return {};
  }

  /// @returns seconds until the answer.
  double IssueOne() {
    const std::int64_t serial = ++serial_;
    // Neighbours in time are no neighbours in the inventory.
    const Id id = 1 + (serial * 7919) % cards_;
    const auto start = Steady::now();
    Check(store_->Write([&](StoreWriter& w) -> Outcome<void> {
      SR_TRY(const Card card, w.FindCard(id));
      SR_TRY_VOID(w.NoteContact(id, card.state, card.state, serial));
      Credential credential{.tenant = tenant_,
                            .card = id,
                            .state = CredentialState::kIssued,
                            .name = std::to_string(static_cast<std::uint64_t>(serial) * 0x9E3779B97F4A7C15U),
                            .certificate = Bytes(409, 0x30),
                            .public_key = Bytes(65, 0x04),
                            .not_before = serial,
                            .not_after = serial + 31'536'000,
                            .changed = serial};
      SR_TRY(credential.id, w.InsertCredential(credential));
      SR_TRY_VOID(w.AddAudit({.tenant = tenant_,
                              .actor = "card " + card.iccid,
                              .action = "credential.issue",
                              .object = "credential " + std::to_string(credential.id),
                              .detail = "{}"}));
      SR_TRY_VOID(w.AddFeedEvent({.tenant = tenant_, .credential = credential.id, .kind = "credential.issued"}));
      return {};
    }));
    return SecondsSince(start);
  }

  Folder folder_;
  SystemClock clock_;
  std::int64_t cards_;
  std::unique_ptr<Store> store_;
  Id tenant_ = 0;
  std::atomic<std::int64_t> serial_ = 0;
};

void Run(const std::string& parent, std::int64_t cards) {
  std::printf(
      "SQLite store in %s, synchronous = FULL (budget: 1,000 certificates/s committed, p99 of a read under 10 ms)\n",
      parent.c_str());
  StoreBench bench(parent, cards);
  bench.Import();
  for (const unsigned outstanding : {64U, 256U, 64U, 256U}) {
    bench.Issue(outstanding, 10'000);
  }
  bench.ReadWhileWriting(8, 5'000);
  bench.Verify();
}

}  // namespace
}  // namespace simroot::bench

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  std::int64_t cards = 1'000'000;
  if (!arguments.empty()) {
    const std::string& text = arguments.front();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cards);
    if (error != std::errc() || end != text.data() + text.size() || cards < 1 || arguments.size() > 2) {
      static_cast<void>(std::fprintf(stderr, "usage: simroot_store_bench [CARDS [FOLDER]]\n"));
      return 2;
    }
  }
  simroot::bench::Run(arguments.size() == 2 ? arguments.back() : std::filesystem::temp_directory_path().string(),
                      cards);
  return 0;
}
