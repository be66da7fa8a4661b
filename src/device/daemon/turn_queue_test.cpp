// SPDX-License-Identifier: Apache-2.0
#include "device/daemon/turn_queue.hpp"

#include <gmock/gmock.h>

namespace simroot::device::daemon {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;

class TurnQueueTest : public testing::Test {
 protected:
  /// The moment `s` seconds after the start.
  static TurnQueue::Time At(int s) { return TurnQueue::Time(seconds(1000 + s)); }
  ClientId Next(int s) {
    const auto next = queue_.Next(At(s));
    return next ? next->client : kNobody;
  }
  TurnQueue queue_{seconds(30)};
};

TEST_F(TurnQueueTest, ServesInOrderOfArrival) {
  for (const ClientId client : {7U, 3U, 9U}) {
    EXPECT_TRUE(queue_.Wait(client, At(0), At(10)));
  }
  for (const ClientId client : {7U, 3U, 9U}) {
    EXPECT_EQ(Next(1), client);
    EXPECT_EQ(Next(1), kNobody) << "one at a time";
    queue_.Leave(client);
  }
  EXPECT_EQ(Next(1), kNobody);
}

TEST_F(TurnQueueTest, WhoComesBackStandsAtTheEnd) {
  EXPECT_TRUE(queue_.Wait(1, At(0), At(10)));
  EXPECT_EQ(Next(0), 1U);
  EXPECT_TRUE(queue_.Wait(2, At(0), At(10)));
  queue_.Leave(1);
  EXPECT_TRUE(queue_.Wait(1, At(0), At(10)));
  EXPECT_EQ(Next(0), 2U);
  queue_.Leave(2);
  EXPECT_EQ(Next(0), 1U);
}

TEST_F(TurnQueueTest, NobodyWaitsTwice) {
  EXPECT_TRUE(queue_.Wait(1, At(0), At(10)));
  EXPECT_FALSE(queue_.Wait(1, At(0), At(10)));
  EXPECT_EQ(Next(0), 1U);
  EXPECT_FALSE(queue_.Wait(1, At(0), At(10))) << "it has the turn";
}

TEST_F(TurnQueueTest, WhoLeavesIsNotServed) {
  EXPECT_TRUE(queue_.Wait(1, At(0), At(10)));
  EXPECT_TRUE(queue_.Wait(2, At(0), At(10)));
  queue_.Leave(1);
  EXPECT_EQ(Next(0), 2U);
}

TEST_F(TurnQueueTest, WhoHasWaitedTooLongIsTakenOut) {
  EXPECT_TRUE(queue_.Wait(1, At(0), At(10)));
  EXPECT_TRUE(queue_.Wait(2, At(0), At(5)));
  EXPECT_TRUE(queue_.Wait(3, At(0), At(20)));
  EXPECT_EQ(queue_.NextExpiry(), At(5));
  EXPECT_THAT(queue_.TakeExpired(At(4)), ElementsAre());
  EXPECT_THAT(queue_.TakeExpired(At(10)), ElementsAre(1U, 2U));
  EXPECT_EQ(queue_.NextExpiry(), At(20));
  EXPECT_EQ(Next(10), 3U);
  EXPECT_EQ(queue_.NextExpiry(), std::nullopt);
}

TEST_F(TurnQueueTest, LongTurnIsOverdueOnlyIfSomebodyWaits) {
  EXPECT_TRUE(queue_.Wait(1, At(0), At(10)));
  EXPECT_EQ(Next(2), 1U);
  EXPECT_EQ(queue_.Overdue(At(1000)), std::nullopt);
  EXPECT_EQ(queue_.NextOverdue(), std::nullopt);
  EXPECT_TRUE(queue_.Wait(2, At(3), At(100)));
  EXPECT_EQ(queue_.NextOverdue(), At(32));
  EXPECT_EQ(queue_.Overdue(At(31)), std::nullopt);
  EXPECT_EQ(queue_.Overdue(At(32)), 1U);
  queue_.Leave(1);
  EXPECT_EQ(queue_.Overdue(At(1000)), std::nullopt) << "nobody has the turn";
}

}  // namespace
}  // namespace simroot::device::daemon
