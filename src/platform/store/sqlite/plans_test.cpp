// SPDX-License-Identifier: Apache-2.0
/// Statements of daily work find their rows by an index. Without statistics SQLite easily takes one that leads through
/// every row of a busy tenant; this shows when a million cards are there, and here as steps of its virtual machine.
#include <gmock/gmock.h>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "platform/store/sqlite/schema.hpp"
#include "platform/store/sqlite/test_folder.hpp"
#include "platform/store/sqlite/transaction.hpp"

namespace simroot::platform::sqlite {
namespace {

constexpr int kManyCards = 3000;
/// A walk through all of them takes several steps for each.
constexpr std::int64_t kFewSteps = 2000;

class Plans : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_.Put("");
    auto opened = Connection::Open(folder_.Database(), Connection::Mode::kWrite);
    ASSERT_TRUE(opened);
    connection_ = std::move(*opened);
    ASSERT_TRUE(Migrate(*connection_, Migrations(), 0));
    if (!connection_->Number("SELECT count(*) FROM sqlite_stmt")) {
      GTEST_SKIP() << "this SQLite does not count its steps (SQLITE_ENABLE_STMTVTAB)";
    }
    all_ = std::make_unique<Transaction>(*connection_, *crypto_, clock_);
    ASSERT_TRUE(connection_->Execute("BEGIN"));
    busy_ = all_->InsertTenant({.name = "busy"}).value_or(0);
    quiet_ = all_->InsertTenant({.name = "quiet"}).value_or(0);
    for (int i = 0; i < kManyCards; ++i) {
      ASSERT_TRUE(AddCard(busy_, i)) << "card " << i;
    }
    const auto card = AddCard(quiet_, kManyCards);
    ASSERT_TRUE(card) << card.error().Text();
    card_ = *card;
  }

  Outcome<Id> AddCard(Id tenant, int number) {
    const std::string text = std::to_string(890000000000000000 + number);
    SR_TRY(const Id card, all_->InsertCard({.tenant = tenant, .iccid = text}));
    SR_TRY_VOID(all_->InsertDevice({.tenant = tenant, .card = card, .name = text}));
    SR_TRY(const Id job, all_->InsertJob({.tenant = tenant, .card = card}));
    SR_TRY_VOID(all_->InsertCredential({.tenant = tenant,
                                        .card = card,
                                        .job = job,
                                        .state = CredentialState::kActive,
                                        .name = text,
                                        .certificate = Bytes(400),
                                        .not_after = 1000 + number}));
    SR_TRY_VOID(all_->AddAudit({.tenant = tenant, .action = "card.import"}));
    SR_TRY_VOID(all_->AddFeedEvent({.tenant = tenant, .kind = "x"}));
    SR_TRY_VOID(all_->AddJobSteps(job, {{.what = "SELECT"}}));
    SR_TRY_VOID(all_->InsertToken({.name = text, .hash = Hash(number)}));
    return card;
  }
  static Bytes Hash(int number) {
    Bytes hash(32, LowByte(number));
    hash.front() = LowByte(number >> 8);
    return hash;
  }

  /// Statements that took more than a few steps each time they ran.
  std::string Slow() {
    std::string slow;
    auto query = connection_->Ask(
        "SELECT sql || ' takes ' || (nstep / run) || ' steps' FROM sqlite_stmt "
        "WHERE run > 0 AND nstep / run > ? AND sql NOT LIKE '%sqlite_stmt%'",
        kFewSteps);
    if (!query) {
      return query.error().Text();
    }
    while (query->Next().value_or(false)) {
      slow += query->Text() + "\n";
    }
    return slow;
  }

  TestFolder folder_;
  FixedClock clock_;
  std::unique_ptr<crypto::OpenSslCrypto> crypto_ = crypto::OpenSslCrypto::Create();
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Transaction> all_;
  Id busy_ = 0;
  Id quiet_ = 0;
  Id card_ = 0;
};

TEST_F(Plans, TestSeesAWalkThroughEverything) {
  EXPECT_EQ(Slow(), "");
  EXPECT_TRUE(connection_->Number("SELECT count(*) FROM card WHERE profile = 'x'"));
  EXPECT_THAT(Slow(), ::testing::HasSubstr("profile = 'x'"));
}

