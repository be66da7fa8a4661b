// SPDX-License-Identifier: Apache-2.0
/// What a work sees of others, what is left of one that fails, and backups.
#include <latch>
#include <set>
#include <stdexcept>
#include <thread>

#include "store/contract/contract.hpp"

namespace simroot::platform::contract {
namespace {

using ::testing::HasSubstr;

class TransactionsContract : public Contract {
 protected:
  Outcome<std::int64_t> CountCards() {
    return Read([&](StoreReader& r) -> Outcome<std::int64_t> { return CountCards(r); });
  }
  static Outcome<std::int64_t> CountCards(StoreReader& reader) {
    SR_TRY(const auto cards, reader.ListCards({}, {.limit = 1000}));
    return static_cast<std::int64_t>(cards.size());
  }
  static std::string Iccid(unsigned number) { return "89000000000000" + std::to_string(100'000 + number); }
};

TEST_F(TransactionsContract, WriterSeesItsOwnChangesAndOthersDoNot) {
  EXPECT_TRUE(Write([&](StoreWriter& w) -> Outcome<Id> {
    const auto id = w.InsertCard(SampleCard(tenant_, Iccid(1)));
    EXPECT_EQ(CountCards(w).value_or(0), 2);
    std::int64_t outside = 0;
    std::thread([&] { outside = CountCards().value_or(0); }).join();
    EXPECT_EQ(outside, 1);
    return id;
  }));
  EXPECT_EQ(CountCards().value_or(0), 2);
}

TEST_F(TransactionsContract, ReaderKeepsItsView) {
  EXPECT_TRUE(Read([&](StoreReader& r) -> Outcome<Id> {
    EXPECT_EQ(CountCards(r).value_or(0), 1);
    std::thread([&] {
      EXPECT_TRUE(Write([&](StoreWriter& w) { return w.InsertCard(SampleCard(tenant_, Iccid(1))); }));
    }).join();
    EXPECT_EQ(CountCards(r).value_or(0), 1);
    return Id{1};
  }));
  EXPECT_EQ(CountCards().value_or(0), 2);
}

TEST_F(TransactionsContract, FailureUndoesTheWholeWork) {
  const auto outcome = Write([&](StoreWriter& w) -> Outcome<void> {
    EXPECT_TRUE(w.InsertCard(SampleCard(tenant_, Iccid(1))));
    EXPECT_TRUE(w.TransitionCard(card_, CardState::kImported, CardState::kActive));
    return Refuse(FailureKind::kDenied, "changed my mind", "next step");
  });
  ASSERT_EQ(KindOf(outcome), "denied");
  EXPECT_EQ(outcome.error().Text(), "changed my mind; next step");
  EXPECT_EQ(CountCards().value_or(0), 1);
  EXPECT_EQ(Read([&](StoreReader& r) { return r.FindCard(card_); })->state, CardState::kImported);
}

TEST_F(TransactionsContract, ExceptionUndoesTheWholeWorkAndNothingElse) {
  const auto outcome = store().Write([&](StoreWriter& w) -> Outcome<void> {
    EXPECT_TRUE(w.InsertCard(SampleCard(tenant_, Iccid(1))));
    throw std::runtime_error("out of ideas");
  });
  EXPECT_EQ(KindOf(outcome), "internal");
  EXPECT_THAT(outcome.error().message, HasSubstr("out of ideas"));
  EXPECT_EQ(CountCards().value_or(0), 1);
  EXPECT_TRUE(Write([&](StoreWriter& w) { return w.InsertCard(SampleCard(tenant_, Iccid(1))); }));
}

TEST_F(TransactionsContract, ReaderMayFailOrThrow) {
  EXPECT_EQ(KindOf(store().Read([](StoreReader&) -> Outcome<void> { return Refuse(FailureKind::kDenied, "no"); })),
            "denied");
  EXPECT_EQ(KindOf(store().Read([](StoreReader&) -> Outcome<void> { throw std::runtime_error("no"); })), "internal");
  EXPECT_EQ(CountCards().value_or(0), 1);
}

TEST_F(TransactionsContract, WorkThatCallsTheStoreIsRefusedInsteadOfWaitingForItself) {
  const auto outcome = Write([&](StoreWriter&) -> Outcome<void> {
    EXPECT_EQ(KindOf(store().Read([](StoreReader&) -> Outcome<void> { return {}; })), "internal");
    return store().Write([](StoreWriter&) -> Outcome<void> { return {}; });
  });
  EXPECT_EQ(KindOf(outcome), "internal");
}

TEST_F(TransactionsContract, EightThreadsWriteEachTheirOwnAndSomeFail) {
  constexpr unsigned kThreads = 8;
  constexpr unsigned kWorks = 40;
  std::latch start(kThreads);
  std::atomic<unsigned> refused = 0;
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      start.arrive_and_wait();
      for (unsigned i = 0; i < kWorks; ++i) {
        const bool fails = i % 5 == 4;
        const auto outcome = store().Write([&](StoreWriter& w) -> Outcome<void> {
          SR_TRY_VOID(w.InsertCard(SampleCard(tenant_, Iccid(thread * kWorks + i))));
          SR_TRY_VOID(w.AddAudit({.tenant = tenant_, .action = "card.import"}));
          SR_TRY_VOID(w.AddFeedEvent({.tenant = tenant_, .kind = "card.imported"}));
          if (fails) {
            return Refuse(FailureKind::kConflict, "this one not");
          }
          return {};
        });
        refused += outcome ? 0U : 1U;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  constexpr unsigned kDone = kThreads * kWorks * 4 / 5;
  EXPECT_EQ(refused, kThreads * kWorks / 5);
  EXPECT_EQ(CountCards().value_or(0), kDone + 1);
  EXPECT_EQ(Read([](StoreReader& r) { return r.VerifyAudit(); }).value_or(0), kDone);
  EXPECT_EQ(Read([](StoreReader& r) { return r.LastFeedNumber(); }).value_or(0), kDone);
}

TEST_F(TransactionsContract, EightThreadsReserveCountersAndNoneIsGivenTwice) {
  constexpr unsigned kThreads = 8;
  constexpr unsigned kReservations = 25;
  ASSERT_TRUE(Write([&](StoreWriter& w) { return w.PutCardKeys(SampleKeys(card_, 1)); }));
  std::vector<std::vector<std::int64_t>> given(kThreads);
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (unsigned i = 0; i < kReservations; ++i) {
        std::int64_t first = 0;
        EXPECT_TRUE(store().Write([&](StoreWriter& w) -> Outcome<void> {
          SR_TRY(first, w.ReserveScp80Counters(card_, 1, 2));
          return {};
        }));
        given[thread].push_back(first);
        given[thread].push_back(first + 1);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::set<std::int64_t> all;
  for (const auto& some : given) {
    EXPECT_TRUE(std::ranges::is_sorted(some));
    all.insert(some.begin(), some.end());
  }
  EXPECT_EQ(all.size(), kThreads * kReservations * 2);
  EXPECT_EQ(*all.begin(), 1);
  EXPECT_EQ(*all.rbegin(), kThreads * kReservations * 2);
}

TEST_F(TransactionsContract, ReadersNeverSeeHalfOfAWork) {
  std::atomic<bool> stop = false;
  std::atomic<int> odd = 0;
  std::thread reader([&] {
    while (!stop) {
      // Two cards come with each work, so beside the first one their number is even.
      if (CountCards().value_or(1) % 2 != 1) {
        ++odd;
      }
    }
  });
  for (unsigned i = 0; i < 100; ++i) {
    EXPECT_TRUE(Write([&](StoreWriter& w) -> Outcome<void> {
      SR_TRY_VOID(w.InsertCard(SampleCard(tenant_, Iccid(2 * i))));
      SR_TRY_VOID(w.InsertCard(SampleCard(tenant_, Iccid(2 * i + 1))));
      return {};
    }));
  }
  stop = true;
  reader.join();
  EXPECT_EQ(odd, 0);
}

TEST_F(TransactionsContract, EverythingIsThereAfterARestart) {
  EXPECT_TRUE(Write([&](StoreWriter& w) { return w.InsertCard(SampleCard(tenant_, Iccid(1))); }));
  under_test_->Reopen();
  EXPECT_EQ(CountCards().value_or(0), 2);
  EXPECT_EQ(Read([&](StoreReader& r) { return r.FindTenant("acme"); })->id, tenant_);
}

TEST_F(TransactionsContract, BackupIsAStoreThatDoesNotChangeAnyMore) {
  ASSERT_TRUE(Write([&](StoreWriter& w) { return w.PutCardKeys(SampleKeys(card_, 1)); }));
  ASSERT_TRUE(Write([&](StoreWriter& w) { return w.AddAudit({.tenant = tenant_, .action = "x"}); }));
  const std::string backup = under_test_->BackupName();
  const auto made = store().Backup(backup);
  ASSERT_TRUE(made) << made.error().Text();
  EXPECT_TRUE(Write([&](StoreWriter& w) { return w.InsertCard(SampleCard(tenant_, Iccid(1))); }));
  const auto restored = under_test_->OpenBackup(backup, clock_);
  EXPECT_TRUE(restored->store().Read([&](StoreReader& r) -> Outcome<void> {
    EXPECT_EQ(CountCards(r).value_or(0), 1);
    EXPECT_EQ(r.FindCardKeys(card_, 1)->sealed, Counting(112));
    EXPECT_EQ(r.VerifyAudit().value_or(0), 1);
    return {};
  }));
  // And it goes on where it was.
  EXPECT_TRUE(restored->store().Write([&](StoreWriter& w) -> Outcome<void> {
    EXPECT_EQ(w.AddAudit({.tenant = tenant_, .action = "y"}).value_or(0), 2);
    return {};
  }));
}

TEST_F(TransactionsContract, BackupReplacesNothing) {
  const std::string backup = under_test_->BackupName();
  under_test_->Occupy(backup);
  EXPECT_EQ(KindOf(store().Backup(backup)), "conflict");
}

TEST_F(TransactionsContract, BackupWhileOthersWriteHoldsOneMoment) {
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (unsigned i = 0; !stop; ++i) {
      EXPECT_TRUE(store().Write([&](StoreWriter& w) -> Outcome<void> {
        SR_TRY_VOID(w.InsertCard(SampleCard(tenant_, Iccid(2 * i))));
        SR_TRY_VOID(w.InsertCard(SampleCard(tenant_, Iccid(2 * i + 1))));
        SR_TRY_VOID(w.AddAudit({.tenant = tenant_, .action = "card.import"}));
        return {};
      }));
    }
  });
  while (CountCards().value_or(0) < 9) {
    std::this_thread::yield();
  }
  const std::string backup = under_test_->BackupName();
  const auto made = store().Backup(backup);
  stop = true;
  writer.join();
  ASSERT_TRUE(made) << made.error().Text();
  const auto restored = under_test_->OpenBackup(backup, clock_);
  EXPECT_TRUE(restored->store().Read([&](StoreReader& r) -> Outcome<void> {
    const std::int64_t cards = CountCards(r).value_or(0);
    EXPECT_GE(cards, 9);
    EXPECT_EQ(cards, 1 + 2 * r.VerifyAudit().value_or(0));
    return {};
  }));
}

}  // namespace
}  // namespace simroot::platform::contract
