// SPDX-License-Identifier: Apache-2.0
/// The server's middleware: what it costs a handshake, and how many devices it holds and finds.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <random>
#include <thread>

#include "bench/rounds.hpp"
#include "bench/server_sections.hpp"
#include "bench/surroundings.hpp"
#include "server/sync/local_copy.hpp"

namespace simroot::bench {
namespace {

using server::CredentialKind;
using Clock = std::chrono::steady_clock;

constexpr double kBytesBudget = 200;
constexpr int kMeasureMs = 1500;
constexpr int kChangesPerTick = 10;  ///< each 10 ms: 1,000 a second
constexpr std::chrono::milliseconds kTick{10};

void Check(bool well, const char* what) {
  if (!well) {
    GiveUp(what);
  }
}

/// Bytes of this process that are in memory.
[[nodiscard]] double ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  double size = 0;
  double resident = 0;
  file >> size >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

[[nodiscard]] std::unique_ptr<server::Directory> Load(CredentialKind kind, std::int64_t count) {
  auto directory = server::Directory::Create();
  Check(directory.has_value(), "no directory");
  const double before = ResidentBytes();
  double took = 0;
  (*directory)->Reserve(static_cast<std::size_t>(count));
  constexpr std::int64_t kBatch = 10'000;
  std::vector<server::Credential> batch;
  for (std::int64_t next = 1; next <= count;) {
    batch.clear();
    for (std::int64_t i = 0; i < kBatch && next <= count; ++i, ++next) {
      batch.push_back(MakeCredential(next, kind));
    }
    const double start = OwnSeconds();
    for (const server::Credential& credential : batch) {
      Check((*directory)->Put(credential).has_value(), "a credential is refused");
    }
    took += OwnSeconds() - start;
  }
  batch = std::vector<server::Credential>();
  const auto devices = static_cast<double>(count);
  const double bytes = static_cast<double>((*directory)->size().bytes) / devices;
  std::printf("%-12s %9lld devices loaded in %5.2f s; %3.0f bytes each (budget under %.0f: %s), %3.0f resident\n",
              kind == CredentialKind::kPsk ? "keys" : "certificates", static_cast<long long>(count), took, bytes,
              kBytesBudget, bytes < kBytesBudget ? "met" : "MISSED", (ResidentBytes() - before) / devices);
  return std::move(*directory);
}

/// Changes the state of devices, 1,000 a second, while it lives.
class Writer {
 public:
  Writer(server::Directory& directory, std::int64_t count) : directory_(directory), count_(count) {
    thread_ = std::thread([this] { Run(); });
  }
  ~Writer() {
    over_ = true;
    thread_.join();
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

 private:
  void Run() {
    auto next = Clock::now();
    for (std::int64_t number = 0; !over_;) {
      for (int i = 0; i < kChangesPerTick; ++i) {
        number = number % count_ + 1;
        server::Credential credential = MakeCredential(number, CredentialKind::kCertificate);
        credential.state = ++turns_ % 2 == 0 ? server::CredentialState::kActive : server::CredentialState::kSuspended;
        Check(directory_.Put(credential).has_value(), "a change is refused");
      }
      next += kTick;
      std::this_thread::sleep_until(next);
    }
  }

  server::Directory& directory_;
  std::int64_t count_;
  std::uint64_t turns_ = 0;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

/// Look-ups of random devices by `threads` threads for a while. @returns how many a second of one processor for each
/// thread would be: what else the machine does is not counted.
[[nodiscard]] double LookUps(const server::Directory& directory, std::int64_t count, int threads) {
  std::vector<server::Fingerprint> wanted;
  std::mt19937_64 random(1);
  constexpr std::size_t kWanted = 1U << 16U;
  for (std::size_t i = 0; i < kWanted; ++i) {
    wanted.push_back(FingerprintOf(1 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(count))));
  }
  std::atomic<bool> over = false;
  std::mutex mutex;
  double sum = 0;
  std::vector<std::thread> all;
  for (int i = 0; i < threads; ++i) {
    all.emplace_back([&, at = static_cast<std::size_t>(i) * 7919] {
      std::uint64_t done = 0;
      const double start = OwnSeconds();
      for (std::size_t place = at; !over; ++place, ++done) {
        Check(directory.FindCertificate(wanted[place % kWanted]).has_value(), "a device is not found");
      }
      const double rate = static_cast<double>(done) / (OwnSeconds() - start);
      const std::lock_guard lock(mutex);
      sum += rate;
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(kMeasureMs));
  over = true;
  for (std::thread& thread : all) {
    thread.join();
  }
  return sum;
}

/// Microseconds that all but one of a hundred look-ups are below.
[[nodiscard]] double SlowestOfHundred(const server::Directory& directory, std::int64_t count) {
  constexpr std::size_t kSamples = 500'000;
  std::vector<float> took;
  took.reserve(kSamples);
  std::mt19937_64 random(2);
  for (std::size_t i = 0; i < kSamples; ++i) {
    const auto wanted = FingerprintOf(1 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(count)));
    const auto start = Clock::now();
    Check(directory.FindCertificate(wanted).has_value(), "a device is not found");
    took.push_back(std::chrono::duration<float, std::micro>(Clock::now() - start).count());
  }
  std::ranges::sort(took);
  return took[kSamples / 100 * 99];
}

void RunLookUps(server::Directory& directory, std::int64_t count) {
  const double alone = LookUps(directory, count, 1);
  std::printf("look-ups of certificates: 1 thread %.2f million/s", alone / 1e6);
  const Writer writer(directory, count);
  const double one = LookUps(directory, count, 1);
  const double two = LookUps(directory, count, 2);
  const double p99 = SlowestOfHundred(directory, count);
  std::printf("; while 1,000 devices a second change: 1 thread %.2f, 2 threads %.2f million/s, p99 %.2f us\n",
              one / 1e6, two / 1e6, p99);
}

/// Writes the local copy and starts from it, as a server does when the platform is away.
void RunCopy(const server::Directory& directory, std::int64_t count, const std::string& file) {
  const SecretBytes secret(AsBytes("the private key of the server, as PEM, stands here"));
  {
    const auto copy = server::LocalCopy::Open(file, secret);
    Check(copy.has_value(), "no local copy");
    const auto start = Clock::now();
    const auto written = (*copy)->Rewrite([&](const server::LocalCopy::Visit& visit) { directory.ForEach(visit); },
                                          {.feed_number = 1, .contact = 1});
    Check(written.has_value(), "the local copy cannot be written");
    std::printf("local copy:  %9lld devices written in %5.2f s, ", static_cast<long long>(count), SecondsSince(start));
  }
  const auto copy = server::LocalCopy::Open(file, secret);
  auto loaded = server::Directory::Create();
  Check(copy.has_value() && loaded.has_value(), "no local copy");
  std::string why;
  const auto start = Clock::now();
  (*loaded)->Reserve(static_cast<std::size_t>(count));
  const auto point = (*copy)->Load(
      [&](server::Credential&& credential) {
        Check((*loaded)->Put(credential).has_value(), "a credential is refused");
      },
      why);
  Check(point.has_value() && point->feed_number == 1, "the local copy cannot be read");
  std::printf("loaded in %5.2f s; %.0f bytes each on disk\n", SecondsSince(start),
              static_cast<double>(std::filesystem::file_size(file)) / static_cast<double>(count));
  Check((*loaded)->size().credentials == static_cast<std::size_t>(count), "the local copy lost some");
}

/// Well mixed bits of a number (the finaliser of SplitMix64).
[[nodiscard]] std::uint64_t Mix(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15U;
  value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27U)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31U);
}

}  // namespace

server::Fingerprint FingerprintOf(std::int64_t number) {
  server::Fingerprint fingerprint{};
  ByteWriter writer(fingerprint);
  for (std::uint64_t part = 0; part < 8; ++part) {
    writer.PutU32(static_cast<std::uint32_t>(Mix(static_cast<std::uint64_t>(number) * 8 + part)));
  }
  return fingerprint;
}

server::Credential MakeCredential(std::int64_t number, CredentialKind kind) {
  server::Credential credential;
  credential.id = number;
  credential.kind = kind;
  credential.state = server::CredentialState::kActive;
  const std::string digits = std::to_string(10'000'000'000 + number).substr(1);
  credential.iccid = "8988000000" + digits;
  credential.device = "meter-" + digits;
  const server::Fingerprint random = FingerprintOf(number);
  if (kind == CredentialKind::kPsk) {
    credential.name = credential.iccid + "-1";
    credential.psk = SecretBytes(random);
  } else {
    credential.name = ToHex(ByteView(random).first(16));
    credential.fingerprint = random;
    credential.not_before = 1'700'000'000;
    credential.not_after = 4'000'000'000;
  }
  credential.first_used = 1'700'000'000;
  credential.changed = 1'700'000'000;
  return credential;
}

void RunDirectory(std::int64_t count, const std::string& folder) {
  { const auto keys = Load(CredentialKind::kPsk, count); }
  const auto certificates = Load(CredentialKind::kCertificate, count);
  RunLookUps(*certificates, count);
  RunCopy(*certificates, count, folder + "/devices.copy");
}

}  // namespace simroot::bench

int main(int argc, char** argv) {
  static_cast<void>(std::setvbuf(stdout, nullptr, _IOLBF, 0));
  const std::int64_t count = argc > 1 ? std::atoll(argv[1]) : 1'000'000;
  if (count < 1) {
    simroot::bench::GiveUp("usage: simroot_server_bench [COUNT of devices]");
  }
  const simroot::bench::Folder folder;
  simroot::bench::RunServerHandshakes();
  simroot::bench::RunDirectory(count, folder.path());
  return 0;
}
