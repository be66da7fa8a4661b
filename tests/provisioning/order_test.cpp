// SPDX-License-Identifier: Apache-2.0
/// A device can delay what is to be done, never change its order, its owner or its outcome.
#include <gmock/gmock.h>

#include "world.hpp"

namespace simroot::provisioning {
namespace {

using card::CardProfile;

class OrderTest : public ::testing::Test {
 protected:
  World world;

  /// A session in which the device invents a refusal as the answer to the first batch of work.
  void RefuseOnce(const AnyCard& card) {
    Device device(card);
    RelayBatch batch = Must(world.engine().Begin(device.Hello()));
    batch = Must(world.engine().Continue(batch.session, batch.step, device.Run(batch), "127.0.0.1"));
    ASSERT_FALSE(batch.done);
    const std::vector<RelayAnswer> refusal{{{}, 0x6A84}};
    batch = Must(world.engine().Continue(batch.session, batch.step, refusal, "127.0.0.1"));
    EXPECT_TRUE(batch.done);
    EXPECT_FALSE(batch.provisioned);
  }
  /// The credential, which is in the card still.
  Credential SwitchOnAndRevoke(const AnyCard& card) {
    EXPECT_TRUE(Device(card).SwitchOn(world).has_value());
    const Credential burnt = world.Credentials(card).front();
    world.Write([&](StoreWriter& writer) {
      return writer.TransitionCredential(burnt.id, CredentialState::kActive, CredentialState::kRevoked, "keyCompromise",
                                         world.clock.now);
    });
    return burnt;
  }
  [[nodiscard]] std::string States(const AnyCard& card) {
    std::string states;
    for (const Credential& credential : world.Credentials(card)) {
      states += std::string(NameOf(credential.state)) + " ";
    }
    return states;
  }
};

TEST_F(OrderTest, WhatIsQueuedBehindARefusedJobWaitsForIt) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  ASSERT_TRUE(Device(card).SwitchOn(world).has_value());
  const Id erase = world.AddJob(card, JobKind::kErase);
  const Id switch_on = world.AddJob(card, JobKind::kSwitchOn);
  RefuseOnce(card);
  RefuseOnce(card);
  EXPECT_EQ(world.FindJob(erase).state, JobState::kQueued);
  EXPECT_EQ(world.FindJob(switch_on).attempts, 0U);
  EXPECT_EQ(Must(Device(card).Session(world.engine())).provisioned, false);  // not yet: the erasure waits
  EXPECT_EQ(world.FindJob(switch_on).attempts, 0U);
  const auto done = Device(card).SwitchOn(world);
  ASSERT_TRUE(done.has_value());
  EXPECT_TRUE(done->provisioned) << done->message;
  EXPECT_EQ(States(card), "deleted active ");
}

TEST_F(OrderTest, ACardThatWasSuspendedAfterTheHelloGetsNothing) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  const RelayBatch hello = Must(world.engine().Begin(device.Hello()));
  const auto answers = device.Run(hello);
  world.Write(
      [&](StoreWriter& writer) { return writer.TransitionCard(card.id, CardState::kImported, CardState::kSuspended); });
  const auto reply = world.engine().Continue(hello.session, hello.step, answers, "127.0.0.1");
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().kind, FailureKind::kDenied);
  EXPECT_EQ(world.FindJob(1).attempts, 0U);
}

TEST_F(OrderTest, AKeySetThatWasDeletedAfterTheHelloOpensNothing) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  const RelayBatch hello = Must(world.engine().Begin(device.Hello()));
  const auto answers = device.Run(hello);
  world.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(const auto sets, writer.ListCardKeys(card.id));
    for (const CardKeySet& set : sets) {
      SR_TRY_VOID(writer.DeleteCardKeys(card.id, set.version));
    }
    return {};
  });
  const auto reply = world.engine().Continue(hello.session, hello.step, answers, "127.0.0.1");
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().kind, FailureKind::kDenied);
  EXPECT_EQ(world.FindJob(1).attempts, 0U);
}

