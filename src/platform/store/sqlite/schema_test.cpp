// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/schema.hpp"

#include <gmock/gmock.h>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "platform/store/sqlite/test_folder.hpp"
#include "platform/store/sqlite_store.hpp"

namespace simroot::platform::sqlite {
namespace {

using ::testing::HasSubstr;

class Schema : public ::testing::Test {
 protected:
  Outcome<std::unique_ptr<Store>> OpenStore() {
    return OpenSqliteStore({.file = folder_.Database(), .clock = clock_, .create = true});
  }
  std::unique_ptr<Connection> OpenConnection() {
    folder_.Put("");
    auto connection = Connection::Open(folder_.Database(), Connection::Mode::kWrite);
    SR_CHECK(connection.has_value());
    return std::move(*connection);
  }

  TestFolder folder_;
  FixedClock clock_;
};

// A database that exists has done the first step; what its text becomes later, that database does not have.
TEST_F(Schema, FirstStepIsWhatWasReleased) {
  const auto crypto = crypto::OpenSslCrypto::Create();
  const std::string sql = Migrations().front().sql();
  crypto::HashState state;
  std::array<std::uint8_t, 32> digest{};
  ASSERT_TRUE(crypto->HashBegin(crypto::HashAlgorithm::kSha256, state) && crypto->HashUpdate(state, AsBytes(sql)) &&
              crypto->HashFinish(state, digest));
  EXPECT_EQ(ToHex(digest), "CDCE408C807EBF045625B25D2B9A265D13C7B3BEDAED3B5FEACF95C38690D882")
      << "tables or states have changed: once a version is released they need a new migration";
}

TEST_F(Schema, StepsAreNumberedFromOne) {
  std::int64_t next = 1;
  for (const Migration& migration : Migrations()) {
    EXPECT_EQ(migration.number, next++);
  }
}

TEST_F(Schema, StepsAreDoneOnce) {
  const auto connection = OpenConnection();
  const std::array first{Migration{1, [] { return std::string("CREATE TABLE a (x INTEGER)"); }}};
  const std::array second{first.front(), Migration{2, [] { return std::string("CREATE TABLE b (x INTEGER)"); }}};
  EXPECT_EQ(CheckVersion(*connection, first).value_or(-1), 0);
  ASSERT_TRUE(Migrate(*connection, first, 5));
  EXPECT_EQ(CheckVersion(*connection, second).value_or(-1), 1);
  ASSERT_TRUE(Migrate(*connection, first, 6));
  ASSERT_TRUE(Migrate(*connection, second, 7));
  EXPECT_EQ(CheckVersion(*connection, second).value_or(-1), 2);
  EXPECT_EQ(connection->Number("SELECT sum(number * 100 + applied) FROM migration").value(), 105 + 207);
}

TEST_F(Schema, StepThatFailsIsUndone) {
  const auto connection = OpenConnection();
  const std::array steps{
      Migration{1, [] { return std::string("CREATE TABLE a (x INTEGER)"); }},
      Migration{2, [] { return std::string("CREATE TABLE b (x INTEGER); CREATE TABLE a (y TEXT)"); }}};
  EXPECT_FALSE(Migrate(*connection, steps, 5));
  EXPECT_FALSE(connection->InTransaction());
  EXPECT_EQ(CheckVersion(*connection, steps).value_or(-1), 1);
  EXPECT_EQ(connection->Number("SELECT count(*) FROM sqlite_schema WHERE name = 'b'").value(), 0);
}

TEST_F(Schema, NewerDatabaseIsRefusedAndLeftAlone) {
  ASSERT_TRUE(OpenStore());
  ASSERT_EQ(folder_.Run("INSERT INTO migration VALUES (99, 0)"), "");
  const std::string before = folder_.Get();
  const auto store = OpenStore();
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind, FailureKind::kInvalid);
  EXPECT_THAT(store.error().Text(), HasSubstr("version 99"));
  EXPECT_THAT(store.error().Text(), HasSubstr("newer program"));
  EXPECT_EQ(folder_.Get(), before);
}

TEST_F(Schema, DatabaseOfAnotherProgramIsRefusedAndLeftAlone) {
  ASSERT_EQ(folder_.Run("CREATE TABLE customer (name TEXT)"), "");
  const std::string before = folder_.Get();
  const auto store = OpenStore();
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind, FailureKind::kInvalid);
  EXPECT_THAT(store.error().Text(), HasSubstr("another program"));
  EXPECT_EQ(folder_.Get(), before);
}

TEST_F(Schema, FileThatIsNoDatabaseIsRefusedAndLeftAlone) {
  const std::string letter(5000, 'x');
  folder_.Put(letter);
  const auto store = OpenStore();
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().Text(), HasSubstr("not a database"));
  EXPECT_EQ(folder_.Get(), letter);
}

