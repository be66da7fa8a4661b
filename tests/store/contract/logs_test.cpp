// SPDX-License-Identifier: Apache-2.0
/// The audit log and the change feed.
#include <condition_variable>
#include <mutex>

#include "common/host/deadline.hpp"
#include "store/contract/contract.hpp"

namespace simroot::platform::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class LogsContract : public Contract {
 protected:
  Outcome<std::int64_t> Audit(Id tenant, const std::string& action) {
    return Write([&](StoreWriter& w) {
      return w.AddAudit({.number = 99,
                         .time = 99,
                         .tenant = tenant,
                         .actor = "token fleet",
                         .action = action,
                         .object = "card 1",
                         .detail = "{}",
                         .hash = Counting(32)});
    });
  }
  Outcome<std::int64_t> Event(Id tenant, const std::string& kind) {
    return Write(
        [&](StoreWriter& w) { return w.AddFeedEvent({.number = 99, .time = 8, .tenant = tenant, .kind = kind}); });
  }
  Outcome<std::vector<AuditEntry>> ListAudit(Id tenant, const Page& page = {}) {
    return Read([&](StoreReader& r) { return r.ListAudit(tenant, page); });
  }
  Outcome<std::int64_t> Verify() {
    return Read([&](StoreReader& r) { return r.VerifyAudit(); });
  }
  static std::vector<std::int64_t> Numbers(const Outcome<std::vector<FeedEvent>>& events) {
    std::vector<std::int64_t> numbers;
    for (const FeedEvent& event : *events) {
      numbers.push_back(event.number);
    }
    return numbers;
  }
};

TEST_F(LogsContract, EmptyAuditLogIsRight) {
  EXPECT_EQ(Verify().value_or(-1), 0);
  EXPECT_THAT(*ListAudit(0), SizeIs(0));
}

TEST_F(LogsContract, AuditNumbersTimesAndHashesAreTheStores) {
  clock_.Set(1000);
  EXPECT_EQ(Audit(tenant_, "card.suspend").value_or(0), 1);
  clock_.Set(1001);
  EXPECT_EQ(Audit(0, "platform.start").value_or(0), 2);
  const auto entries = ListAudit(0);
  ASSERT_THAT(*entries, SizeIs(2));
  EXPECT_EQ(entries->front().number, 1);
  EXPECT_EQ(entries->front().time, 1000);
  EXPECT_EQ(entries->front().tenant, tenant_);
  EXPECT_EQ(entries->front().actor, "token fleet");
  EXPECT_EQ(entries->front().action, "card.suspend");
  EXPECT_EQ(entries->front().object, "card 1");
  EXPECT_EQ(entries->front().detail, "{}");
  EXPECT_THAT(entries->front().hash, SizeIs(32));
  EXPECT_NE(entries->front().hash, Counting(32));
  EXPECT_EQ(entries->back().number, 2);
  EXPECT_EQ(entries->back().time, 1001);
  EXPECT_EQ(entries->back().tenant, 0);
  EXPECT_NE(entries->back().hash, entries->front().hash);
  EXPECT_EQ(Verify().value_or(-1), 2);
}

TEST_F(LogsContract, AuditTimeNeverFalls) {
  for (const UnixTime now : {1000, 400, 1000, 1200, -5}) {
    clock_.Set(now);
    EXPECT_TRUE(Audit(tenant_, "x"));
  }
  under_test_->Reopen();
  EXPECT_TRUE(Audit(tenant_, "x"));
  std::vector<UnixTime> times;
  const auto entries = ListAudit(0);
  for (const AuditEntry& entry : *entries) {
    times.push_back(entry.time);
  }
  EXPECT_THAT(times, ElementsAre(1000, 1000, 1000, 1200, 1200, 1200));
  EXPECT_EQ(Verify().value_or(-1), 6);
}

TEST_F(LogsContract, AuditIsListedForATenantInPages) {
  for (const Id tenant : {tenant_, other_tenant_, tenant_, Id{0}}) {
    EXPECT_TRUE(Audit(tenant, "x"));
  }
  EXPECT_THAT(*ListAudit(tenant_), SizeIs(2));
  EXPECT_EQ(ListAudit(tenant_)->back().number, 3);
  EXPECT_THAT(*ListAudit(0), SizeIs(4));
  EXPECT_EQ(ListAudit(0, {.after = 1, .limit = 1})->front().number, 2);
  EXPECT_THAT(*ListAudit(0, {.after = 4}), SizeIs(0));
  EXPECT_EQ(KindOf(ListAudit(0, {.limit = 0})), "invalid");
}

