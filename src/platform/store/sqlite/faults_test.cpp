// SPDX-License-Identifier: Apache-2.0
/// A disk that is full or fails: a clear answer, nothing half done, and on again by itself.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "common/host/unique_fd.hpp"
#include "platform/store/sqlite/test_folder.hpp"
#include "platform/store/sqlite_store.hpp"

namespace simroot::platform::sqlite {
namespace {

using ::testing::HasSubstr;

/// No file of this process may grow beyond `bytes` while it lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    SR_CHECK(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const struct rlimit low { bytes, before_.rlim_max };
    SR_CHECK(::setrlimit(RLIMIT_FSIZE, &low) == 0);
  }
  ~FileSizeLimit() { SR_CHECK(::setrlimit(RLIMIT_FSIZE, &before_) == 0); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  struct rlimit before_ {};
};

/// Lets every open file of this process whose name ends so refuse to be written with ENOSPC, as on a full disk.
void FillDiskUnder(const std::string& suffix) {
  const UniqueFd full(::open("/dev/full", O_RDWR | O_CLOEXEC));
  SR_CHECK(static_cast<bool>(full));
  std::vector<int> open_files;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    if (std::filesystem::read_symlink(entry, error).string().ends_with(suffix)) {
      open_files.push_back(std::stoi(entry.path().filename().string()));
    }
  }
  SR_CHECK(!open_files.empty());
  for (const int fd : open_files) {
    SR_CHECK(::dup2(full.get(), fd) == fd);
  }
}

class Faults : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = OpenSqliteStore({.file = folder_.Database(), .clock = clock_, .create = true});
    ASSERT_TRUE(opened) << opened.error().Text();
    store_ = std::move(*opened);
    ASSERT_TRUE(store_->Write([&](StoreWriter& w) -> Outcome<void> {
      SR_TRY(tenant_, w.InsertTenant({.name = "acme"}));
      SR_TRY(const Id card, w.InsertCard({.tenant = tenant_, .iccid = "8988211000000000011"}));
      return w.PutCardKeys({.card = card, .version = 1, .sealed = Bytes(64)});
    }));
  }

  Outcome<void> AddAudit(std::size_t detail_size) {
    return store_->Write([&](StoreWriter& w) -> Outcome<void> {
      SR_TRY_VOID(w.AddAudit({.action = "x", .detail = std::string(detail_size, 'd')}));
      return {};
    });
  }
  std::int64_t Entries() {
    std::int64_t count = -1;
    EXPECT_TRUE(store_->Read([&](StoreReader& r) -> Outcome<void> {
      SR_TRY(count, r.VerifyAudit());
      return {};
    }));
    return count;
  }
  Outcome<std::int64_t> Reserve() {
    std::int64_t first = 0;
    SR_TRY_VOID(store_->Write([&](StoreWriter& w) -> Outcome<void> {
      SR_TRY(first, w.ReserveScp80Counters(1, 1, 1));
      return {};
    }));
    return first;
  }
  static void ExpectUnavailable(const Outcome<void>& outcome, const std::string& cause) {
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, FailureKind::kUnavailable) << outcome.error().Text();
    EXPECT_THAT(outcome.error().Text(), HasSubstr(cause));
    EXPECT_FALSE(outcome.error().next_step.empty());
  }

  TestFolder folder_;
  FixedClock clock_;
  std::unique_ptr<Store> store_;
  Id tenant_ = 0;
};

TEST_F(Faults, FullDiskIsSaidAndTheStoreGoesOnByItself) {
  ASSERT_TRUE(AddAudit(10));
  FillDiskUnder("platform.db-wal");
  ExpectUnavailable(AddAudit(10), "full");
  EXPECT_TRUE(AddAudit(10));
  EXPECT_EQ(Entries(), 2);
}

TEST_F(Faults, FileThatCannotGrowIsSaidAndTheStoreGoesOnByItself) {
  ASSERT_TRUE(AddAudit(200'000));
  EXPECT_EQ(Reserve().value_or(0), 1);
  {
    const FileSizeLimit limit(std::filesystem::file_size(folder_.Database() + "-wal"));
    for (int i = 0; i < 3; ++i) {
      ExpectUnavailable(AddAudit(200'000), "does not answer");
      EXPECT_EQ(Entries(), 1);
      EXPECT_FALSE(Reserve());
    }
  }
  EXPECT_TRUE(AddAudit(200'000));
  EXPECT_EQ(Entries(), 2);
  EXPECT_EQ(Reserve().value_or(0), 2);
}

TEST_F(Faults, WorkThatOverlooksTheFaultIsNotCommitted) {
  ASSERT_TRUE(AddAudit(200'000));
  const FileSizeLimit limit(std::filesystem::file_size(folder_.Database() + "-wal"));
  const auto outcome = store_->Write([&](StoreWriter& w) -> Outcome<void> {
    // More than the cache holds, so that SQLite must write before the commit.
    for (int i = 0; i < 100; ++i) {
      static_cast<void>(w.AddAudit({.action = "x", .detail = std::string(1'000'000, 'd')}));
    }
    return {};
  });
  ExpectUnavailable(outcome, "does not answer");
  EXPECT_EQ(Entries(), 1);
}

TEST_F(Faults, BackupThatFailsLeavesNoFile) {
  ASSERT_TRUE(AddAudit(200'000));
  const FileSizeLimit limit(50'000);
  ExpectUnavailable(store_->Backup(folder_ / "backup"), "does not answer");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "backup"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "backup.partial"));
}

TEST_F(Faults, BackupIntoAFolderThatDoesNotExistSaysSo) {
  ExpectUnavailable(store_->Backup(folder_ / "no/backup"), "No such file or directory");
}

TEST_F(Faults, WriterWaitsForAnotherProgramThatWrites) {
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(folder_.Database().c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  Outcome<void> outcome;
  std::thread writer([&] { outcome = AddAudit(10); });
  EXPECT_EQ(Entries(), 0);
  EXPECT_EQ(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  writer.join();
  EXPECT_TRUE(outcome) << outcome.error().Text();
  EXPECT_EQ(Entries(), 1);
  sqlite3_close(other);
}

TEST_F(Faults, LostTableIsAFailureAndNoCrash) {
  ASSERT_EQ(folder_.Run("DROP TABLE reply"), "");
  ExpectUnavailable(store_->Write([](StoreWriter& w) { return w.DeleteRepliesBefore(1); }), "no such table");
  EXPECT_TRUE(AddAudit(10));
}

}  // namespace
}  // namespace simroot::platform::sqlite
