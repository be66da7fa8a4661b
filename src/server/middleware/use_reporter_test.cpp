// SPDX-License-Identifier: Apache-2.0
#include "server/middleware/use_reporter.hpp"

#include <gtest/gtest.h>

#include "common/host/deadline.hpp"
#include "server/middleware/testing/fake_platform.hpp"

namespace simroot::server {
namespace {

/// Holds each report until it is let go.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  int begun = 0;
  int allowed = 0;

  void Allow(int more) {
    const std::lock_guard lock(mutex);
    allowed += more;
    changed.notify_all();
  }
  [[nodiscard]] bool WaitForBegun(int count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(30), [&] { return begun >= count; });
  }
};

class GatedLink final : public PlatformLink {
 public:
  explicit GatedLink(Gate& gate) : gate_(gate) {}
  Result<SnapshotPart> ReadSnapshot(std::int64_t) override { return SnapshotPart{}; }
  Result<FeedPart> ReadFeed(std::int64_t, std::chrono::seconds) override { return FeedPart{}; }
  Result<std::string> ReadAuthorities() override { return std::string(); }
  Result<std::vector<Bytes>> ReadCrls() override { return std::vector<Bytes>(); }
  Result<void> ReportUse(const std::string&) override {
    std::unique_lock lock(gate_.mutex);
    const int mine = ++gate_.begun;
    gate_.changed.notify_all();
    gate_.changed.wait(lock, [&] { return gate_.allowed >= mine; });
    return {};
  }
  void Interrupt() override { gate_.Allow(1'000); }

 private:
  Gate& gate_;
};

class UseReporterTest : public ::testing::Test {
 protected:
  [[nodiscard]] bool WaitForReported(std::uint64_t count) const {
    const Deadline deadline = Deadline::After(std::chrono::seconds(30));
    while (reporter_.reported() < count || reporter_.queued() != 0) {
      if (deadline.Passed()) {
        return false;
      }
      std::this_thread::yield();
    }
    return true;
  }

  Gate gate_;
  UseReporter reporter_{[this] { return std::make_unique<GatedLink>(gate_); },
                        Backoff(std::chrono::milliseconds(1), std::chrono::milliseconds(1)),
                        [](LogLevel, const std::string&) {}, [] { return false; }};
};

TEST_F(UseReporterTest, TellsOneUseOnce) {
  reporter_.Add(1, "A");
  reporter_.Add(1, "A");
  gate_.Allow(10);
  ASSERT_TRUE(WaitForReported(1));
  reporter_.Add(1, "A");
  EXPECT_EQ(reporter_.queued(), 0U);
  reporter_.Forget(1);
  reporter_.Add(1, "A");
  EXPECT_TRUE(WaitForReported(2));
}

TEST_F(UseReporterTest, WhatIsForgottenWhileItIsReportedCanBeReportedAgain) {
  reporter_.Add(1, "A");
  ASSERT_TRUE(gate_.WaitForBegun(1));
  reporter_.Forget(1);
  reporter_.Add(1, "A");
  EXPECT_EQ(reporter_.queued(), 1U) << "it is in the queue already";
  gate_.Allow(1);
  ASSERT_TRUE(WaitForReported(1));
  reporter_.Add(1, "A");
  EXPECT_EQ(reporter_.queued(), 1U);
  gate_.Allow(1);
  EXPECT_TRUE(WaitForReported(2));
}

}  // namespace
}  // namespace simroot::server
