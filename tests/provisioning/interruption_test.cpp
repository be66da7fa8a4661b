// SPDX-License-Identifier: Apache-2.0
// Devices vanish, the platform ends, at every command: one credential a job, and every job ends.
#include "tests/provisioning/world.hpp"

namespace simroot::provisioning {
namespace {

using card::CardProfile;

struct Story {
  CardProfile profile;
  std::vector<JobKind> jobs;  ///< after the switch-on
  bool restart;               ///< the platform ends as well
};

class InterruptionTest : public ::testing::TestWithParam<int> {
 protected:
  static std::vector<Story> Stories() {
    return {{CardProfile::kBlank, {}, false},
            {CardProfile::kBlank, {JobKind::kRotate, JobKind::kRenew}, true},
            {CardProfile::kType2, {JobKind::kRotate}, true},
            {CardProfile::kBlank, {JobKind::kReplaceKeys, JobKind::kUpdateTrust}, true},
            {CardProfile::kDemo, {JobKind::kErase}, true}};
  }

  void CheckCard(World& world, const AnyCard& card, const std::vector<Id>& jobs, const std::string& where) {
    std::size_t active = 0;
    std::map<Id, int> made;
    for (const Credential& credential : world.Credentials(card)) {
      ++made[credential.job];
      active += credential.state == CredentialState::kActive ? 1 : 0;
    }
    for (const auto& [job, count] : made) {
      EXPECT_EQ(count, 1) << where << ": job " << job << " has made more than one";
    }
    bool erased = false;
    for (const Id id : jobs) {
      const Job job = world.FindJob(id);
      EXPECT_EQ(job.state, JobState::kDone) << where << ": " << NameOf(job.kind) << ": " << job.error;
      erased = erased || job.kind == JobKind::kErase;
    }
    EXPECT_EQ(active, erased ? 0U : 1U) << where;
  }
};

TEST_P(InterruptionTest, ADeviceVanishesAfterEveryCommand) {
  const Story story = Stories().at(static_cast<std::size_t>(GetParam()));
  World world;
  unsigned total = 0;
  for (unsigned cut = 0; cut <= total + 1; ++cut) {
    const AnyCard card = world.AddCard(story.profile);
    std::vector<Id> jobs{world.AddJob(card, JobKind::kUpdateTrust)};
    if (story.profile == CardProfile::kType2) {
      jobs.clear();
    }
    for (const JobKind kind : story.jobs) {
      jobs.push_back(world.AddJob(card, kind));
    }
    if (cut > 0) {
      Device device(card);
      device.vanishes_after = cut;
      static_cast<void>(device.SwitchOn(world, 1));
    }
    if (story.restart) {
      world.Restart();
    }
    Device device(card);
    const auto done = device.SwitchOn(world);
    const std::string where = "cut after " + std::to_string(cut) + " commands";
    ASSERT_TRUE(done.has_value()) << where << ": " << done.error().Text();
    EXPECT_TRUE(done->provisioned) << where << ": " << done->message;
    CheckCard(world, card, jobs, where);
    if (cut == 0) {
      total = device.commands;
    }
  }
  EXPECT_GT(total, 8U);
}

INSTANTIATE_TEST_SUITE_P(Stories, InterruptionTest, ::testing::Range(0, 5));

/// The card has done what it was told, and the answer never arrives: the session's last batch is the critical one.
TEST(Interruption, ManyInARowStillEnd) {
  World world;
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  for (unsigned cut = 1; cut < 15; ++cut) {
    Device device(card);
    device.vanishes_after = cut;
    static_cast<void>(device.SwitchOn(world, 1));
    world.Restart();
  }
  const auto done = Device(card).SwitchOn(world);
  ASSERT_TRUE(done.has_value()) << done.error().Text();
  EXPECT_TRUE(done->provisioned) << done->message;
  EXPECT_EQ(world.Credentials(card).size(), 1U);
}

TEST(Interruption, AJobThatNeverGetsThroughIsGivenUp) {
  EngineLimits limits = World::Generous();
  limits.attempts_per_job = 3;
  World world(limits);
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  for (int i = 0; i < 3; ++i) {
    Device device(card);
    device.vanishes_after = 3;
    static_cast<void>(device.SwitchOn(world, 1));
  }
  const auto last = Device(card).Session(world.engine());
  ASSERT_TRUE(last.has_value()) << last.error().Text();
  EXPECT_TRUE(last->done);
  EXPECT_FALSE(last->provisioned);
  EXPECT_EQ(world.FindJob(1).state, JobState::kFailed);
  EXPECT_EQ(world.Audited("job.failed"), 1U);
}

TEST(Interruption, RefusalsWaitLongerEachTime) {
  World world;
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 4; ++i) {
    Device device(card);
    auto batch = world.engine().Begin(device.Hello());
    batch = world.engine().Continue(batch->session, 1, device.Run(*batch), "127.0.0.1");
    ASSERT_TRUE(batch.has_value() && !batch->done);
    const auto reply = world.engine().Continue(batch->session, 2, {{{}, 0x6F00}}, "127.0.0.1");
    ASSERT_TRUE(reply.has_value());
    waits.push_back(reply->retry_after_s);
    world.clock.now += reply->retry_after_s;
  }
  EXPECT_EQ(waits, (std::vector<std::int64_t>{0, 10, 20, 40}));
}

TEST(Interruption, NoSequenceNumberIsTakenTwice) {
  World world;
  const AnyCard card = world.AddCard(CardProfile::kBlank);
  std::int64_t last = -1;
  for (int i = 0; i < 5; ++i) {
    world.AddJob(card, JobKind::kUpdateTrust);
    ASSERT_TRUE(Device(card).SwitchOn(world).has_value());
    world.Restart();
    const auto sets = world.KeySets(card);
    EXPECT_GT(sets.back().scp03_sequence, last);
    last = sets.back().scp03_sequence;
  }
}

}  // namespace
}  // namespace simroot::provisioning
