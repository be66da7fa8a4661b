// SPDX-License-Identifier: Apache-2.0
/// What time brings.
#include "service_test_support.hpp"

namespace simroot::platform {
namespace {

constexpr std::int64_t kDay = 86400;

class TimeTest : public ServiceTest {
 protected:
  std::size_t OpenJobs(const Card& card, JobKind kind) {
    const auto jobs = JobsOf(card);
    return static_cast<std::size_t>(std::ranges::count_if(
        jobs, [&](const Job& job) { return job.kind == kind && job.state == JobState::kQueued; }));
  }
  void Housekeeping() {
    const auto done = service_->Housekeeping();
    ASSERT_TRUE(done) << done.error().Text();
  }
};

TEST_F(TimeTest, ARotationIsQueuedOnceInGoodTime) {
  const Card card = ActiveCard();
  Active(card, "01", CredentialKind::kCertificate, clock_.now + 365 * kDay);
  Housekeeping();
  EXPECT_EQ(OpenJobs(card, JobKind::kRotate), 0U);
  clock_.now += 336 * kDay;
  Housekeeping();
  Housekeeping();
  EXPECT_EQ(OpenJobs(card, JobKind::kRotate), 1U);
}

TEST_F(TimeTest, APolicyMayKeepTheKey) {
  const Card card = ActiveCard();
  auto policy = Read<Policy>([&](StoreReader& reader) { return reader.FindPolicy(card.policy); });
  policy.rotate_key = false;
  Take(service_->PutPolicy(admin_, policy));
  Active(card, "01", CredentialKind::kCertificate, clock_.now + kDay);
  Housekeeping();
  EXPECT_EQ(OpenJobs(card, JobKind::kRenew), 1U);
  EXPECT_EQ(OpenJobs(card, JobKind::kRotate), 0U);
}

TEST_F(TimeTest, WhatEndsIsExpired) {
  const Card card = ActiveCard();
  const Credential ending = Active(card, "01", CredentialKind::kCertificate, clock_.now + kDay);
  const Credential without_end = Active(card, "02", CredentialKind::kPsk);
  clock_.now += kDay + 1;
  Housekeeping();
  EXPECT_EQ(StateOf(ending), CredentialState::kExpired);
  EXPECT_EQ(StateOf(without_end), CredentialState::kActive);
  const auto feed = Take(service_->Feed(admin_, {}));
  ASSERT_EQ(feed.size(), 1U);
  EXPECT_EQ(feed.front().event.kind, "credential.expired");
}

TEST_F(TimeTest, AClockThatJumpsBackBringsNothingBack) {
  const Card card = ActiveCard();
  const Credential ending = Active(card, "01", CredentialKind::kCertificate, clock_.now + kDay);
  clock_.now += 2 * kDay;
  Housekeeping();
  clock_.now -= 3 * kDay;
  Housekeeping();
  EXPECT_EQ(StateOf(ending), CredentialState::kExpired);
}

}  // namespace
}  // namespace simroot::platform