TEST_F(LogsContract, WorkThatFailsLeavesNoGap) {
  EXPECT_TRUE(Audit(tenant_, "x"));
  EXPECT_TRUE(Event(tenant_, "credential.active"));
  EXPECT_EQ(KindOf(Write([&](StoreWriter& w) -> Outcome<void> {
              EXPECT_EQ(w.AddAudit({.action = "y"}).value_or(0), 2);
              EXPECT_EQ(w.AddAudit({.action = "y"}).value_or(0), 3);
              EXPECT_EQ(w.AddFeedEvent({.kind = "z"}).value_or(0), 2);
              return Refuse(FailureKind::kConflict, "too late");
            })),
            "conflict");
  EXPECT_EQ(Audit(tenant_, "x").value_or(0), 2);
  EXPECT_EQ(Event(tenant_, "credential.revoked").value_or(0), 2);
  EXPECT_EQ(Verify().value_or(-1), 2);
}

TEST_F(LogsContract, FeedIsNumberedForThePlatformAndListedForATenant) {
  EXPECT_EQ(Read([&](StoreReader& r) { return r.LastFeedNumber(); }).value_or(-1), 0);
  EXPECT_EQ(Event(tenant_, "credential.active").value_or(0), 1);
  EXPECT_EQ(Event(other_tenant_, "credential.active").value_or(0), 2);
  EXPECT_EQ(Event(tenant_, "device.renamed").value_or(0), 3);
  const auto list = [&](Id tenant, const Page& page = {}) {
    return Read([&](StoreReader& r) { return r.ListFeed(tenant, page); });
  };
  EXPECT_THAT(Numbers(list(0)), ElementsAre(1, 2, 3));
  EXPECT_THAT(Numbers(list(tenant_)), ElementsAre(1, 3));
  EXPECT_THAT(Numbers(list(tenant_, {.after = 1})), ElementsAre(3));
  EXPECT_THAT(Numbers(list(tenant_, {.after = 3})), ElementsAre());
  EXPECT_THAT(Numbers(list(0, {.after = 0, .limit = 2})), ElementsAre(1, 2));
  EXPECT_EQ(list(tenant_)->back().kind, "device.renamed");
  EXPECT_EQ(list(tenant_)->back().time, 8);
  EXPECT_EQ(list(tenant_)->back().credential, 0);
  EXPECT_EQ(Read([&](StoreReader& r) { return r.LastFeedNumber(); }).value_or(-1), 3);
  under_test_->Reopen();
  EXPECT_EQ(Event(tenant_, "x").value_or(0), 4);
}

TEST_F(LogsContract, FeedCanBeRaisedButNeverLowered) {
  const auto raise = [&](std::int64_t least) {
    return Write([&](StoreWriter& w) { return w.RaiseFeed(least); }).has_value();
  };
  EXPECT_TRUE(raise(0));
  EXPECT_EQ(Event(tenant_, "a").value_or(0), 2);
  EXPECT_TRUE(raise(1'000'000'000'000));
  EXPECT_EQ(Event(tenant_, "b").value_or(0), 1'000'000'000'001);
  EXPECT_TRUE(raise(5));
  EXPECT_EQ(Event(tenant_, "c").value_or(0), 1'000'000'000'003);
  const auto all = Read([&](StoreReader& r) { return r.ListFeed(0, {}); });
  EXPECT_THAT(Numbers(all),
              ElementsAre(1, 2, 1'000'000'000'000, 1'000'000'000'001, 1'000'000'000'002, 1'000'000'000'003));
  EXPECT_EQ(all->front().kind, "feed.begun");
  EXPECT_EQ(all->front().credential, 0);
  EXPECT_THAT(Numbers(Read([&](StoreReader& r) { return r.ListFeed(tenant_, {}); })),
              ElementsAre(2, 1'000'000'000'001, 1'000'000'000'003));
}

TEST_F(LogsContract, ListenersHearTheHighestNumberAfterItIsThere) {
  std::mutex mutex;
  std::condition_variable heard;
  std::int64_t last = 0;
  std::int64_t seen_by_reader = 0;
  store().OnFeed([&](std::int64_t number) {
    const std::scoped_lock lock(mutex);
    last = number;
    heard.notify_all();
  });
  const auto wait_for = [&](std::int64_t number) {
    std::unique_lock lock(mutex);
    return heard.wait_until(lock, Deadline::After(std::chrono::seconds(20)).at(), [&] { return last == number; });
  };
  EXPECT_TRUE(Audit(tenant_, "no event"));
  EXPECT_TRUE(Write([&](StoreWriter& w) -> Outcome<std::int64_t> {
    EXPECT_TRUE(w.AddFeedEvent({.tenant = tenant_, .kind = "a"}));
    return w.AddFeedEvent({.tenant = tenant_, .kind = "b"});
  }));
  EXPECT_TRUE(wait_for(2));
  seen_by_reader = Read([&](StoreReader& r) { return r.LastFeedNumber(); }).value_or(0);
  EXPECT_EQ(seen_by_reader, 2);
  EXPECT_TRUE(Event(other_tenant_, "c"));
  EXPECT_TRUE(wait_for(3));
  store().OnFeed(nullptr);
  EXPECT_TRUE(Event(other_tenant_, "d"));
  EXPECT_TRUE(Audit(tenant_, "after it"));
  EXPECT_EQ(last, 3);
}

}  // namespace
}  // namespace simroot::platform::contract
