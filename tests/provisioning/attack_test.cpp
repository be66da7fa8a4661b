// SPDX-License-Identifier: Apache-2.0
// The relay between platform and card is hostile: it alters, repeats, reorders and withholds.
#include "tests/provisioning/world.hpp"

namespace simroot::provisioning {
namespace {

using card::CardProfile;

class AttackTest : public ::testing::Test {
 protected:
  /// The batches of one switch-on and the answers to them, as a relay sees them.
  struct Heard {
    std::vector<RelayBatch> batches;
    std::vector<std::vector<RelayAnswer>> answers;
  };
  Heard Listen(Device& device) {
    Heard heard;
    auto batch = world.engine().Begin(device.Hello());
    while (batch && !batch->done) {
      heard.batches.push_back(*batch);
      heard.answers.push_back(device.Run(*batch));
      batch = world.engine().Continue(batch->session, batch->step, heard.answers.back(), "127.0.0.1");
    }
    EXPECT_TRUE(batch.has_value());
    return heard;
  }
  /// Honest up to step `step`, whose answers are given back unsent.
  std::vector<RelayAnswer> Until(Device& device, unsigned step, RelayBatch& batch) {
    auto next = world.engine().Begin(device.Hello());
    while (next && !next->done) {
      batch = *next;
      auto answers = device.Run(batch);
      if (batch.step == step) {
        return answers;
      }
      next = world.engine().Continue(batch.session, batch.step, answers, "127.0.0.1");
    }
    ADD_FAILURE() << "no step " << step;
    return {};
  }
  std::size_t LiveCredentials(const AnyCard& card) {
    const auto all = world.Credentials(card);
    return static_cast<std::size_t>(std::ranges::count(all, CredentialState::kActive, &Credential::state));
  }

  World world;
};

TEST_F(AttackTest, ACloneWithoutTheKeysGetsNothingAndLooksLikeAnUnknownCard) {
  const AnyCard genuine = world.AddCard(CardProfile::kBlank);
  AnyCard clone = world.AddCard(CardProfile::kBlank);
  clone.iccid = genuine.iccid;  // it says so; its keys are others
  AnyCard unknown = clone;
  unknown.iccid = "89882019999999999999";
  std::vector<Failure> refusals;
  std::vector<RelayBatch> firsts;
  for (const AnyCard& card : {clone, unknown}) {
    Device device(card);
    const auto batch = world.engine().Begin(device.Hello());
    ASSERT_TRUE(batch.has_value());
    firsts.push_back(*batch);
    const auto answers = device.Run(*batch);
    const auto reply = world.engine().Continue(batch->session, batch->step, answers, "127.0.0.1");
    ASSERT_FALSE(reply.has_value());
    refusals.push_back(reply.error());
  }
  EXPECT_EQ(firsts.at(0).security_domain, firsts.at(1).security_domain);
  EXPECT_EQ(firsts.at(0).commands.size(), firsts.at(1).commands.size());
  EXPECT_EQ(firsts.at(0).commands.at(0).size(), firsts.at(1).commands.at(0).size());
  EXPECT_TRUE(std::ranges::equal(ByteView(firsts.at(0).commands.at(0)).first(5),
                                 ByteView(firsts.at(1).commands.at(0)).first(5)));
  for (const Failure& refusal : refusals) {
    EXPECT_EQ(refusal.kind, FailureKind::kDenied);
    EXPECT_EQ(refusal.Text(), refusals.front().Text());
  }
  EXPECT_TRUE(world.Credentials(genuine).empty());
  EXPECT_EQ(world.engine().Count().refused, 2U);
  EXPECT_EQ(world.Audited("relay.refused"), 2U);
  EXPECT_EQ(world.FindJob(1).attempts, 0U);
}

TEST_F(AttackTest, CardsThatAreNotInServiceAreRefusedAlike) {
  for (const CardState state : {CardState::kSuspended, CardState::kRetired}) {
    const AnyCard card = world.AddCard(CardProfile::kBlank);
    world.Write([&](StoreWriter& writer) { return writer.TransitionCard(card.id, CardState::kImported, state); });
    const auto reply = Device(card).Session(world.engine());
    ASSERT_FALSE(reply.has_value());
    EXPECT_EQ(reply.error().kind, FailureKind::kDenied);
  }
}

TEST_F(AttackTest, ACopyOfACardIsFoundByItsSequenceNumber) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  AnyCard copy = card;
  copy.file += ".copy";
  std::filesystem::copy_file(card.file, copy.file);
  ASSERT_TRUE(Device(card).Session(world.engine()).has_value());
  const auto reply = Device(copy).Session(world.engine());
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().kind, FailureKind::kDenied);
  EXPECT_EQ(world.Audited("relay.refused"), 1U);
}

