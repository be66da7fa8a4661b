// SPDX-License-Identifier: Apache-2.0
/// Who may open a database, and how.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/store/sqlite/test_folder.hpp"
#include "platform/store/sqlite_store.hpp"

namespace simroot::platform::sqlite {
namespace {

using ::testing::HasSubstr;

class Opening : public ::testing::Test {
 protected:
  Outcome<std::unique_ptr<Store>> Open(bool create = true) {
    return OpenSqliteStore({.file = folder_.Database(), .clock = clock_, .create = create});
  }
  static unsigned ModeOf(const std::string& file) {
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 ? status.st_mode & 0777U : 0;
  }
  static void ExpectRefused(const Outcome<std::unique_ptr<Store>>& store, FailureKind kind, const std::string& text) {
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().kind, kind) << store.error().Text();
    EXPECT_THAT(store.error().Text(), HasSubstr(text));
  }
  Outcome<void> AddTenant(Store& store, const std::string& name) {
    return store.Write([&](StoreWriter& w) -> Outcome<void> {
      SR_TRY_VOID(w.InsertTenant({.name = name}));
      return {};
    });
  }

  TestFolder folder_;
  FixedClock clock_;
};

TEST_F(Opening, MissingFileIsMadeOnlyIfWanted) {
  ExpectRefused(Open(false), FailureKind::kNotFound, "there is no database");
  EXPECT_FALSE(std::filesystem::exists(folder_.Database()));
  EXPECT_TRUE(Open(true));
  EXPECT_TRUE(Open(false));
}

TEST_F(Opening, FilesAreForTheirOwnerAlone) {
  const mode_t old = ::umask(0);
  const auto store = Open();
  ASSERT_TRUE(store);
  EXPECT_TRUE(AddTenant(**store, "acme"));
  ::umask(old);
  for (const std::string suffix : {"", "-wal", "-shm", ".lock"}) {
    EXPECT_EQ(ModeOf(folder_.Database() + suffix), 0600U) << suffix;
  }
  ASSERT_TRUE((*store)->Backup(folder_ / "backup"));
  EXPECT_EQ(ModeOf(folder_ / "backup"), 0600U);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "backup.partial"));
}

TEST_F(Opening, FileThatOthersMayReadIsRefused) {
  ASSERT_TRUE(Open());
  for (const mode_t mode : {0640U, 0604U, 0660U, 0602U}) {
    ASSERT_EQ(::chmod(folder_.Database().c_str(), mode), 0);
    ExpectRefused(Open(), FailureKind::kInvalid, "chmod 600");
  }
  ASSERT_EQ(::chmod(folder_.Database().c_str(), 0600U), 0);
  EXPECT_TRUE(Open());
}

TEST_F(Opening, FolderIsNoDatabase) {
  std::filesystem::create_directory(folder_.Database());
  ExpectRefused(Open(), FailureKind::kInvalid, "not a regular file");
}

TEST_F(Opening, BatchHasBorders) {
  for (const unsigned limit : {0U, 4097U}) {
    ExpectRefused(OpenSqliteStore({.file = folder_.Database(), .clock = clock_, .create = true, .batch_limit = limit}),
                  FailureKind::kInvalid, "a batch has");
  }
  const auto store = OpenSqliteStore({.file = folder_.Database(), .clock = clock_, .create = true, .batch_limit = 1});
  ASSERT_TRUE(store);
  EXPECT_TRUE(AddTenant(**store, "acme"));
}

TEST_F(Opening, BackupNeedsNoStoreAndDisturbsNone) {
  EXPECT_EQ(BackUpSqliteStore(folder_.Database(), folder_ / "b0").error().kind, FailureKind::kNotFound);
  auto store = Open();
  ASSERT_TRUE(store);
  ASSERT_TRUE(AddTenant(**store, "acme"));
  EXPECT_TRUE(BackUpSqliteStore(folder_.Database(), folder_ / "b1"));
  EXPECT_TRUE(AddTenant(**store, "bolt"));
  store->reset();
  EXPECT_TRUE(BackUpSqliteStore(folder_.Database(), folder_ / "b2"));
  EXPECT_EQ(BackUpSqliteStore(folder_.Database(), folder_ / "b2").error().kind, FailureKind::kConflict);
  for (const auto& [backup, tenants] : {std::pair("b1", 1U), std::pair("b2", 2U)}) {
    const auto restored = OpenSqliteStore({.file = folder_ / backup, .clock = clock_});
    ASSERT_TRUE(restored) << restored.error().Text();
    EXPECT_TRUE((*restored)->Read([&, count = tenants](StoreReader& r) -> Outcome<void> {
      SR_TRY(const auto list, r.ListTenants({}));
      EXPECT_EQ(list.size(), count);
      return {};
    }));
  }
}

TEST_F(Opening, BackupOfSomethingElseIsRefused) {
  folder_.Put(
      "a letter that is long enough to be read as the header of a database, which has a hundred bytes of it, so "
      "there must be some more");
  const auto outcome = BackUpSqliteStore(folder_.Database(), folder_ / "backup");
  ASSERT_FALSE(outcome);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "backup"));
}

TEST_F(Opening, WhatStandsOnlyInTheLogIsNotLost) {
  const auto store = Open();
  ASSERT_TRUE(store);
  ASSERT_TRUE(AddTenant(**store, "acme"));
  // What a disk holds after loss of power: the file and its log, no index of it.
  const std::string copy = folder_ / "copy.db";
  for (const std::string suffix : {"", "-wal"}) {
    std::filesystem::copy_file(folder_.Database() + suffix, copy + suffix);
  }
  const auto recovered = OpenSqliteStore({.file = copy, .clock = clock_});
  ASSERT_TRUE(recovered) << recovered.error().Text();
  EXPECT_TRUE((*recovered)->Read([](StoreReader& r) -> Outcome<void> {
    SR_TRY_VOID(r.FindTenant("acme"));
    return {};
  }));
}

TEST_F(Opening, SecondStoreIsRefusedWithTheProcessNamed) {
  {
    const auto store = Open();
    ASSERT_TRUE(store);
    ExpectRefused(Open(), FailureKind::kConflict, "process " + std::to_string(::getpid()));
    EXPECT_TRUE(AddTenant(**store, "acme"));
  }
  EXPECT_TRUE(Open());
}

TEST_F(Opening, AnotherProcessIsNamedAndItsDeathFreesTheDatabase) {
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto store = Open();
    static_cast<void>(::write(ready.back(), store ? "y" : "n", 1) == 1);
    for (;;) {
      ::pause();
    }
  }
  char answer = 0;
  EXPECT_EQ(::read(ready.front(), &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  ExpectRefused(Open(), FailureKind::kConflict, "process " + std::to_string(child));
  EXPECT_EQ(::kill(child, SIGKILL), 0);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(Open());
  ::close(ready.front());
  ::close(ready.back());
}

}  // namespace
}  // namespace simroot::platform::sqlite
