// SPDX-License-Identifier: Apache-2.0
#include "store/contract/contract.hpp"

namespace simroot::platform::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CredentialsContract : public Contract {
 protected:
  Id AddJob(Id tenant, Id card) {
    return Write([&](StoreWriter& w) { return w.InsertJob(SampleJob(tenant, card)); }).value_or(0);
  }
  Outcome<Id> Add(const Credential& credential) {
    return Write([&](StoreWriter& w) { return w.InsertCredential(credential); });
  }
  Outcome<Credential> Get(Id id) {
    return Read([&](StoreReader& r) { return r.FindCredential(id); });
  }
  std::vector<Id> List(const CredentialFilter& filter, const Page& page = {}) {
    return Ids(Read([&](StoreReader& r) { return r.ListCredentials(filter, page); }));
  }
  Outcome<void> Move(Id id, CredentialState from, CredentialState to, const std::string& reason = "",
                     UnixTime now = 9) {
    return Write([&](StoreWriter& w) { return w.TransitionCredential(id, from, to, reason, now); });
  }
};

TEST_F(CredentialsContract, CertificateComesBackAsItWasInserted) {
  const Id job = AddJob(tenant_, card_);
  const Id authority =
      Write([&](StoreWriter& w) { return w.InsertAuthority(SampleAuthority(tenant_, "issuing-1")); }).value_or(0);
  Credential certificate = SampleCertificate(tenant_, card_, job, "4F01");
  certificate.authority = authority;
  certificate.reason = "new";
  const auto id = Add(certificate);
  ASSERT_TRUE(id);
  const auto found = Get(*id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, *id);
  EXPECT_EQ(found->tenant, tenant_);
  EXPECT_EQ(found->card, card_);
  EXPECT_EQ(found->job, job);
  EXPECT_EQ(found->kind, CredentialKind::kCertificate);
  EXPECT_EQ(found->state, CredentialState::kRequested);
  EXPECT_EQ(found->slot, 1);
  EXPECT_EQ(found->name, "4F01");
  EXPECT_EQ(found->certificate, Counting(400));
  EXPECT_EQ(found->public_key, Counting(65));
  EXPECT_EQ(found->sealed_psk, Bytes());
  EXPECT_EQ(found->authority, authority);
  EXPECT_EQ(found->not_before, 1'700'000'200);
  EXPECT_EQ(found->not_after, 1'731'536'200);
  EXPECT_EQ(found->first_used, 0);
  EXPECT_EQ(found->changed, 1'700'000'201);
  EXPECT_EQ(found->reason, "new");
}

TEST_F(CredentialsContract, PskComesBackAsItWasInserted) {
  Credential psk{
      .tenant = tenant_, .card = card_, .kind = CredentialKind::kPsk, .name = "pump", .sealed_psk = Counting(80)};
  const auto id = Add(psk);
  ASSERT_TRUE(id);
  EXPECT_EQ(Get(*id)->kind, CredentialKind::kPsk);
  EXPECT_EQ(Get(*id)->sealed_psk, Counting(80));
  EXPECT_EQ(Get(*id)->certificate, Bytes());
  EXPECT_EQ(Get(*id)->job, 0);
  EXPECT_EQ(Get(*id)->authority, 0);
}

TEST_F(CredentialsContract, CredentialIsFoundByNameAndByJob) {
  const Id job = AddJob(tenant_, card_);
  const Id id = Add(SampleCertificate(tenant_, card_, job, "4F01")).value_or(0);
  EXPECT_EQ(Read([&](StoreReader& r) { return r.FindCredentialByName(tenant_, "4F01"); })->id, id);
  EXPECT_EQ(Read([&](StoreReader& r) { return r.FindCredentialOfJob(job); })->id, id);
  EXPECT_EQ(KindOf(Get(id + 1)), "not found");
  EXPECT_EQ(KindOf(Read([&](StoreReader& r) { return r.FindCredentialByName(other_tenant_, "4F01"); })), "not found");
  EXPECT_EQ(KindOf(Read([&](StoreReader& r) { return r.FindCredentialByName(tenant_, "4f01"); })), "not found");
  EXPECT_EQ(KindOf(Read([&](StoreReader& r) { return r.FindCredentialOfJob(job + 1); })), "not found");
  EXPECT_EQ(KindOf(Read([&](StoreReader& r) { return r.FindCredentialOfJob(0); })), "not found");
}

TEST_F(CredentialsContract, AJobMakesOne) {
  const Id job = AddJob(tenant_, card_);
  EXPECT_TRUE(Add(SampleCertificate(tenant_, card_, job, "01")));
  EXPECT_EQ(KindOf(Add(SampleCertificate(tenant_, card_, job, "02"))), "conflict");
  EXPECT_TRUE(Add(SampleCertificate(tenant_, card_, AddJob(tenant_, card_), "02")));
  EXPECT_TRUE(Add(SampleCertificate(tenant_, card_, 0, "03")));
  EXPECT_TRUE(Add(SampleCertificate(tenant_, card_, 0, "04")));
  EXPECT_EQ(KindOf(Add(SampleCertificate(tenant_, card_, 999, "05"))), "not found");
}

TEST_F(CredentialsContract, NameIsUniqueInItsTenantUnlessItIsEmpty) {
  const Id foreign =
      Write([&](StoreWriter& w) { return w.InsertCard(SampleCard(other_tenant_, "8988211000000000025")); }).value_or(0);
  EXPECT_TRUE(Add(SampleCertificate(tenant_, card_, 0, "01")));
  EXPECT_EQ(KindOf(Add(SampleCertificate(tenant_, card_, 0, "01"))), "conflict");
  EXPECT_TRUE(Add(SampleCertificate(other_tenant_, foreign, 0, "01")));
  EXPECT_TRUE(Add(SampleCertificate(tenant_, card_, 0, "")));
  EXPECT_TRUE(Add(SampleCertificate(tenant_, card_, 0, "")));
  EXPECT_EQ(KindOf(Read([&](StoreReader& r) { return r.FindCredentialByName(tenant_, ""); })), "not found");
}

TEST_F(CredentialsContract, CardMustBeOfTheSameTenant) {
  EXPECT_EQ(KindOf(Add(SampleCertificate(other_tenant_, card_, 0, "01"))), "not found");
  EXPECT_EQ(KindOf(Add(SampleCertificate(tenant_, 999, 0, "01"))), "not found");
  EXPECT_EQ(KindOf(Write([&](StoreWriter& w) { return w.InsertJob(SampleJob(other_tenant_, card_)); })), "not found");
  EXPECT_EQ(KindOf(Write([&](StoreWriter& w) { return w.InsertJob(SampleJob(tenant_, 999)); })), "not found");
}

TEST_F(CredentialsContract, ConflictLeavesNothingBehind) {
  EXPECT_TRUE(Add(SampleCertificate(tenant_, card_, 0, "01")));
  EXPECT_TRUE(Write([&](StoreWriter& w) -> Outcome<Id> {
    EXPECT_EQ(KindOf(w.InsertCredential(SampleCertificate(tenant_, card_, 0, "01"))), "conflict");
    return w.InsertCredential(SampleCertificate(tenant_, card_, 0, "02"));
  }));
  EXPECT_EQ(List({}).size(), 2U);
}

TEST_F(CredentialsContract, UpdateChangesEverythingButTenantCardJobKindAndState) {
  const Id job = AddJob(tenant_, card_);
  Credential credential = SampleCertificate(tenant_, card_, job, "01");
  credential.id = Add(credential).value_or(0);
  Credential changed = credential;
  changed.tenant = other_tenant_;
  changed.card = 999;
  changed.job = 0;
  changed.kind = CredentialKind::kPsk;
  changed.state = CredentialState::kActive;
  changed.slot = 0;
  changed.name = "0A";
  changed.certificate = Counting(10);
  changed.public_key = Counting(11);
  changed.sealed_psk = Counting(12);
  changed.not_before = 1;
  changed.not_after = 2;
  changed.first_used = 3;
  changed.changed = 4;
  changed.reason = "keyCompromise";
  EXPECT_TRUE(Write([&](StoreWriter& w) { return w.UpdateCredential(changed); }));
  const auto now = Get(credential.id);
  ASSERT_TRUE(now);
  EXPECT_EQ(now->tenant, tenant_);
  EXPECT_EQ(now->card, card_);
  EXPECT_EQ(now->job, job);
  EXPECT_EQ(now->kind, CredentialKind::kCertificate);
  EXPECT_EQ(now->state, CredentialState::kRequested);
  EXPECT_EQ(now->slot, 0);
  EXPECT_EQ(now->name, "0A");
  EXPECT_EQ(now->certificate, Counting(10));
  EXPECT_EQ(now->public_key, Counting(11));
  EXPECT_EQ(now->sealed_psk, Counting(12));
  EXPECT_EQ(now->not_before, 1);
  EXPECT_EQ(now->not_after, 2);
  EXPECT_EQ(now->first_used, 3);
  EXPECT_EQ(now->changed, 4);
  EXPECT_EQ(now->reason, "keyCompromise");
  changed.certificate.clear();
  changed.public_key.clear();
  changed.sealed_psk.clear();
  EXPECT_TRUE(Write([&](StoreWriter& w) { return w.UpdateCredential(changed); }));
  EXPECT_EQ(Get(credential.id)->certificate, Bytes());
  EXPECT_EQ(Get(credential.id)->public_key, Bytes());
  EXPECT_EQ(Get(credential.id)->sealed_psk, Bytes());
}

TEST_F(CredentialsContract, TimeAndReasonOfARevocationSurviveTheDeletion) {
  const Id id = Add(SampleCertificate(tenant_, card_, 0, "01")).value_or(0);
  EXPECT_TRUE(Move(id, CredentialState::kRequested, CredentialState::kIssued, "", 10));
  EXPECT_TRUE(Move(id, CredentialState::kIssued, CredentialState::kRevoked, "keyCompromise", 20));
  EXPECT_EQ(Get(id)->revoked, 20);
  EXPECT_TRUE(Move(id, CredentialState::kRevoked, CredentialState::kDeleted, "gone", 30));
  EXPECT_EQ(Get(id)->revoked, 20);
  EXPECT_EQ(Get(id)->reason, "keyCompromise");
  EXPECT_EQ(Get(id)->changed, 30);
}

TEST_F(CredentialsContract, UpdateKeepsNamesUnique) {
  EXPECT_TRUE(Add(SampleCertificate(tenant_, card_, 0, "01")));
  Credential second = SampleCertificate(tenant_, card_, 0, "02");
  second.id = Add(second).value_or(0);
  second.name = "01";
  EXPECT_EQ(KindOf(Write([&](StoreWriter& w) { return w.UpdateCredential(second); })), "conflict");
  second.id = 999;
  second.name = "03";
  EXPECT_EQ(KindOf(Write([&](StoreWriter& w) { return w.UpdateCredential(second); })), "not found");
}

TEST_F(CredentialsContract, TransitionKeepsReasonAndTime) {
  const Id id = Add(SampleCertificate(tenant_, card_, 0, "01")).value_or(0);
  EXPECT_TRUE(Move(id, CredentialState::kRequested, CredentialState::kIssued, "signed", 11));
  EXPECT_EQ(Get(id)->state, CredentialState::kIssued);
  EXPECT_EQ(Get(id)->reason, "signed");
  EXPECT_EQ(Get(id)->changed, 11);
  EXPECT_EQ(KindOf(Move(id, CredentialState::kRequested, CredentialState::kIssued, "again", 12)), "conflict");
  EXPECT_EQ(Get(id)->reason, "signed");
  EXPECT_EQ(KindOf(Move(999, CredentialState::kRequested, CredentialState::kIssued)), "not found");
}

TEST_F(CredentialsContract, EveryTransitionOfTheTableAndNoOtherIsDone) {
  for (const auto& from : kCredentialStates) {
    for (const auto& to : kCredentialStates) {
      Credential credential = SampleCertificate(tenant_, card_, 0, "");
      credential.state = from.state;
      const Id id = Add(credential).value_or(0);
      const bool done = Move(id, from.state, to.state).has_value();
      EXPECT_EQ(done, MayBecome(from.state, to.state)) << from.name << " to " << to.name;
      EXPECT_EQ(Get(id)->state, done ? to.state : from.state);
    }
  }
}

TEST_F(CredentialsContract, ListIsFilteredAndPaged) {
  const Id second_card =
      Write([&](StoreWriter& w) { return w.InsertCard(SampleCard(tenant_, "8988211000000000025")); }).value_or(0);
  const Id foreign_card =
      Write([&](StoreWriter& w) { return w.InsertCard(SampleCard(other_tenant_, "8988211000000000033")); }).value_or(0);
  const auto add = [&](Id tenant, Id card, CredentialKind kind, CredentialState state, UnixTime end) {
    Credential credential = SampleCertificate(tenant, card, 0, "");
    credential.kind = kind;
    credential.state = state;
    credential.not_after = end;
    return Add(credential).value_or(0);
  };
  const Id a = add(tenant_, card_, CredentialKind::kCertificate, CredentialState::kActive, 1000);
  const Id b = add(tenant_, card_, CredentialKind::kPsk, CredentialState::kActive, 0);
  const Id c = add(tenant_, second_card, CredentialKind::kCertificate, CredentialState::kActive, 500);
  const Id d = add(other_tenant_, foreign_card, CredentialKind::kCertificate, CredentialState::kRevoked, 400);
  EXPECT_THAT(List({}), ElementsAre(a, b, c, d));
  EXPECT_THAT(List({.tenant = tenant_}), ElementsAre(a, b, c));
  EXPECT_THAT(List({.card = card_}), ElementsAre(a, b));
  EXPECT_THAT(List({.tenant = other_tenant_, .card = card_}), IsEmpty());
  EXPECT_THAT(List({.state = CredentialState::kActive}), ElementsAre(a, b, c));
  EXPECT_THAT(List({.kind = CredentialKind::kPsk}), ElementsAre(b));
  EXPECT_THAT(List({.ends_before = 501}), ElementsAre(c, d));
  EXPECT_THAT(List({.ends_before = 500}), ElementsAre(d));
  EXPECT_THAT(List({.ends_before = 400}), IsEmpty());
  EXPECT_THAT(List({.state = CredentialState::kActive, .ends_before = 2000}), ElementsAre(a, c));
  EXPECT_THAT(List({.state = CredentialState::kActive, .ends_before = 2000}, {.after = a}), ElementsAre(c));
  EXPECT_THAT(List({.tenant = other_tenant_, .state = CredentialState::kActive, .ends_before = 2000}), IsEmpty());
  EXPECT_THAT(List({.card = card_, .state = CredentialState::kActive, .ends_before = 2000}), ElementsAre(a));
  EXPECT_THAT(List({.tenant = tenant_,
                    .card = card_,
                    .state = CredentialState::kActive,
                    .kind = CredentialKind::kCertificate,
                    .ends_before = 2000}),
              ElementsAre(a));
  EXPECT_THAT(List({}, {.after = 0, .limit = 2}), ElementsAre(a, b));
  EXPECT_THAT(List({}, {.after = b, .limit = 2}), ElementsAre(c, d));
  EXPECT_THAT(List({.ends_before = 2000}, {.after = a, .limit = 1}), ElementsAre(c));
  EXPECT_EQ(KindOf(Read([&](StoreReader& r) { return r.ListCredentials({}, {.limit = 0}); })), "invalid");
}

}  // namespace
}  // namespace simroot::platform::contract