TEST_F(AttackTest, NobodyLocksACardOutByRaisingItsSequenceNumberOrTakingItAway) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  ASSERT_TRUE(Device(card).Session(world.engine()).has_value());
  for (const std::size_t from_end : {1U, 2U, 3U}) {
    Device device(card);
    RelayBatch batch;
    auto answers = Until(device, 1, batch);
    answers.front().data.at(answers.front().data.size() - from_end) ^= 0x80;
    EXPECT_FALSE(world.engine().Continue(batch.session, 1, answers, "127.0.0.1").has_value());
  }
  Device device(card);
  RelayBatch batch;
  auto answers = Until(device, 1, batch);
  answers.front().data.resize(29);  // without the number, and with an i that promises none
  answers.front().data.at(12) &= 0xEF;
  EXPECT_FALSE(world.engine().Continue(batch.session, 1, answers, "127.0.0.1").has_value());
  world.AddJob(card, JobKind::kUpdateTrust);
  const auto done = Device(card).Session(world.engine());
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  EXPECT_TRUE(done->provisioned);
}

/// Every answer that the platform gets, with one bit turned in every byte (sampled in long ones).
TEST_F(AttackTest, AnAlteredAnswerIsNeverBelieved) {
  std::size_t altered = 0;
  for (unsigned step = 1; step <= 3; ++step) {
    const AnyCard measure = world.AddCard(CardProfile::kBlank);
    Device first(measure);
    const Heard heard = Listen(first);
    const auto& shape = heard.answers.at(step - 1);
    for (std::size_t index = 0; index < shape.size(); ++index) {
      const std::size_t size = shape.at(index).data.size();
      const std::size_t stride = std::max<std::size_t>(1, size / 4);
      for (std::size_t byte = 0; byte < size; byte += stride) {
        const AnyCard card = world.AddCard(CardProfile::kBlank);
        Device device(card);
        RelayBatch batch;
        auto answers = Until(device, step, batch);
        ASSERT_GT(answers.size(), index);
        if (byte >= answers.at(index).data.size() || (step == 1 && (byte < 10))) {
          continue;  // an answer may be shorter; the key diversification data is not used
        }
        answers.at(index).data.at(byte) ^= 0x01;
        const auto reply = world.engine().Continue(batch.session, step, answers, "127.0.0.1");
        EXPECT_FALSE(reply.has_value()) << "step " << step << " answer " << index << " byte " << byte;
        EXPECT_EQ(LiveCredentials(card), 0U);
        ++altered;
        const auto done = Device(card).SwitchOn(world);  // and it recovers
        ASSERT_TRUE(done.has_value()) << done.error().Text();
        EXPECT_TRUE(done->provisioned) << done->message;
        EXPECT_EQ(world.Credentials(card).size(), 1U);
      }
    }
  }
  EXPECT_GT(altered, 30U);
  EXPECT_GT(world.Audited("relay.tampered"), 0U);
}

TEST_F(AttackTest, StatusWordsAreUnderTheCheckToo) {
  for (const std::uint16_t sw : std::initializer_list<std::uint16_t>{0x9001, 0x6200, 0x63CF}) {
    const AnyCard card = world.AddCard(CardProfile::kBlank);
    Device device(card);
    RelayBatch batch;
    auto answers = Until(device, 3, batch);
    answers.back().sw = sw;
    EXPECT_FALSE(world.engine().Continue(batch.session, 3, answers, "127.0.0.1").has_value());
    EXPECT_EQ(LiveCredentials(card), 0U);
  }
}

TEST_F(AttackTest, AnswersInAnotherOrderAreNotBelieved) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  RelayBatch batch;
  auto answers = Until(device, 2, batch);
  std::swap(answers.at(2), answers.at(3));
  EXPECT_FALSE(world.engine().Continue(batch.session, 2, answers, "127.0.0.1").has_value());
  EXPECT_TRUE(world.Credentials(card).empty());
}

