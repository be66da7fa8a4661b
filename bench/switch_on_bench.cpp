// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <thread>
#include <vector>

#include "bench/rounds.hpp"
#include "card/host/virtual_card.hpp"
#include "common/wire/apdu.hpp"
#include "platform/ota/engine.hpp"
#include "platform/store/sqlite_store.hpp"

namespace simroot::bench {
namespace {

using namespace platform;  // NOLINT(google-build-using-namespace): this file is about nothing else

[[noreturn]] void GiveUp(const std::string& why) {
  static_cast<void>(std::fprintf(stderr, "bench: %s\n", why.c_str()));
  std::exit(1);
}

/// Removed with everything in it.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "simroot-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      GiveUp("cannot make a folder like " + name);
    }
    path_ = name;
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

constexpr std::size_t kDevices = 400;
constexpr unsigned kThreads = 32;  // each waits for its commits most of the time
constexpr std::int64_t kYear = 365 * 86400;

class SystemClock final : public Clock {
 public:
  UnixTime Now() override { return std::time(nullptr); }
};

template <typename T>
T Get(Outcome<T> outcome) {
  if (!outcome) {
    GiveUp(outcome.error().Text());
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(*outcome);
  }
}

/// A virtual card in a device, with a channel to its security domain.
struct BenchDevice {
  std::string iccid;
  std::unique_ptr<card::VirtualCard> card;

  RelayAnswer Send(Bytes command) {
    constexpr std::uint8_t kChannel = 0x01;
    std::array<std::uint8_t, wire::kMaxResponse> space{};
    command.front() = LowByte(command.front() | kChannel);
    RelayAnswer answer;
    while (true) {
      const ByteView whole = ByteView(space).first(card->Endpoint().Transmit(command, space));
      const auto parsed = wire::ParseResponse(whole);
      if (!parsed) {
        GiveUp("the card's answer is no answer");
      }
      answer.data.insert(answer.data.end(), parsed->data.begin(), parsed->data.end());
      answer.sw = static_cast<std::uint16_t>(parsed->sw);
      if ((answer.sw >> 8U) != 0x61) {
        return answer;
      }
      command = {kChannel, 0xC0, 0x00, 0x00, LowByte(answer.sw)};
    }
  }
};

/// A platform over a new database, and devices with new blank cards that it knows.
class Platform {
 public:
  explicit Platform(const std::string& folder) : folder_(folder) {
    vault_ = Get(Vault::Create(folder + "/vault"));
    authority_ = Get(Authority::Open(*vault_, folder + "/ca"));
    store_ =
        Get(OpenSqliteStore({.file = folder + "/platform.db", .clock = clock_, .create = true, .batch_limit = 256}));
    MakeTenant();
    EngineLimits limits;
    limits.hellos_per_minute_and_source = 1'000'000;
    engine_ = OtaEngine::Create(*store_, *vault_, *authority_, clock_, limits);
    if (!engine_) {
      GiveUp("the engine cannot be made");
    }
  }

  BenchDevice AddDevice(std::size_t number);
  void SwitchOn(BenchDevice& device);

 private:
  void MakeTenant();

