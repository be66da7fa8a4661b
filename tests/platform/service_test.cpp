// SPDX-License-Identifier: Apache-2.0
/// Cards, devices, credentials and jobs.
#include "service_test_support.hpp"

namespace simroot::platform {
namespace {

using CardsTest = ServiceTest;
using CredentialsTest = ServiceTest;
using JobsTest = ServiceTest;

TEST_F(CardsTest, SuspendedAndResumedWithItsCredentials) {
  const Card card = ActiveCard();
  const Credential credential = Active(card, "01");
  EXPECT_EQ(Take(service_->SetCardState(operator_, card.iccid, CardState::kSuspended)).state, CardState::kSuspended);
  EXPECT_EQ(StateOf(credential), CredentialState::kSuspended);
  EXPECT_EQ(Take(service_->SetCardState(operator_, card.iccid, CardState::kActive)).state, CardState::kActive);
  EXPECT_EQ(StateOf(credential), CredentialState::kActive);
}

TEST_F(CardsTest, NobodyMakesAnImportedCardActiveByHand) {
  const Card card = ImportOne();
  EXPECT_EQ(KindOf(service_->SetCardState(operator_, card.iccid, CardState::kActive)), FailureKind::kConflict);
  // One that was held back must find a way to its first contact.
  Take(service_->SetCardState(operator_, card.iccid, CardState::kSuspended));
  EXPECT_EQ(Take(service_->SetCardState(operator_, card.iccid, CardState::kActive)).state, CardState::kActive);
}

TEST_F(CardsTest, AnOverlapEndsWithASuspension) {
  const Card card = ActiveCard();
  const Credential old = Active(card, "01");
  Write([&](StoreWriter& writer) {
    return writer.TransitionCredential(old.id, CredentialState::kActive, CredentialState::kSuperseded, "", clock_.now);
  });
  const Credential fresh = Active(card, "02");
  const Credential secret = Active(card, "psk", CredentialKind::kPsk);
  Take(service_->SetCardState(operator_, card.iccid, CardState::kSuspended));
  for (const Credential& credential : {old, fresh, secret}) {
    EXPECT_EQ(StateOf(credential), CredentialState::kSuspended) << credential.name;
    EXPECT_EQ(KindOf(service_->SetCredentialState(operator_, credential.id, CredentialState::kActive, "")),
              FailureKind::kConflict);
  }
  Take(service_->SetCardState(operator_, card.iccid, CardState::kActive));
  EXPECT_EQ(StateOf(fresh), CredentialState::kActive);
  EXPECT_EQ(StateOf(secret), CredentialState::kActive);
  EXPECT_EQ(StateOf(old), CredentialState::kRevoked);
  EXPECT_EQ(Read<Credential>([&](StoreReader& reader) { return reader.FindCredential(old.id); }).reason, "superseded");
}

TEST_F(CardsTest, WhatWasSuspendedByHandStaysSo) {
  const Card card = ActiveCard();
  const Credential credential = Active(card, "01");
  Take(service_->SetCredentialState(operator_, credential.id, CredentialState::kSuspended, "lost"));
  Take(service_->SetCardState(operator_, card.iccid, CardState::kSuspended));
  Take(service_->SetCardState(operator_, card.iccid, CardState::kActive));
  EXPECT_EQ(StateOf(credential), CredentialState::kSuspended);
  EXPECT_EQ(Take(service_->SetCredentialState(operator_, credential.id, CredentialState::kActive, "")).state,
            CredentialState::kActive);
}

TEST_F(CardsTest, RunningJobsEndWithTheCardOrItsOwner) {
  Take(service_->CreateTenant(admin_, "other"));
  const Card retired = ImportOne();
  const Card given = ImportOne("89880000000000000029");
  for (const Card& card : {retired, given}) {
    MoveJobs(card, JobState::kQueued, JobState::kRunning);
  }
  Take(service_->SetCardState(operator_, retired.iccid, CardState::kRetired));
  Take(service_->ChangeOwner(admin_, given.iccid, "other"));
  for (const Card& card : {retired, given}) {
    EXPECT_EQ(JobsOf(card).front().state, JobState::kFailed);
    EXPECT_NE(JobsOf(card).front().error, "");
    EXPECT_EQ(KindOf(service_->RetryJob(operator_, JobsOf(card).front().id)), FailureKind::kConflict);
  }
}

TEST_F(CardsTest, RetiredForGood) {
  const Card card = ImportOne();
  const Credential credential = Active(card, "01");
  EXPECT_EQ(Take(service_->SetCardState(operator_, card.iccid, CardState::kRetired)).state, CardState::kRetired);
  EXPECT_EQ(StateOf(credential), CredentialState::kRevoked);
  EXPECT_TRUE(Read<std::vector<CardKeySet>>([&](StoreReader& reader) { return reader.ListCardKeys(card.id); }).empty());
  for (const Job& job : JobsOf(card)) {
    EXPECT_NE(job.state, JobState::kQueued);
  }
  EXPECT_EQ(KindOf(service_->SetCardState(operator_, card.iccid, CardState::kActive)), FailureKind::kConflict);
  EXPECT_EQ(KindOf(service_->RequestJob(operator_, card.iccid, JobKind::kRotate)), FailureKind::kConflict);
}

TEST_F(CardsTest, ANewOwnerStartsFromNothing) {
  const Tenant other = Take(service_->CreateTenant(admin_, "other"));
  const Card card = ImportOne();
  Take(service_->NameDevice(operator_, card.iccid, "meter-17"));
  const Credential credential = Active(card, "01");
  const Card given = Take(service_->ChangeOwner(admin_, card.iccid, "other"));
  EXPECT_EQ(given.tenant, other.id);
  EXPECT_EQ(StateOf(credential), CredentialState::kRevoked);
  std::vector<JobKind> open;
  for (const Job& job : JobsOf(card)) {
    if (job.state == JobState::kQueued) {
      EXPECT_EQ(job.tenant, other.id);
      open.push_back(job.kind);
    }
  }
  EXPECT_EQ(open, (std::vector{JobKind::kErase, JobKind::kSwitchOn}));
  const Actor old_owner{.name = "token acme", .role = Role::kAdmin, .tenant = tenant_.id, .certificate = {}};
  EXPECT_EQ(KindOf(service_->SetCardState(old_owner, card.iccid, CardState::kSuspended)), FailureKind::kNotFound);
  EXPECT_EQ(KindOf(service_->ChangeOwner(admin_, card.iccid, "other")), FailureKind::kConflict);
  EXPECT_EQ(KindOf(service_->ChangeOwner(operator_, card.iccid, "acme")), FailureKind::kDenied);
}

TEST_F(CardsTest, NamesOfDevices) {
  const Card card = ImportOne();
  const Card second = ImportOne("89880000000000000029");
  EXPECT_EQ(Take(service_->NameDevice(operator_, card.iccid, "meter-17")).name, "meter-17");
  EXPECT_EQ(Take(service_->NameDevice(operator_, card.iccid, "meter-18")).name, "meter-18");
  EXPECT_EQ(KindOf(service_->NameDevice(operator_, second.iccid, "meter-18")), FailureKind::kConflict);
  EXPECT_EQ(KindOf(service_->NameDevice(operator_, card.iccid, "")), FailureKind::kInvalid);
  EXPECT_EQ(KindOf(service_->NameDevice(viewer_, card.iccid, "meter-19")), FailureKind::kDenied);
}

TEST_F(CredentialsTest, RevocationGoesIntoFeedLogAndJobs) {
  const Card card = ImportOne();
  const Credential credential = Active(card, "01");
  Take(service_->SetCredentialState(operator_, credential.id, CredentialState::kRevoked, "keyCompromise"));
  const auto feed = Take(service_->Feed(operator_, {}));
  ASSERT_EQ(feed.size(), 1U);
  EXPECT_EQ(feed.front().event.kind, "credential.revoked");
  EXPECT_EQ(feed.front().iccid, card.iccid);
  const auto jobs = JobsOf(card);
  EXPECT_EQ(jobs.back().kind, JobKind::kRevoke);
  EXPECT_EQ(jobs.back().credential, credential.id);
  const auto audit = Read<std::vector<AuditEntry>>([&](StoreReader& reader) { return reader.ListAudit(0, {}); });
  EXPECT_TRUE(std::ranges::any_of(audit, [](const AuditEntry& entry) {
    return entry.action == "credential.revoked" && entry.actor == "token ops" &&
           entry.detail.find("keyCompromise") != std::string::npos;
  }));
}

TEST_F(CredentialsTest, StatesNobodyCanAskFor) {
  const Card card = ImportOne();
  const Credential credential = Active(card, "01");
  for (const CredentialState to : {CredentialState::kRequested, CredentialState::kIssued, CredentialState::kSuperseded,
                                   CredentialState::kExpired, CredentialState::kDeleted}) {
    EXPECT_EQ(KindOf(service_->SetCredentialState(operator_, credential.id, to, "")), FailureKind::kInvalid);
  }
  EXPECT_EQ(KindOf(service_->SetCredentialState(operator_, credential.id, CredentialState::kRevoked, "because")),
            FailureKind::kInvalid);
  EXPECT_EQ(KindOf(service_->SetCredentialState(viewer_, credential.id, CredentialState::kRevoked, "")),
            FailureKind::kDenied);
  Take(service_->SetCredentialState(operator_, credential.id, CredentialState::kRevoked, ""));
  EXPECT_EQ(KindOf(service_->SetCredentialState(operator_, credential.id, CredentialState::kActive, "")),
            FailureKind::kConflict);
}

TEST_F(CredentialsTest, ProofOfUseEndsTheOverlap) {
  const Card card = ImportOne();
  const Credential old = Active(card, "01");
  Write([&](StoreWriter& writer) {
    return writer.TransitionCredential(old.id, CredentialState::kActive, CredentialState::kSuperseded, "", clock_.now);
  });
  const Credential fresh = Active(card, "02");
  const Credential secret = Active(card, "psk", CredentialKind::kPsk);
  Write([&](StoreWriter& writer) {
    return writer.TransitionCredential(secret.id, CredentialState::kActive, CredentialState::kSuperseded, "",
                                       clock_.now);
  });
  const Actor server{.name = "server web", .role = Role::kViewer, .tenant = tenant_.id, .certificate = {1}};
  const Actor of_tenant{.name = "token t", .role = Role::kAdmin, .tenant = tenant_.id, .certificate = {}};
  EXPECT_EQ(KindOf(service_->RecordUse(of_tenant, "02")), FailureKind::kDenied);
  EXPECT_EQ(Take(service_->RecordUse(server, "02")).first_used, clock_.now);
  EXPECT_EQ(StateOf(old), CredentialState::kRevoked);
  EXPECT_EQ(StateOf(fresh), CredentialState::kActive);
  EXPECT_EQ(StateOf(secret), CredentialState::kSuperseded) << "of another kind";
  const std::size_t jobs = JobsOf(card).size();
  clock_.now += 60;
  EXPECT_EQ(Take(service_->RecordUse(server, "02")).first_used, clock_.now - 60);
  EXPECT_EQ(JobsOf(card).size(), jobs);
  EXPECT_EQ(KindOf(service_->RecordUse(server, "03")), FailureKind::kNotFound);
  EXPECT_EQ(KindOf(service_->RecordUse(viewer_, "02")), FailureKind::kDenied);
}

TEST_F(CredentialsTest, OneThatCannotBeSealedDoesNotStopTheFeed) {
  const Card card = ActiveCard();
  const Credential secret = Active(card, "psk", CredentialKind::kPsk);
  const Credential certificate = Active(card, "01");
  Take(service_->SetCredentialState(operator_, secret.id, CredentialState::kSuspended, ""));
  Take(service_->SetCredentialState(operator_, certificate.id, CredentialState::kRevoked, ""));
  const Actor server{.name = "server web", .role = Role::kViewer, .tenant = tenant_.id, .certificate = {1}};
  const auto feed = Take(service_->Feed(server, {}));
  ASSERT_EQ(feed.size(), 2U);
  EXPECT_TRUE(feed.front().sealed_psk.empty());
  EXPECT_EQ(feed.back().event.kind, "credential.revoked");
}

TEST_F(CredentialsTest, TheFeedDoesNotNameTheDeviceOfANewOwner) {
  Take(service_->CreateTenant(admin_, "other"));
  const Card card = ActiveCard();
  Active(card, "01");
  Take(service_->ChangeOwner(admin_, card.iccid, "other"));
  Take(service_->NameDevice(operator_, card.iccid, "meter-of-other"));
  const Actor old_owner{.name = "token acme", .role = Role::kViewer, .tenant = tenant_.id, .certificate = {}};
  const auto feed = Take(service_->Feed(old_owner, {}));
  ASSERT_FALSE(feed.empty());
  EXPECT_EQ(feed.back().device, "");
}

TEST_F(JobsTest, OneOfAKindAtATime) {
  const Card card = ImportOne();
  const Job job = Take(service_->RequestJob(operator_, card.iccid, JobKind::kRotate));
  EXPECT_EQ(job.state, JobState::kQueued);
  EXPECT_EQ(KindOf(service_->RequestJob(operator_, card.iccid, JobKind::kRotate)), FailureKind::kConflict);
  EXPECT_EQ(Take(service_->CancelJob(operator_, job.id)).state, JobState::kCancelled);
  EXPECT_EQ(KindOf(service_->CancelJob(operator_, job.id)), FailureKind::kConflict);
  EXPECT_TRUE(service_->RequestJob(operator_, card.iccid, JobKind::kRotate));
}

TEST_F(JobsTest, WhatFollowsFromAStateIsNotForRequest) {
  const Card card = ImportOne();
  for (const JobKind kind : {JobKind::kSuspend, JobKind::kResume, JobKind::kRevoke}) {
    EXPECT_EQ(KindOf(service_->RequestJob(operator_, card.iccid, kind)), FailureKind::kInvalid);
  }
}

TEST_F(JobsTest, AFailedOneOnceMore) {
  const Card card = ImportOne();
  const Job job = Take(service_->RequestJob(operator_, card.iccid, JobKind::kRotate));
  EXPECT_EQ(KindOf(service_->RetryJob(operator_, job.id)), FailureKind::kConflict);
  Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(Job failed, writer.FindJob(job.id));
    failed.attempts = 20;
    failed.error = "the card refuses";
    failed.state = JobState::kFailed;
    return writer.TransitionJob(failed, JobState::kQueued, clock_.now);
  });
  const Job again = Take(service_->RetryJob(operator_, job.id));
  EXPECT_EQ(again.state, JobState::kQueued);
  EXPECT_EQ(again.attempts, 0U);
  MoveJobs(card, JobState::kQueued, JobState::kFailed);
  EXPECT_TRUE(service_->RequestJob(operator_, card.iccid, JobKind::kRotate));
  EXPECT_EQ(KindOf(service_->RetryJob(operator_, job.id)), FailureKind::kConflict) << "another one is open";
  const Actor stranger{.name = "token other", .role = Role::kAdmin, .tenant = tenant_.id + 1, .certificate = {}};
  EXPECT_EQ(KindOf(service_->CancelJob(stranger, job.id)), FailureKind::kNotFound);
}

}  // namespace
}  // namespace simroot::platform