TEST_F(AttackTest, ARefusalThatTheRelayInventsCostsAnAttemptAndNothingElse) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  RelayBatch batch;
  auto answers = Until(device, 3, batch);
  answers.resize(1);
  answers.front() = {{}, 0x6A84};
  const auto reply = world.engine().Continue(batch.session, 3, answers, "127.0.0.1");
  ASSERT_TRUE(reply.has_value());
  EXPECT_TRUE(reply->done);
  EXPECT_FALSE(reply->provisioned);
  const auto done = Device(card).SwitchOn(world);
  ASSERT_TRUE(done.has_value());
  EXPECT_TRUE(done->provisioned) << done->message;
  EXPECT_EQ(world.Credentials(card).size(), 1U);
  EXPECT_EQ(world.engine().Count().certificates, 1U);
}

TEST_F(AttackTest, ALostReplyIsRepeatedWordForWord) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  auto batch = world.engine().Begin(device.Hello());
  ASSERT_TRUE(batch.has_value());
  while (!batch->done) {
    const auto answers = device.Run(*batch);
    const RelayBatch asked = *batch;
    batch = world.engine().Continue(asked.session, asked.step, answers, "127.0.0.1");
    ASSERT_TRUE(batch.has_value()) << batch.error().Text();
    for (int i = 0; i < 3; ++i) {
      const auto again = world.engine().Continue(asked.session, asked.step, answers, "127.0.0.1");
      ASSERT_TRUE(again.has_value());
      EXPECT_EQ(again->commands, batch->commands);
      EXPECT_EQ(again->step, batch->step);
      EXPECT_EQ(again->done, batch->done);
    }
  }
  EXPECT_TRUE(batch->provisioned);
  EXPECT_EQ(world.engine().Count().certificates, 1U);
  EXPECT_EQ(world.engine().Count().tampered, 0U);
}

TEST_F(AttackTest, ReplayedStepsAndStepsOutOfOrderAreConflictsAndRecorded) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  const Heard heard = Listen(device);
  const std::string session = heard.batches.front().session;
  EXPECT_EQ(world.engine().Continue(session, 1, heard.answers.at(0), "127.0.0.1").error().kind, FailureKind::kNotFound);

  world.AddJob(card, JobKind::kUpdateTrust);
  RelayBatch batch;
  const auto answers = Until(device, 2, batch);
  for (const unsigned step : {0U, 1U, 3U, 7U}) {
    const auto reply = world.engine().Continue(batch.session, step, heard.answers.at(1), "127.0.0.1");
    ASSERT_FALSE(reply.has_value());
    EXPECT_EQ(reply.error().kind, FailureKind::kConflict);
  }
  EXPECT_EQ(world.engine().Count().tampered, 4U);
  EXPECT_EQ(world.Audited("relay.tampered"), 4U);
  EXPECT_TRUE(world.engine().Continue(batch.session, 2, answers, "127.0.0.1").has_value());
}

TEST_F(AttackTest, AnswersOfAnotherSessionAreNotBelieved) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  const Heard heard = Listen(device);
  world.AddJob(card, JobKind::kUpdateTrust);
  for (unsigned step = 1; step <= 2; ++step) {
    Device again(card);
    RelayBatch batch;
    static_cast<void>(Until(again, step, batch));
    auto old = heard.answers.at(step - 1);
    old.resize(std::min(old.size(), batch.commands.size()));
    EXPECT_FALSE(world.engine().Continue(batch.session, step, old, "127.0.0.1").has_value()) << step;
  }
}

TEST_F(AttackTest, ACutOrSwollenMessageIsRefusedAndTheRightOneStillCounts) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  RelayBatch batch;
  const auto answers = Until(device, 2, batch);
  auto longer = answers;
  longer.push_back(answers.back());
  auto shorter = answers;
  shorter.pop_back();
  auto refused_inside = answers;
  refused_inside.front().sw = 0x6985;
  for (const auto& wrong : {std::vector<RelayAnswer>(), longer, shorter, refused_inside}) {
    const auto reply = world.engine().Continue(batch.session, 2, wrong, "127.0.0.1");
    ASSERT_FALSE(reply.has_value());
    EXPECT_EQ(reply.error().kind, FailureKind::kInvalid);
  }
  EXPECT_TRUE(world.engine().Continue(batch.session, 2, answers, "127.0.0.1").has_value());
}