  std::string folder_;
  SystemClock clock_;
  Id tenant_ = 0;
  std::unique_ptr<Vault> vault_;
  std::unique_ptr<Authority> authority_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<OtaEngine> engine_;
};

void Platform::MakeTenant() {
  auto root = Get(authority_->MakeRoot("root", {.common_name = "root", .serial_number = {}, .organization = "bench"},
                                       clock_.Now(), 10 * kYear));
  auto issuing = Get(authority_->MakeIssuing(root, "issuing",
                                             {.common_name = "issuing", .serial_number = {}, .organization = "bench"},
                                             clock_.Now(), 5 * kYear));
  Get(store_->Write([&](StoreWriter& writer) -> Outcome<void> {
    Tenant tenant;
    tenant.name = "bench";
    SR_TRY(tenant_, writer.InsertTenant(tenant));
    root.tenant = tenant_;
    SR_TRY(issuing.parent, writer.InsertAuthority(root));
    issuing.tenant = tenant_;
    issuing.issues = true;
    SR_TRY_VOID(writer.InsertAuthority(issuing));
    Policy policy;
    policy.tenant = tenant_;
    policy.name = "default";
    SR_TRY_VOID(writer.InsertPolicy(policy));
    return {};
  }));
}

BenchDevice Platform::AddDevice(std::size_t number) {
  BenchDevice device;
  std::list<CardKeys> keys;
  const std::string file = folder_ + "/card-" + std::to_string(number);
  const auto created = card::CreateCard(
      file, {.profile = card::CardProfile::kBlank, .iccid = {}, .imsi = {}, .key_size = 16, .keys = &keys});
  auto opened = card::VirtualCard::Open(file, {});
  if (!created || !opened) {
    GiveUp("a virtual card cannot be made in " + folder_);
  }
  device.card = std::move(*opened);
  device.iccid = keys.front().iccid;
  Get(store_->Write([&](StoreWriter& writer) -> Outcome<void> {
    platform::Card card;
    card.tenant = tenant_;
    card.iccid = device.iccid;
    card.profile = "blank";
    card.security_domain = keys.front().aid;
    Job job;
    job.tenant = tenant_;
    SR_TRY(job.card, writer.InsertCard(card));
    for (const CardKeys& line : keys) {
      Bytes all;
      for (const auto* key : {&line.enc, &line.mac, &line.dek}) {
        const ByteView value = key->Reveal(InsecureReveal::kForStore);
        all.insert(all.end(), value.begin(), value.end());
      }
      CardKeySet set;
      set.card = job.card;
      set.version = line.version;
      SR_TRY(set.sealed, vault_->Seal(all, "card-keys/" + device.iccid + "/" + std::to_string(line.version)));
      SR_TRY_VOID(writer.PutCardKeys(set));
    }
    SR_TRY_VOID(writer.InsertJob(job));
    return {};
  }));
  static_cast<void>(device.Send({0x00, 0x70, 0x00, 0x00, 0x01}));
  Bytes select{0x00, 0xA4, 0x04, 0x00, LowByte(keys.front().aid.size())};
  select.insert(select.end(), keys.front().aid.begin(), keys.front().aid.end());
  static_cast<void>(device.Send(std::move(select)));
  return device;
}

void Platform::SwitchOn(BenchDevice& device) {
  RelayHello hello;
  hello.iccid = device.iccid;
  hello.source = "127.0.0.1";
  RelayBatch batch = Get(engine_->Begin(hello));
  while (!batch.done) {
    std::vector<RelayAnswer> answers;
    for (const Bytes& command : batch.commands) {
      answers.push_back(device.Send(command));
    }
    batch = Get(engine_->Continue(batch.session, batch.step, answers, "127.0.0.1"));
  }
  if (!batch.provisioned) {
    GiveUp("a switch-on has failed: " + batch.message);
  }
}

void Run() {
  std::printf("First switch-on in process: cards, engine, SQLite with group commit, no TLS (budget: 800 devices/s)\n");
  const Folder folder;
  Platform platform(folder.path());
  std::vector<BenchDevice> devices;
  for (std::size_t i = 0; i < kDevices; ++i) {
    devices.push_back(platform.AddDevice(i));
  }
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < devices.size(); i = next++) {
      platform.SwitchOn(devices.at(i));
    }
  };
  const auto all = [&] {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < kThreads; ++i) {
      threads.emplace_back(work);
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  };
  const double all_us = TimeCalls(all, 1);
  const double rate = kDevices * 1e6 / all_us;
  std::printf("  %zu devices, %u at once   %.0f devices/s   %.2f of the budget\n", kDevices, kThreads, rate,
              rate / 800);
}

}  // namespace
}  // namespace simroot::bench

int main() {
  simroot::bench::Run();
  return 0;
}
