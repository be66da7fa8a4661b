// SPDX-License-Identifier: Apache-2.0
#include "store/contract/contract.hpp"

namespace simroot::platform::contract {

Card SampleCard(Id tenant, const std::string& iccid) {
  return {.tenant = tenant,
          .iccid = iccid,
          .eid = "89049032123451234512345678901235",
          .imsi = "001010000000001",
          .profile = "blank",
          .security_domain = Hex("A000000151000000"),
          .created = 1'700'000'000};
}

CardKeySet SampleKeys(Id card, std::uint8_t version) {
  return {.card = card, .version = version, .key_size = 16, .sealed = Counting(112)};
}

Job SampleJob(Id tenant, Id card) {
  return {.tenant = tenant, .card = card, .created = 1'700'000'100, .requested_by = "token fleet"};
}

Credential SampleCertificate(Id tenant, Id card, Id job, const std::string& name) {
  return {.tenant = tenant,
          .card = card,
          .job = job,
          .slot = 1,
          .name = name,
          .certificate = Counting(400),
          .public_key = Counting(65),
          .not_before = 1'700'000'200,
          .not_after = 1'731'536'200,
          .changed = 1'700'000'201};
}

Policy SamplePolicy(Id tenant, const std::string& name) {
  Policy policy;
  policy.tenant = tenant;
  policy.name = name;
  return policy;
}

CertificateAuthority SampleAuthority(Id tenant, const std::string& name) {
  return {.tenant = tenant,
          .name = name,
          .certificate = Counting(300),
          .key_file = name + ".key",
          .issues = true,
          .created = 1'700'000'000};
}

void Contract::SetUp() {
  under_test_ = MakeStoreUnderTest(clock_);
  tenant_ = Write([](StoreWriter& w) { return w.InsertTenant({.name = "acme", .created = 1}); }).value_or(0);
  other_tenant_ = Write([](StoreWriter& w) { return w.InsertTenant({.name = "bolt", .created = 2}); }).value_or(0);
  card_ = Write([&](StoreWriter& w) { return w.InsertCard(SampleCard(tenant_, "8988211000000000017")); }).value_or(0);
  ASSERT_NE(card_, 0);
}

}  // namespace simroot::platform::contract
