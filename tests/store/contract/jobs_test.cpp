// SPDX-License-Identifier: Apache-2.0
#include "store/contract/contract.hpp"

namespace simroot::platform::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class JobsContract : public Contract {
 protected:
  Id Add(const Job& job) {
    return Write([&](StoreWriter& w) { return w.InsertJob(job); }).value_or(0);
  }
  Outcome<Job> Get(Id id) {
    return Read([&](StoreReader& r) { return r.FindJob(id); });
  }
  Outcome<Job> Next(UnixTime now) {
    return Read([&](StoreReader& r) { return r.NextJob(card_, now); });
  }
  Outcome<void> Move(Id id, JobState from, JobState to, UnixTime now = 9) {
    Job job = Get(id).value_or(Job{.id = id});
    job.state = to;
    return Write([&](StoreWriter& w) { return w.TransitionJob(job, from, now); });
  }
  std::vector<Id> List(const JobFilter& filter, const Page& page = {}) {
    return Ids(Read([&](StoreReader& r) { return r.ListJobs(filter, page); }));
  }
};

TEST_F(JobsContract, JobComesBackAsItWasInserted) {
  Job job = SampleJob(tenant_, card_);
  job.kind = JobKind::kRotate;
  job.attempts = 2;
  job.not_before = 77;
  job.changed = 78;
  job.error = "the card is away";
  job.credential =
      Write([&](StoreWriter& w) { return w.InsertCredential(SampleCertificate(tenant_, card_, 0, "01")); }).value_or(0);
  const Id id = Add(job);
  const auto found = Get(id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, id);
  EXPECT_EQ(found->tenant, tenant_);
  EXPECT_EQ(found->card, card_);
  EXPECT_EQ(found->kind, JobKind::kRotate);
  EXPECT_EQ(found->state, JobState::kQueued);
  EXPECT_EQ(found->credential, job.credential);
  EXPECT_EQ(found->attempts, 2U);
  EXPECT_EQ(found->created, 1'700'000'100);
  EXPECT_EQ(found->not_before, 77);
  EXPECT_EQ(found->changed, 78);
  EXPECT_EQ(found->error, "the card is away");
  EXPECT_EQ(found->requested_by, "token fleet");
  EXPECT_EQ(KindOf(Get(id + 1)), "not found");
}

TEST_F(JobsContract, EveryKindOfJobIsKept) {
  for (const auto& kind : kJobKinds) {
    Job job = SampleJob(tenant_, card_);
    job.kind = kind.state;
    EXPECT_EQ(Get(Add(job))->kind, kind.state) << kind.name;
  }
}

TEST_F(JobsContract, TransitionKeepsAttemptsTimeErrorAndCredential) {
  Job job = SampleJob(tenant_, card_);
  job.id = Add(job);
  Job changed = job;
  changed.kind = JobKind::kErase;
  changed.state = JobState::kRunning;
  changed.requested_by = "nobody";
  changed.attempts = 3;
  changed.not_before = 1000;
  changed.error = "6A84";
  changed.credential = Write([&](StoreWriter& w) {
                         return w.InsertCredential(SampleCertificate(tenant_, card_, job.id, "01"));
                       }).value_or(0);
  const auto transition = [&] {
    return Write([&](StoreWriter& w) { return w.TransitionJob(changed, JobState::kQueued, 9); });
  };
  EXPECT_TRUE(transition());
  EXPECT_EQ(Get(job.id)->kind, JobKind::kSwitchOn);
  EXPECT_EQ(Get(job.id)->state, JobState::kRunning);
  EXPECT_EQ(Get(job.id)->changed, 9);
  EXPECT_EQ(Get(job.id)->requested_by, "token fleet");
  EXPECT_EQ(Get(job.id)->attempts, 3U);
  EXPECT_EQ(Get(job.id)->not_before, 1000);
  EXPECT_EQ(Get(job.id)->error, "6A84");
  EXPECT_EQ(Get(job.id)->credential, changed.credential);
  changed.attempts = 4;
  EXPECT_EQ(KindOf(transition()), "conflict") << "it is not queued any more";
  EXPECT_EQ(Get(job.id)->attempts, 3U);
  changed.id = 999;
  EXPECT_EQ(KindOf(transition()), "not found");
}

TEST_F(JobsContract, NextIsTheOldestThatWaitsAndIsDue) {
  EXPECT_EQ(KindOf(Next(INT64_MAX)), "not found");
  Job late = SampleJob(tenant_, card_);
  late.not_before = 500;
  const Id first = Add(late);
  const Id second = Add(SampleJob(tenant_, card_));
  EXPECT_EQ(KindOf(Next(499)), "not found");  // the second waits for the first
  EXPECT_EQ(Next(500)->id, first);
  EXPECT_TRUE(Move(first, JobState::kQueued, JobState::kRunning));
  EXPECT_EQ(Next(500)->id, first);
  EXPECT_TRUE(Move(first, JobState::kRunning, JobState::kDone));
  EXPECT_EQ(Next(500)->id, second);
  EXPECT_TRUE(Move(second, JobState::kQueued, JobState::kCancelled));
  EXPECT_EQ(KindOf(Next(500)), "not found");
}

TEST_F(JobsContract, ATimeThatOnlyAWrongClockCanHaveGivenHoldsNothingBack) {
  Job late = SampleJob(tenant_, card_);
  late.not_before = 4101;
  const Id id = Add(late);
  EXPECT_EQ(KindOf(Next(501)), "not found");
  EXPECT_EQ(Next(500)->id, id);
}

TEST_F(JobsContract, NextIsOfTheCardAlone) {
  const Id other =
      Write([&](StoreWriter& w) { return w.InsertCard(SampleCard(tenant_, "8988211000000000025")); }).value_or(0);
  static_cast<void>(Add(SampleJob(tenant_, other)));
  EXPECT_EQ(KindOf(Next(INT64_MAX)), "not found");
}

TEST_F(JobsContract, TransitionComparesBeforeItSets) {
  const Id id = Add(SampleJob(tenant_, card_));
  EXPECT_TRUE(Move(id, JobState::kQueued, JobState::kRunning, 15));
  EXPECT_EQ(Get(id)->changed, 15);
  EXPECT_EQ(KindOf(Move(id, JobState::kQueued, JobState::kRunning, 16)), "conflict");
  EXPECT_EQ(Get(id)->changed, 15);
  EXPECT_EQ(KindOf(Move(999, JobState::kQueued, JobState::kRunning)), "not found");
}

TEST_F(JobsContract, EveryTransitionOfTheTableAndNoOtherIsDone) {
  for (const auto& from : kJobStates) {
    for (const auto& to : kJobStates) {
      Job job = SampleJob(tenant_, card_);
      job.state = from.state;
      const Id id = Add(job);
      const bool done = Move(id, from.state, to.state).has_value();
      EXPECT_EQ(done, MayBecome(from.state, to.state)) << from.name << " to " << to.name;
      EXPECT_EQ(Get(id)->state, done ? to.state : from.state);
    }
  }
}

TEST_F(JobsContract, ListIsFilteredAndPaged) {
  const Id foreign_card =
      Write([&](StoreWriter& w) { return w.InsertCard(SampleCard(other_tenant_, "8988211000000000025")); }).value_or(0);
  const Id a = Add(SampleJob(tenant_, card_));
  const Id b = Add(SampleJob(other_tenant_, foreign_card));
  const Id c = Add(SampleJob(tenant_, card_));
  EXPECT_TRUE(Move(c, JobState::kQueued, JobState::kRunning));
  EXPECT_THAT(List({}), ElementsAre(a, b, c));
  EXPECT_THAT(List({.tenant = tenant_}), ElementsAre(a, c));
  EXPECT_THAT(List({.card = foreign_card}), ElementsAre(b));
  EXPECT_THAT(List({.tenant = tenant_, .card = foreign_card}), IsEmpty());
  EXPECT_THAT(List({.state = JobState::kRunning}), ElementsAre(c));
  EXPECT_THAT(List({}, {.after = a, .limit = 1}), ElementsAre(b));
  EXPECT_THAT(List({}, {.after = c}), IsEmpty());
  EXPECT_EQ(KindOf(Read([&](StoreReader& r) { return r.ListJobs({}, {.limit = 1001}); })), "invalid");
}

TEST_F(JobsContract, StepsAreNumberedFromOneInTheirJob) {
  const Id first = Add(SampleJob(tenant_, card_));
  const Id second = Add(SampleJob(tenant_, card_));
  const auto add = [&](Id job, const std::vector<std::string>& names) {
    std::vector<JobStep> steps;
    for (const std::string& what : names) {
      steps.push_back({.job = 77, .number = 99, .time = 5, .what = what, .sw = 0x9000, .detail = "container 1"});
    }
    return Write([&](StoreWriter& w) { return w.AddJobSteps(job, steps); });
  };
  EXPECT_TRUE(add(first, {"SELECT"}));
  EXPECT_TRUE(add(second, {"SELECT"}));
  EXPECT_TRUE(add(first, {}));
  EXPECT_TRUE(add(first, {"GENERATE private key 01", "COMMIT"}));
  EXPECT_EQ(KindOf(add(999, {"SELECT"})), "not found");
  const auto steps = Read([&](StoreReader& r) { return r.ListJobSteps(first, {}); });
  ASSERT_TRUE(steps);
  ASSERT_EQ(steps->size(), 3U);
  EXPECT_EQ(steps->front().number, 1);
  EXPECT_EQ(steps->at(1).job, first);
  EXPECT_EQ(steps->at(1).number, 2);
  EXPECT_EQ(steps->at(1).time, 5);
  EXPECT_EQ(steps->at(1).what, "GENERATE private key 01");
  EXPECT_EQ(steps->at(1).sw, 0x9000);
  EXPECT_EQ(steps->at(1).detail, "container 1");
  EXPECT_EQ(steps->back().number, 3);
  EXPECT_EQ(steps->back().what, "COMMIT");
  const auto rest = Read([&](StoreReader& r) { return r.ListJobSteps(first, {.after = 1, .limit = 1}); });
  ASSERT_EQ(rest->size(), 1U);
  EXPECT_EQ(rest->front().number, 2);
  EXPECT_TRUE(Read([&](StoreReader& r) { return r.ListJobSteps(999, {}); })->empty());
}

}  // namespace
}  // namespace simroot::platform::contract
