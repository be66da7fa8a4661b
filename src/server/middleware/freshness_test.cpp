// SPDX-License-Identifier: Apache-2.0
#include "server/middleware/freshness.hpp"

#include <gtest/gtest.h>

#include "server/middleware/backoff.hpp"

namespace simroot::server {
namespace {

struct TwoClocks {
  UnixTime wall = 1'700'000'000;
  std::int64_t steady = 50;

  [[nodiscard]] Freshness Make(int limit) {
    return Freshness(Clocks::Complete([this] { return wall; }, [this] { return steady; }), std::chrono::seconds(limit));
  }
  void Pass(std::int64_t seconds) {
    wall += seconds;
    steady += seconds;
  }
};

TEST(Freshness, IsStaleUntilThePlatformWasHeard) {
  TwoClocks clocks;
  Freshness fresh = clocks.Make(100);
  EXPECT_TRUE(fresh.IsStale());
  EXPECT_GE(fresh.Age(), Freshness::kNever);
  fresh.Heard();
  EXPECT_FALSE(fresh.IsStale());
  EXPECT_EQ(fresh.last_contact(), clocks.wall);
  clocks.Pass(100);
  EXPECT_FALSE(fresh.IsStale());
  clocks.Pass(1);
  EXPECT_TRUE(fresh.IsStale());
  fresh.Heard();
  EXPECT_FALSE(fresh.IsStale());
}

TEST(Freshness, SettingTheWallClockChangesNothing) {
  TwoClocks clocks;
  Freshness fresh = clocks.Make(100);
  fresh.Heard();
  clocks.wall += 1'000'000;
  EXPECT_FALSE(fresh.IsStale());
  clocks.wall -= 2'000'000;
  clocks.steady += 101;
  EXPECT_TRUE(fresh.IsStale());
}

TEST(Freshness, AfterARestartTheWallClockCounts) {
  TwoClocks clocks;
  Freshness fresh = clocks.Make(100);
  fresh.Restore(clocks.wall - 60);
  EXPECT_EQ(fresh.Age(), 60);
  EXPECT_FALSE(fresh.IsStale());
  clocks.steady += 41;
  EXPECT_TRUE(fresh.IsStale());
  fresh.Restore(clocks.wall - 101);
  EXPECT_TRUE(fresh.IsStale());
}

TEST(Freshness, TimesInTheFutureAreWorthLittle) {
  TwoClocks clocks;
  Freshness near = clocks.Make(100);
  near.Restore(clocks.wall + 3'600);
  EXPECT_FALSE(near.IsStale());
  EXPECT_EQ(near.Age(), 0);
  Freshness far = clocks.Make(100);
  far.Restore(clocks.wall + 3'601);
  EXPECT_TRUE(far.IsStale());
  EXPECT_EQ(far.last_contact(), 0);
  Freshness never = clocks.Make(100);
  never.Restore(0);
  EXPECT_TRUE(never.IsStale());
}

TEST(Freshness, WithoutLimitNothingIsStale) {
  TwoClocks clocks;
  const Freshness fresh = clocks.Make(0);
  EXPECT_FALSE(fresh.IsStale());
}

TEST(Clocks, AreTheSystemsIfNobodyGivesOthers) {
  const Clocks system = Clocks::Complete({}, {});
  EXPECT_GT(system.wall(), 1'700'000'000);
  EXPECT_GT(system.steady(), 0);
  const Clocks one = Clocks::Complete([] { return UnixTime{42}; }, {});
  EXPECT_EQ(one.steady(), 42);
}

TEST(Backoff, DoublesUpToTheLongestAndVaries) {
  Backoff backoff(std::chrono::milliseconds(500), std::chrono::milliseconds(30'000));
  for (const int base : {500, 1'000, 2'000, 4'000, 8'000, 16'000, 30'000, 30'000}) {
    const auto time = backoff.Next().count();
    EXPECT_GE(time, base - base / 4);
    EXPECT_LE(time, base);
  }
  backoff.Reset();
  EXPECT_LE(backoff.Next().count(), 500);
}

}  // namespace
}  // namespace simroot::server