TEST_F(OrderTest, ACardThatWasRetiredInASessionGetsNoCredential) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  RelayBatch batch = Must(world.engine().Begin(device.Hello()));
  batch = Must(world.engine().Continue(batch.session, batch.step, device.Run(batch), "127.0.0.1"));
  const auto answers = device.Run(batch);
  world.Write(
      [&](StoreWriter& writer) { return writer.TransitionCard(card.id, CardState::kActive, CardState::kRetired); });
  static_cast<void>(world.engine().Continue(batch.session, batch.step, answers, "127.0.0.1"));
  EXPECT_EQ(States(card), "");
}

TEST_F(OrderTest, JobsOfTheOwnerBeforeAreCancelled) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  world.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(const Id other, writer.InsertTenant({.id = 0, .name = "other", .created = 1}));
    return writer.ChangeOwner(card.id, other);
  });
  const auto reply = Device(card).Session(world.engine());
  ASSERT_TRUE(reply.has_value()) << reply.error().Text();
  EXPECT_TRUE(reply->done);
  EXPECT_EQ(world.FindJob(1).state, JobState::kCancelled);
  EXPECT_EQ(States(card), "");
}

TEST_F(OrderTest, AKeyThatWasRevokedIsNotCertifiedAnew) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  static_cast<void>(SwitchOnAndRevoke(card));
  const Id again = world.AddJob(card, JobKind::kSwitchOn);
  static_cast<void>(Device(card).SwitchOn(world));
  EXPECT_EQ(world.FindJob(again).state, JobState::kFailed);
  EXPECT_THAT(world.FindJob(again).error, ::testing::HasSubstr("revoked"));
  EXPECT_EQ(States(card), "revoked ");
}

TEST_F(OrderTest, TheAuditLogTellsWhyADeletedCredentialWasRevoked) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  const Credential burnt = SwitchOnAndRevoke(card);
  world.AddJob(card, JobKind::kRevoke, burnt.id);
  static_cast<void>(Device(card).SwitchOn(world));
  EXPECT_EQ(States(card), "deleted ");
  const auto entries = world.Read<std::vector<AuditEntry>>(
      [](StoreReader& reader) { return reader.ListAudit(0, Page{.after = 0, .limit = 1000}); });
  const auto deleted = std::ranges::find(entries, "credential.deleted", &AuditEntry::action);
  ASSERT_NE(deleted, entries.end());
  EXPECT_EQ(deleted->detail, R"({"reason":"keyCompromise"})");
  EXPECT_EQ(world.engine().Count().open_sessions, 0U) << "what is done is not open";
}

TEST_F(OrderTest, ARetriedRotationKeepsItsOwnKey) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  ASSERT_TRUE(Device(card).SwitchOn(world).has_value());
  const Id rotate = world.AddJob(card, JobKind::kRotate);
  Device device(card);
  RelayBatch batch = Must(world.engine().Begin(device.Hello()));
  for (int i = 0; i < 2; ++i) {  // up to the certificate, which never reaches the card
    batch = Must(world.engine().Continue(batch.session, batch.step, device.Run(batch), "127.0.0.1"));
  }
  ASSERT_EQ(world.Credentials(card).size(), 2U);
  world.clock.now += 200;
  world.Write([&](StoreWriter& writer) -> Outcome<void> {  // as an operator's retry does
    SR_TRY(Job job, writer.FindJob(rotate));
    job.attempts = 0;
    job.state = JobState::kQueued;
    return writer.TransitionJob(job, JobState::kRunning, world.clock.now);
  });
  const auto done = Device(card).SwitchOn(world);
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(world.FindJob(rotate).state, JobState::kDone) << world.FindJob(rotate).error;
  EXPECT_EQ(States(card), "superseded active ");
}

TEST_F(OrderTest, MisshapenAnswersKeepNoSessionAlive) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  const RelayBatch hello = Must(world.engine().Begin(device.Hello()));
  const auto answers = device.Run(hello);
  for (int i = 0; i < 3; ++i) {
    world.clock.now += 50;
    EXPECT_FALSE(world.engine().Continue(hello.session, hello.step + 7, answers, "127.0.0.1").has_value());
  }
  const auto late = world.engine().Continue(hello.session, hello.step, answers, "127.0.0.1");
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().kind, FailureKind::kNotFound);
}

}  // namespace
}  // namespace simroot::provisioning
