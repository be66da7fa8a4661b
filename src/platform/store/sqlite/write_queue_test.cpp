// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/write_queue.hpp"

#include <gmock/gmock.h>

#include <thread>

namespace simroot::platform::sqlite {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

const Work kNothing = [](StoreWriter&) -> Outcome<void> { return {}; };

TEST(WriteQueue, WorkThatNobodyBeginsIsTakenBack) {
  WriteQueue queue;
  const auto outcome = queue.Submit(kNothing, Deadline::After(0ms));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, FailureKind::kUnavailable);
  EXPECT_THAT(outcome.error().Text(), ::testing::HasSubstr("nothing was changed"));
  queue.Close();
  EXPECT_TRUE(queue.Take(10).empty());
}

TEST(WriteQueue, CallerGetsTheAnswerOfTheWriter) {
  WriteQueue queue;
  std::thread writer([&] {
    const auto tickets = queue.Take(1);
    ASSERT_EQ(tickets.size(), 1U);
    tickets.front()->outcome = Refuse(FailureKind::kConflict, "mine");
    queue.Answer(tickets);
  });
  const auto outcome = queue.Submit(kNothing, Deadline::After(20s));
  writer.join();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "mine");
}

TEST(WriteQueue, OldestAreTakenFirstAndNotMoreThanTheLimit) {
  constexpr std::size_t kWorks = 5;
  WriteQueue queue;
  std::vector<Work> works(kWorks, kNothing);
  std::vector<std::thread> callers;
  std::vector<WriteQueue::Ticket*> tickets;
  for (const Work& work : works) {
    callers.emplace_back([&] { EXPECT_TRUE(queue.Submit(work, Deadline::After(20s))); });
    const auto one = queue.Take(1);
    ASSERT_EQ(one.size(), 1U);
    EXPECT_EQ(&one.front()->work, &work);
    tickets.push_back(one.front());
  }
  queue.Answer(tickets);
  for (std::thread& caller : callers) {
    caller.join();
  }
}

TEST(WriteQueue, ManyCallersAreAllAnswered) {
  constexpr unsigned kCallers = 16;
  constexpr unsigned kLimit = 4;
  WriteQueue queue;
  std::vector<std::thread> callers;
  for (unsigned i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] { EXPECT_TRUE(queue.Submit(kNothing, Deadline::After(20s))); });
  }
  for (std::size_t answered = 0; answered < kCallers;) {
    const auto tickets = queue.Take(kLimit);
    EXPECT_LE(tickets.size(), kLimit);
    answered += tickets.size();
    queue.Answer(tickets);
  }
  for (std::thread& caller : callers) {
    caller.join();
  }
}

TEST(WriteQueue, ClosedQueueTakesNothingInAndEndsItsWriter) {
  WriteQueue queue;
  std::thread writer([&] { EXPECT_TRUE(queue.Take(1).empty()); });
  queue.Close();
  writer.join();
  const auto outcome = queue.Submit(kNothing, Deadline::After(20s));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, FailureKind::kUnavailable);
}

}  // namespace
}  // namespace simroot::platform::sqlite
