// SPDX-License-Identifier: Apache-2.0
#include "bench/switch_on_platform.hpp"

#include "common/wire/apdu.hpp"
#include "platform/store/sqlite_store.hpp"

namespace simroot::bench {

using namespace platform;  // NOLINT(google-build-using-namespace): this file is about nothing else

namespace {

constexpr std::int64_t kYear = 365 * 86400;

template <typename T>
T Get(Outcome<T> outcome) {
  if (!outcome) {
    GiveUp(outcome.error().Text());
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(*outcome);
  }
}

}  // namespace

RelayAnswer BenchDevice::Send(Bytes command) {
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

BenchPlatform::BenchPlatform(const std::string& folder) : folder_(folder) {
  vault_ = Get(Vault::Create(folder + "/vault"));
  authority_ = Get(Authority::Open(*vault_, folder + "/ca"));
  store_ = Get(OpenSqliteStore({.file = folder + "/platform.db", .clock = clock_, .create = true, .batch_limit = 256}));
  MakeTenant();
  EngineLimits limits;
  limits.hellos_per_minute_and_source = 1'000'000;
  limits.hellos_per_minute_and_card = 1'000'000;
  engine_ = OtaEngine::Create(*store_, *vault_, *authority_, clock_, limits);
  if (!engine_) {
    GiveUp("the engine cannot be made");
  }
  service_ = Service::Create(*store_, *vault_, *authority_, clock_);
}

void BenchPlatform::MakeTenant() {
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

BenchDevice BenchPlatform::AddDevice(std::size_t number) {
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

}  // namespace simroot::bench
