// SPDX-License-Identifier: Apache-2.0
/// The SQLite store for the tests of the contract.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/base/check.hpp"
#include "platform/store/sqlite_store.hpp"
#include "store/contract/contract.hpp"

namespace simroot::platform::contract {
namespace {

class SqliteUnderTest final : public StoreUnderTest {
 public:
  explicit SqliteUnderTest(Clock& clock) : clock_(clock) {
    std::string folder = (std::filesystem::temp_directory_path() / "simroot-store-XXXXXX").string();
    SR_CHECK(::mkdtemp(folder.data()) != nullptr);
    folder_ = folder;
    file_ = folder_ + "/platform.db";
    Open();
  }
  /// A store whose file stands already; its folder belongs to somebody else.
  SqliteUnderTest(Clock& clock, std::string file) : clock_(clock), file_(std::move(file)) { Open(); }
  ~SqliteUnderTest() override {
    store_.reset();
    std::error_code error;
    if (!folder_.empty()) {
      std::filesystem::remove_all(folder_, error);
    }
  }

  Store& store() override { return *store_; }
  void Reopen() override {
    store_.reset();
    Open();
  }
  std::string BackupName() override { return folder_ + "/backup.db"; }
  void Occupy(const std::string& backup) override { std::ofstream(backup) << "a letter"; }
  std::unique_ptr<StoreUnderTest> OpenBackup(const std::string& backup, Clock& clock) override {
    return std::make_unique<SqliteUnderTest>(clock, backup);
  }

 private:
  void Open() {
    auto opened = OpenSqliteStore({.file = file_, .clock = clock_, .create = !folder_.empty()});
    EXPECT_TRUE(opened) << opened.error().Text();
    SR_CHECK(opened.has_value());
    store_ = std::move(*opened);
  }

  Clock& clock_;
  std::string folder_;
  std::string file_;
  std::unique_ptr<Store> store_;
};

}  // namespace

std::unique_ptr<StoreUnderTest> MakeStoreUnderTest(Clock& clock) {
  return std::make_unique<SqliteUnderTest>(clock);
}

}  // namespace simroot::platform::contract
