// SPDX-License-Identifier: Apache-2.0
#include "platform/clock_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace simroot::app {
namespace {

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kDay = 86400;

class ClockWatchTest : public ::testing::Test {
 protected:
  void Pass(std::int64_t seconds) {
    wall_ += seconds;
    running_ += seconds;
  }
  void Set(std::int64_t by) { wall_ += by; }

  std::int64_t wall_ = 1'800'000'000;
  std::int64_t running_ = 1'000;
  std::vector<std::string> said_;
  ClockWatch watch_{[this] { return wall_; }, [this] { return running_; },
                    [this](const std::string& line) { said_.push_back(line); }};
};

TEST_F(ClockWatchTest, ATimeThatPassesIsNoJump) {
  for (const std::int64_t seconds : {std::int64_t{10}, kHour, 400 * kDay}) {  // also one in which the host slept
    Pass(seconds);
    EXPECT_TRUE(watch_.IsTrusted()) << seconds;
  }
  Set(kHour);
  EXPECT_TRUE(watch_.IsTrusted());
  Set(-2 * kHour);
  EXPECT_TRUE(watch_.IsTrusted());
  EXPECT_TRUE(said_.empty());
}

TEST_F(ClockWatchTest, AJumpIsHeldForADay) {
  for (const std::int64_t jump : {kHour + 1, -kHour - 1}) {
    said_.clear();
    Set(jump);
    EXPECT_FALSE(watch_.IsTrusted());
    Pass(kDay);
    EXPECT_FALSE(watch_.IsTrusted());
    Pass(1);
    EXPECT_TRUE(watch_.IsTrusted()) << jump;
    EXPECT_TRUE(watch_.IsTrusted()) << jump;
    EXPECT_EQ(said_.size(), 2U);
  }
}

TEST_F(ClockWatchTest, AClockPutRightIsTrustedAtOnce) {
  Set(730 * kDay);
  EXPECT_FALSE(watch_.IsTrusted());
  Pass(10);
  Set(-730 * kDay);
  EXPECT_TRUE(watch_.IsTrusted());
  EXPECT_THAT(said_,
              ::testing::ElementsAre(::testing::HasSubstr("nothing expires"), ::testing::HasSubstr("as it was")));
}

TEST_F(ClockWatchTest, ASecondJumpBeginsTheDayAnew) {
  Set(2 * kHour);
  EXPECT_FALSE(watch_.IsTrusted());
  Pass(kDay - 10);
  Set(730 * kDay);
  EXPECT_FALSE(watch_.IsTrusted());
  Pass(20);
  EXPECT_FALSE(watch_.IsTrusted()) << "the second one is seconds old";
  Pass(kDay - 30);
  Set(kHour);  // small steps do not count
  EXPECT_FALSE(watch_.IsTrusted());
  Pass(20);
  EXPECT_TRUE(watch_.IsTrusted());
  EXPECT_EQ(said_.size(), 3U);
}

TEST(SecondsSinceBoot, DoesNotGoBack) {
  const std::int64_t first = SecondsSinceBoot();
  EXPECT_GT(first, 0);
  EXPECT_GE(SecondsSinceBoot(), first);
}

}  // namespace
}  // namespace simroot::app