TEST_F(Plans, ListsOfAQuietTenantAreShort) {
  EXPECT_EQ(all_->ListCards({.tenant = quiet_}, {})->size(), 1U);
  EXPECT_EQ(all_->ListCards({.tenant = quiet_, .state = CardState::kImported}, {})->size(), 1U);
  EXPECT_EQ(all_->ListDevices(quiet_, {})->size(), 1U);
  EXPECT_EQ(all_->ListCredentials({.tenant = quiet_}, {})->size(), 1U);
  EXPECT_EQ(all_->ListCredentials({.tenant = quiet_, .state = CredentialState::kActive}, {})->size(), 1U);
  EXPECT_EQ(all_->ListJobs({.tenant = quiet_}, {})->size(), 1U);
  EXPECT_EQ(all_->ListJobs({.tenant = quiet_, .state = JobState::kQueued}, {})->size(), 1U);
  EXPECT_EQ(all_->ListAudit(quiet_, {})->size(), 1U);
  EXPECT_EQ(all_->ListFeed(quiet_, {})->size(), 1U);
  EXPECT_EQ(Slow(), "");
}

TEST_F(Plans, APartOfASnapshotCostsTheSameWhereverItBegins) {
  for (const std::int64_t after : {0, kManyCards / 2, kManyCards - 2}) {
    const auto part = all_->ListCredentials({.tenant = busy_}, {.after = after, .limit = 2});
    ASSERT_EQ(part->size(), 2U);
    EXPECT_EQ(part->front().id, after + 1);
  }
  EXPECT_EQ(all_->ListFeed(busy_, {.after = kManyCards - 2, .limit = 2})->size(), 2U);
  EXPECT_EQ(Slow(), "");
}

TEST_F(Plans, ListsOfOneCardAreShort) {
  EXPECT_EQ(all_->ListCredentials({.card = card_}, {})->size(), 1U);
  EXPECT_EQ(all_->ListCredentials({.tenant = quiet_, .card = card_, .state = CredentialState::kActive}, {})->size(),
            1U);
  EXPECT_EQ(all_->ListJobs({.card = card_}, {})->size(), 1U);
  EXPECT_EQ(all_->ListJobs({.tenant = quiet_, .card = card_, .state = JobState::kQueued}, {})->size(), 1U);
  EXPECT_TRUE(all_->NextJob(card_, 5));
  EXPECT_EQ(Slow(), "");
}

TEST_F(Plans, FewOfManyAreFound) {
  EXPECT_EQ(all_->ListCards({.iccid_prefix = "890000000000002999"}, {})->size(), 1U);
  EXPECT_EQ(all_->ListCards({.tenant = busy_, .state = CardState::kImported, .iccid_prefix = "890000000000002999"}, {})
                ->size(),
            1U);
  EXPECT_EQ(all_->ListCards({.state = CardState::kRetired}, {})->size(), 0U);
  EXPECT_EQ(all_->ListCredentials({.state = CredentialState::kRevoked}, {})->size(), 0U);
  EXPECT_EQ(all_->ListCredentials({.state = CredentialState::kActive, .ends_before = 1002}, {})->size(), 2U);
  EXPECT_EQ(
      all_->ListCredentials({.tenant = busy_, .state = CredentialState::kActive, .ends_before = 1002}, {})->size(), 2U);
  EXPECT_EQ(all_->ListJobs({.state = JobState::kFailed}, {})->size(), 0U);
  EXPECT_EQ(Slow(), "");
}

TEST_F(Plans, SingleRecordsAreFound) {
  const std::string name = std::to_string(890000000000000000 + kManyCards);
  EXPECT_TRUE(all_->FindCardByIccid(name));
  EXPECT_TRUE(all_->FindDeviceByName(quiet_, name));
  EXPECT_TRUE(all_->FindDeviceOfCard(card_));
  EXPECT_TRUE(all_->FindCredentialByName(quiet_, name));
  EXPECT_TRUE(all_->FindCredentialOfJob(kManyCards + 1));
  EXPECT_TRUE(all_->FindTokenByHash(Hash(kManyCards)));
  EXPECT_EQ(all_->ListJobSteps(kManyCards + 1, {})->size(), 1U);
  EXPECT_EQ(all_->LastFeedNumber().value_or(0), kManyCards + 1);
  EXPECT_EQ(Slow(), "");
}

}  // namespace
}  // namespace simroot::platform::sqlite
