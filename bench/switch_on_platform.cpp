// SPDX-License-Identifier: Apache-2.0
#include "bench/switch_on_platform.hpp"

#include "card/host/virtual_card.hpp"
#include "common/host/card_keys.hpp"
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

BlankCard BenchPlatform::AddCard() {
  BlankCard device;
  std::list<CardKeys> keys;
  device.file = cards_.path() + "/card-" + std::to_string(next_card_++);
  const auto created = card::CreateCard(
      device.file, {.profile = card::CardProfile::kBlank, .iccid = {}, .imsi = {}, .key_size = 16, .keys = &keys});
  if (!created) {
    GiveUp(created.error().Text());
  }
  device.iccid = keys.front().iccid;
  device.security_domain = keys.front().aid;
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
  return device;
}

}  // namespace simroot::bench
