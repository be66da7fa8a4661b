// SPDX-License-Identifier: Apache-2.0
// Sessions that the device has begun (docs/adr/0017): a round trip less, and nothing else than with a challenge of the
// platform's.
#include "tests/provisioning/world.hpp"

namespace simroot::provisioning {
namespace {

using card::CardProfile;

class OpeningTest : public ::testing::Test {
 protected:
  Outcome<RelayBatch> Begin(const RelayHello& hello) { return world.engine().Begin(hello); }
  [[nodiscard]] std::int64_t Sequence(const AnyCard& card) { return world.KeySets(card).front().scp03_sequence; }
  /// The platform goes on as if there were no opening.
  void ExpectAsked(const RelayHello& hello, const std::string& why) {
    const auto batch = Begin(hello);
    ASSERT_TRUE(batch.has_value()) << why << ": " << batch.error().Text();
    ASSERT_EQ(batch->commands.size(), 1U) << why;
    EXPECT_EQ(ToHex(ByteView(batch->commands.front()).first(5)), "8050000008") << why;
    EXPECT_FALSE(batch->security_domain.empty()) << why;
    EXPECT_EQ(batch->step, 1U);
  }
  void ExpectRefused(const RelayHello& hello, const std::string& why) {
    const unsigned open = world.engine().Count().open_sessions;
    const auto batch = Begin(hello);
    ASSERT_FALSE(batch.has_value()) << why;
    EXPECT_EQ(batch.error().kind, FailureKind::kDenied) << why;
    EXPECT_EQ(batch.error().Text(), "the card did not prove itself") << why;
    EXPECT_EQ(world.engine().Count().open_sessions, open) << why;
  }

  World world;
};

TEST_F(OpeningTest, WithoutOneASwitchOnTakesARoundTripMore) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  device.opens = false;
  const auto done = device.Session(world.engine());
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  EXPECT_TRUE(done->provisioned) << done->message;
  EXPECT_EQ(device.posts, 4U);
}

TEST_F(OpeningTest, ACardThatHasAllIsToldSoAtOnce) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  ASSERT_TRUE(device.Session(world.engine()).has_value());
  device.posts = 0;
  const auto done = device.Session(world.engine());
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  EXPECT_TRUE(done->provisioned) << done->message;
  EXPECT_EQ(device.posts, 1U);
  EXPECT_EQ(world.engine().Count().authenticated, 2U);
  EXPECT_EQ(world.engine().Count().open_sessions, 0U);
}

TEST_F(OpeningTest, OneThatDoesNotFitIsLeftAsideWhoeverSendsIt) {
  const AnyCard known = world.AddCard(CardProfile::kBlank);
  for (const std::string& iccid : {known.iccid, std::string("89882019999999999999")}) {
    RelayHello hello = Device(known).OpeningHello();
    ASSERT_TRUE(hello.opening.has_value());
    hello.iccid = iccid;
    RelayHello other = hello;
    other.opening->security_domain.back() ^= 0x01;
    ExpectAsked(other, "another domain");
    other = hello;
    other.opening->answer.data.resize(29);  // an i that promises no number, and none
    other.opening->answer.data.at(12) &= 0xEF;
    ExpectAsked(other, "no sequence number");
    for (const std::size_t size : {0U, 1U, 28U, 31U}) {
      other = hello;
      other.opening->answer.data.resize(size);
      ExpectAsked(other, std::to_string(size) + " bytes");
    }
    other = hello;
    other.opening->answer.sw = 0x6A88;
    ExpectAsked(other, "a refusal");
  }
  EXPECT_EQ(world.FindJob(1).attempts, 0U);
  EXPECT_EQ(Sequence(known), -1);
}

TEST_F(OpeningTest, AStrangersIsRefusedAsThatOfAnUnknownCard) {
  const AnyCard genuine = world.AddCard(CardProfile::kBlank);
  const AnyCard clone = world.AddCard(CardProfile::kBlank);
  RelayHello hello = Device(clone).OpeningHello();
  hello.iccid = genuine.iccid;
  ExpectRefused(hello, "other keys");
  hello.iccid = "89882019999999999999";
  ExpectRefused(hello, "unknown");
  EXPECT_EQ(world.engine().Count().refused, 2U);
  EXPECT_EQ(world.Audited("relay.refused"), 2U);
  EXPECT_EQ(world.FindJob(1).attempts, 0U);
  EXPECT_EQ(Sequence(genuine), -1);
}

TEST_F(OpeningTest, CardsThatAreNotInServiceAreRefusedAlike) {
  for (const CardState state : {CardState::kSuspended, CardState::kRetired}) {
    const AnyCard card = world.AddCard(CardProfile::kBlank);
    world.Write([&](StoreWriter& writer) { return writer.TransitionCard(card.id, CardState::kImported, state); });
    ExpectRefused(Device(card).OpeningHello(), "not in service");
  }
}

TEST_F(OpeningTest, NotOneBitOfItCanBeTurned) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  const RelayHello hello = Device(card).OpeningHello();
  const auto refused_or_asked = [&](const RelayHello& wrong, const std::string& what) {
    const auto batch = Begin(wrong);
    EXPECT_TRUE(!batch || ToHex(ByteView(batch->commands.front()).first(5)) == "8050000008") << what;
    EXPECT_EQ(Sequence(card), -1) << what;
  };
  for (std::size_t i = 10; i < hello.opening->answer.data.size(); ++i) {  // before: diversification data, not used
    RelayHello wrong = hello;
    wrong.opening->answer.data.at(i) ^= 0x01;
    refused_or_asked(wrong, "byte " + std::to_string(i));
  }
  for (std::size_t i = 0; i < 8; ++i) {
    RelayHello wrong = hello;
    wrong.opening->challenge.at(i) ^= 0x80;
    ExpectRefused(wrong, "challenge " + std::to_string(i));
  }
  RelayHello wrong = hello;
  wrong.opening->challenge.push_back(0x00);
  refused_or_asked(wrong, "a longer challenge");
  EXPECT_EQ(world.FindJob(1).attempts, 0U);
  const auto batch = Begin(hello);  // and the true one still counts
  ASSERT_TRUE(batch.has_value()) << batch.error().Text();
  EXPECT_GT(batch->commands.size(), 2U);
  EXPECT_TRUE(batch->security_domain.empty());
}