/// Commands that the relay alters: the card refuses them, and the platform sees a refusal.
TEST_F(AttackTest, AnAlteredCommandIsRefusedByTheCard) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  for (std::size_t index = 0; index < 6; ++index) {
    Device device(card);
    auto batch = world.engine().Begin(device.Hello());
    ASSERT_TRUE(batch.has_value());
    batch = world.engine().Continue(batch->session, 1, device.Run(*batch), "127.0.0.1");
    ASSERT_TRUE(batch.has_value()) << batch.error().Text();
    if (batch->done) {
      break;
    }
    const std::size_t target = index % batch->commands.size();
    batch->commands.at(target).at(batch->commands.at(target).size() / 2) ^= 0x10;
    const auto answers = device.Run(*batch);
    EXPECT_EQ(answers.size(), target + 1);
    EXPECT_EQ(answers.back().sw, 0x6982);
    const auto reply = world.engine().Continue(batch->session, batch->step, answers, "127.0.0.1");
    ASSERT_TRUE(reply.has_value());
    EXPECT_FALSE(reply->provisioned);
    world.clock.now += 4000;
  }
  const auto done = Device(card).SwitchOn(world);
  ASSERT_TRUE(done.has_value());
  EXPECT_TRUE(done->provisioned) << done->message;
  EXPECT_EQ(world.Credentials(card).size(), 1U);
}

TEST_F(AttackTest, AHelloAloneEndsNobodysSession) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  RelayBatch batch;
  const auto answers = Until(device, 2, batch);
  RelayHello stranger;
  stranger.iccid = card.iccid;
  const auto other = world.engine().Begin(stranger);
  ASSERT_TRUE(other.has_value());
  EXPECT_FALSE(world.engine().Continue(other->session, 1, {{Bytes(32), 0x9000}}, "10.0.0.1").has_value());
  EXPECT_TRUE(world.engine().Continue(batch.session, 2, answers, "127.0.0.1").has_value());
}

TEST_F(AttackTest, ANewSessionOfTheCardEndsTheOldOne) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  RelayBatch batch;
  const auto answers = Until(device, 2, batch);
  const auto done = device.SwitchOn(world);
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  EXPECT_TRUE(done->provisioned);
  const auto late = world.engine().Continue(batch.session, 2, answers, "127.0.0.1");
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().kind, FailureKind::kNotFound);
  EXPECT_EQ(world.Credentials(card).size(), 1U);
}

TEST_F(AttackTest, ASessionExpiresAndItsJobIsQueuedAgain) {
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  Device device(card);
  RelayBatch batch;
  const auto answers = Until(device, 2, batch);
  EXPECT_EQ(world.FindJob(1).state, JobState::kRunning);
  world.clock.now += 121;
  const auto late = world.engine().Continue(batch.session, 2, answers, "127.0.0.1");
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().kind, FailureKind::kNotFound);
  EXPECT_EQ(world.FindJob(1).state, JobState::kQueued);
  EXPECT_EQ(world.engine().Count().open_sessions, 0U);
}

TEST(RelayLimits, HellosAndSessionsAreCounted) {
  EngineLimits limits;
  limits.hellos_per_minute_and_card = 2;
  limits.hellos_per_minute_and_source = 5;
  limits.sessions = 7;
  World world(limits);
  const auto hello = [&](const std::string& iccid, const std::string& source) {
    RelayHello message;
    message.iccid = iccid;
    message.source = source;
    const auto batch = world.engine().Begin(message);
    return batch ? "ok" : std::string(batch.error().kind == FailureKind::kLimited ? "limited" : "other");
  };
  const std::string iccid = "8988000000000000000";
  EXPECT_EQ(hello(iccid + "1", "a"), "ok");
  EXPECT_EQ(hello(iccid + "1", "b"), "ok");
  EXPECT_EQ(hello(iccid + "1", "c"), "limited");
  EXPECT_EQ(hello(iccid + "2", "a"), "ok");
  EXPECT_EQ(hello(iccid + "3", "a"), "ok");
  EXPECT_EQ(hello(iccid + "4", "a"), "ok");
  EXPECT_EQ(hello(iccid + "5", "a"), "ok");
  EXPECT_EQ(hello(iccid + "6", "a"), "limited");
  world.clock.now += 60;
  EXPECT_EQ(hello(iccid + "1", "a"), "ok");
  EXPECT_EQ(hello(iccid + "1", "a"), "limited") << "seven sessions are open";
  world.clock.now += 121;
  EXPECT_EQ(hello(iccid + "1", "a"), "ok") << "they have expired";
  EXPECT_EQ(hello("12", "a"), "other");
  EXPECT_EQ(hello("8988000000000000000x", "a"), "other");
}

}  // namespace
}  // namespace simroot::provisioning