class Rules : public Schema {
 protected:
  void SetUp() override {
    ASSERT_TRUE(OpenStore());
    ASSERT_EQ(folder_.Run("INSERT INTO tenant VALUES (1, 'acme', 0)"), "");
    ASSERT_EQ(folder_.Run(Card("imported")), "");
  }
  static std::string Card(const std::string& state) {
    return "INSERT INTO card (tenant, iccid, eid, imsi, profile, security_domain, state, created, last_contact) VALUES "
           "(1, '" +
           state + "', '', '', '', x'', '" + state + "', 0, 0)";
  }
};

TEST_F(Rules, StatesAreThoseOfTheTables) {
  for (const auto& row : kCardStates) {
    if (row.state != CardState::kImported) {
      EXPECT_EQ(folder_.Run(Card(std::string(row.name))), "");
    }
  }
  EXPECT_THAT(folder_.Run(Card("lost")), HasSubstr("CHECK constraint failed"));
}

TEST_F(Rules, TransitionsAreThoseOfTheTables) {
  EXPECT_EQ(folder_.Run("UPDATE card SET state = 'active'"), "");
  EXPECT_THAT(folder_.Run("UPDATE card SET state = 'imported'"), HasSubstr("is not allowed"));
  EXPECT_EQ(folder_.Run("UPDATE card SET state = 'retired'"), "");
  EXPECT_THAT(folder_.Run("UPDATE card SET state = 'active'"), HasSubstr("is not allowed"));
}

TEST_F(Rules, ReferencesExist) {
  EXPECT_THAT(folder_.Run("INSERT INTO device (tenant, card, name, created) VALUES (1, 99, 'pump', 0)"),
              HasSubstr("FOREIGN KEY"));
  EXPECT_THAT(folder_.Run("DELETE FROM tenant"), HasSubstr("FOREIGN KEY"));
}

TEST_F(Rules, LogsOnlyGrow) {
  const std::string entry = "INSERT INTO audit VALUES (1, 0, 0, '', '', '', '', zeroblob(32));";
  ASSERT_EQ(folder_.Run(entry + "INSERT INTO feed VALUES (1, 0, 0, NULL, '')"), "");
  for (const std::string table : {"audit", "feed"}) {
    EXPECT_THAT(folder_.Run("UPDATE " + table + " SET time = 1"), HasSubstr("stays"));
    EXPECT_THAT(folder_.Run("DELETE FROM " + table), HasSubstr("stays"));
  }
}

/// A log of three entries, then somebody with the right to write to the file changes it.
class TamperedAudit : public Schema {
 protected:
  void SetUp() override {
    const auto store = OpenStore();
    ASSERT_TRUE(store);
    for (const std::string action : {"a", "b", "c"}) {
      ASSERT_TRUE((*store)->Write([&](StoreWriter& w) -> Outcome<void> {
        SR_TRY_VOID(w.AddAudit({.actor = "platform", .action = action}));
        return {};
      }));
    }
  }
  Outcome<std::int64_t> VerifyAfter(const std::string& sql) {
    EXPECT_EQ(folder_.Run("DROP TRIGGER audit_no_UPDATE; DROP TRIGGER audit_no_DELETE;" + sql), "");
    const auto store = OpenStore();
    Outcome<std::int64_t> result = 0;
    EXPECT_TRUE((*store)->Read([&](StoreReader& r) -> Outcome<void> {
      result = r.VerifyAudit();
      return {};
    }));
    return result;
  }
  void ExpectBroken(const std::string& sql, const std::string& where) {
    const auto result = VerifyAfter(sql);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, FailureKind::kConflict);
    EXPECT_THAT(result.error().message, HasSubstr(where));
  }
};

TEST_F(TamperedAudit, UntouchedLogIsRight) {
  EXPECT_EQ(VerifyAfter("").value_or(0), 3);
}
TEST_F(TamperedAudit, ChangedTextIsFound) {
  ExpectBroken("UPDATE audit SET actor = 'nobody' WHERE number = 2", "audit entry 2 is not what was written");
}
TEST_F(TamperedAudit, ChangedTimeIsFound) {
  ExpectBroken("UPDATE audit SET time = time + 1 WHERE number = 3", "audit entry 3 is not what was written");
}
TEST_F(TamperedAudit, ChangedHashIsFound) {
  ExpectBroken("UPDATE audit SET hash = zeroblob(32) WHERE number = 1", "audit entry 1 is not what was written");
}
TEST_F(TamperedAudit, RemovedEntryIsFound) {
  ExpectBroken("DELETE FROM audit WHERE number = 2", "audit entry 2 is missing");
}
TEST_F(TamperedAudit, RemovedFirstEntryIsFoundAlthoughTheOthersAreRenumbered) {
  ExpectBroken(
      "DELETE FROM audit WHERE number = 1; UPDATE audit SET number = 1 WHERE number = 2;"
      "UPDATE audit SET number = 2 WHERE number = 3",
      "audit entry 1 is not what was written");
}

}  // namespace
}  // namespace simroot::platform::sqlite