TEST_F(OpeningTest, ALostReplyIsRepeatedAndCostsNoAttempt) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  const RelayHello hello = device.OpeningHello();
  auto batch = Begin(hello);
  ASSERT_TRUE(batch.has_value()) << batch.error().Text();
  for (int i = 0; i < 3; ++i) {
    const auto again = Begin(hello);
    ASSERT_TRUE(again.has_value()) << again.error().Text();
    EXPECT_EQ(again->session, batch->session);
    EXPECT_EQ(again->commands, batch->commands);
  }
  EXPECT_EQ(world.FindJob(1).attempts, 1U);
  EXPECT_EQ(world.Audited("relay.refused"), 0U);
  RelayHello other = hello;
  other.opening->challenge.front() ^= 0x01;
  EXPECT_FALSE(Begin(other).has_value());
  while (batch && !batch->done) {
    batch = world.engine().Continue(batch->session, batch->step, device.Run(*batch), "127.0.0.1");
  }
  ASSERT_TRUE(batch.has_value()) << batch.error().Text();
  EXPECT_TRUE(batch->provisioned) << batch->message;
  const RelayHello last = device.OpeningHello();
  ASSERT_TRUE(Begin(last).has_value());
  const auto end = Begin(last);  // also of the last word
  ASSERT_TRUE(end.has_value()) << end.error().Text();
  EXPECT_TRUE(end->provisioned);
}

TEST_F(OpeningTest, NoneCountsTwice) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  const RelayHello hello = device.OpeningHello();
  auto batch = Begin(hello);
  ASSERT_TRUE(batch.has_value()) << batch.error().Text();
  batch = world.engine().Continue(batch->session, batch->step, device.Run(*batch), "127.0.0.1");
  ASSERT_TRUE(batch.has_value()) << batch.error().Text();
  const auto again = Begin(hello);  // the session has gone on
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().kind, FailureKind::kDenied);
  EXPECT_EQ(world.Audited("relay.refused"), 1U);
  EXPECT_EQ(world.FindJob(1).attempts, 1U);
  while (batch && !batch->done) {  // and is not disturbed
    batch = world.engine().Continue(batch->session, batch->step, device.Run(*batch), "127.0.0.1");
  }
  ASSERT_TRUE(batch.has_value()) << batch.error().Text();
  EXPECT_TRUE(batch->provisioned) << batch->message;
  world.clock.now += 3600;
  ExpectRefused(hello, "when the session has expired");
  world.Restart();
  ExpectRefused(hello, "after a restart");
}

/// Who once had the card in hand keeps answers of it for later.
TEST_F(OpeningTest, AnOldOneIsWorthAnAttemptAtMostAndNothingAfterTheCardWasSeen) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  std::vector<RelayHello> kept;
  kept.reserve(3);
  for (int i = 0; i < 3; ++i) {
    kept.push_back(Device(card).OpeningHello());
  }
  world.clock.now += 86400;
  const auto batch = Begin(kept.at(1));
  ASSERT_TRUE(batch.has_value()) << batch.error().Text();
  Device device(card);
  static_cast<void>(device.OpeningHello());
  EXPECT_NE(device.Run(*batch).front().sw, 0x9000) << "the card has left that session";
  const auto older = Begin(kept.at(0));
  ASSERT_FALSE(older.has_value());
  const auto done = Device(card).SwitchOn(world);
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  EXPECT_TRUE(done->provisioned) << done->message;
  ExpectRefused(kept.at(2), "older than the card's own session");
  EXPECT_EQ(world.Credentials(card).size(), 1U);
}

TEST_F(OpeningTest, StepsAreCountedAsEver) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  const auto batch = Begin(device.OpeningHello());
  ASSERT_TRUE(batch.has_value()) << batch.error().Text();
  EXPECT_EQ(batch->step, 1U);
  const auto answers = device.Run(*batch);
  for (const unsigned step : {0U, 2U, 7U}) {
    const auto reply = world.engine().Continue(batch->session, step, answers, "127.0.0.1");
    ASSERT_FALSE(reply.has_value());
    EXPECT_EQ(reply.error().kind, FailureKind::kConflict) << step;
  }
  const auto first = world.engine().Continue(batch->session, 1, answers, "127.0.0.1");
  const auto repeated = world.engine().Continue(batch->session, 1, answers, "127.0.0.1");
  ASSERT_TRUE(first.has_value() && repeated.has_value());
  EXPECT_EQ(first->step, 2U);
  EXPECT_EQ(first->commands, repeated->commands);
}

TEST(OpeningLimits, AreThoseOfEveryHello) {
  EngineLimits limits = World::Generous();
  limits.hellos_per_minute_and_card = 2;
  World world(limits);
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(world.engine().Begin(Device(card).OpeningHello()).has_value());
  }
  const auto refused = world.engine().Begin(Device(card).OpeningHello());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, FailureKind::kLimited);
  EXPECT_EQ(world.FindJob(1).attempts, 2U);
}

}  // namespace
}  // namespace simroot::provisioning
