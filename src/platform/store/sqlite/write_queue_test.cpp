// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/write_queue.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace simroot::platform::sqlite {
namespace {

using namespace std::chrono_literals;

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
  WriteQueue::Tickets tickets;
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

/// Callers that come again and again, until they are told to end; the writer's batches meanwhile.
std::vector<std::size_t> BatchesOf(unsigned callers, std::chrono::milliseconds pause, unsigned batches) {
  WriteQueue queue;
  std::atomic<bool> ends = false;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < callers; ++i) {
    threads.emplace_back([&] {
      while (!ends && queue.Submit(kNothing, Deadline::After(20s))) {
        std::this_thread::sleep_for(pause);
      }
    });
  }
  std::vector<std::size_t> sizes;
  for (unsigned i = 0; i < batches; ++i) {
    const auto tickets = queue.Take(100);
    sizes.push_back(tickets.size());
    std::this_thread::sleep_for(1ms);  // the disk
    queue.Answer(tickets);
  }
  ends = true;
  queue.Close();
  for (auto left = queue.Take(100); !left.empty(); left = queue.Take(100)) {
    queue.Answer(left);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  return sizes;
}

TEST(WriteQueue, ACallerAloneWaitsForNobody) {
  WriteQueue queue;
  std::thread caller([&] {
    while (queue.Submit(kNothing, Deadline::After(20s))) {
    }
  });
  auto fastest = std::chrono::steady_clock::duration::max();  // a busy machine has a quiet moment, too
  for (int i = 0; i < 200; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const auto tickets = queue.Take(100);
    EXPECT_EQ(tickets.size(), 1U);
    queue.Answer(tickets);
    fastest = std::min(fastest, std::chrono::steady_clock::now() - begin);
  }
  queue.Close();
  for (auto left = queue.Take(100); !left.empty(); left = queue.Take(100)) {
    queue.Answer(left);
  }
  caller.join();
  EXPECT_LT(fastest, WriteQueue::kLongestWait);
}

TEST(WriteQueue, WhoIsAloneAfterACrowdWaitsOnce) {
  constexpr std::size_t kCrowd = 100;  // if only a part of it were forgotten each time, there would be 15 waits
  constexpr int kAlone = 20;
  auto fastest = std::chrono::steady_clock::duration::max();  // a busy machine has a quiet moment, too
  for (int i = 0; i < 5; ++i) {
    WriteQueue queue;
    std::vector<std::thread> crowd;
    for (std::size_t one = 0; one < kCrowd; ++one) {
      crowd.emplace_back([&] { EXPECT_TRUE(queue.Submit(kNothing, Deadline::After(20s))); });
    }
    std::this_thread::sleep_for(50ms);  // for the crowd to come; a late one shows nothing, and fails nothing
    for (std::size_t answered = 0; answered < kCrowd;) {
      const auto tickets = queue.Take(kCrowd);
      answered += tickets.size();
      queue.Answer(tickets);
    }
    for (std::thread& thread : crowd) {
      thread.join();
    }
    const auto begin = std::chrono::steady_clock::now();
    std::thread alone([&] {
      for (int one = 0; one < kAlone; ++one) {
        EXPECT_TRUE(queue.Submit(kNothing, Deadline::After(20s)));
      }
    });
    for (int one = 0; one < kAlone; ++one) {
      queue.Answer(queue.Take(kCrowd));
    }
    alone.join();
    fastest = std::min(fastest, std::chrono::steady_clock::now() - begin);
  }
  EXPECT_LT(fastest, 10 * WriteQueue::kLongestWait);
}

TEST(WriteQueue, ThoseWhoComeTogetherAreWrittenTogether) {
  const auto sizes = BatchesOf(8, 1ms, 300);
  EXPECT_LE(std::ranges::max(sizes), 8U);
  // All eight, or half of them in turn. A writer that takes what is there has small batches, more than half of them.
  EXPECT_LT(std::ranges::count_if(sizes, [](std::size_t size) { return size < 4; }), 75);
}

TEST(WriteQueue, WhatIsTakenBackWhileTheWriterWaitsIsNotTaken) {
  WriteQueue queue;
  {  // the writer has seen two together
    std::vector<std::thread> two;
    two.reserve(2);
    for (int i = 0; i < 2; ++i) {
      two.emplace_back([&] { EXPECT_TRUE(queue.Submit(kNothing, Deadline::After(20s))); });
    }
    std::this_thread::sleep_for(50ms);
    for (std::size_t answered = 0; answered < 2;) {
      const auto tickets = queue.Take(10);
      answered += tickets.size();
      queue.Answer(tickets);
    }
    for (std::thread& thread : two) {
      thread.join();
    }
  }
  std::atomic<bool> closed = false;
  std::thread writer([&] {
    for (auto tickets = queue.Take(10); !tickets.empty(); tickets = queue.Take(10)) {
      queue.Answer(tickets);
    }
    EXPECT_TRUE(closed) << "no work is no end";
  });
  for (int i = 0; i < 50; ++i) {
    static_cast<void>(queue.Submit(kNothing, Deadline::After(0ms)));  // most of them are taken back
  }
  closed = true;
  queue.Close();
  writer.join();
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
