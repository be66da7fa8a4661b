// SPDX-License-Identifier: Apache-2.0
/// For the tests of this folder: a folder with a database in it, and a clock.
#pragma once

#include <sqlite3.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "common/base/check.hpp"
#include "platform/domain/clock.hpp"

namespace simroot::platform::sqlite {

class FixedClock final : public Clock {
 public:
  UnixTime Now() override { return 1'800'000'000; }
};

/// Removed with everything in it.
class TestFolder {
 public:
  TestFolder() {
    std::string path = (std::filesystem::temp_directory_path() / "simroot-sqlite-XXXXXX").string();
    SR_CHECK(::mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~TestFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] std::string Database() const { return *this / "platform.db"; }

  /// Runs SQL on the database behind the store's back. @returns SQLite's message, empty if all went well.
  [[nodiscard]] std::string Run(const std::string& sql) const {
    sqlite3* handle = nullptr;
    SR_CHECK(sqlite3_open(Database().c_str(), &handle) == SQLITE_OK);
    sqlite3_exec(handle, "PRAGMA foreign_keys = ON", nullptr, nullptr, nullptr);
    char* message = nullptr;
    sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &message);
    const std::string text = message == nullptr ? "" : message;
    sqlite3_free(message);
    sqlite3_close(handle);
    static_cast<void>(::chmod(Database().c_str(), S_IRUSR | S_IWUSR));
    return text;
  }

  void Put(const std::string& content) const {
    std::ofstream(Database()) << content;
    static_cast<void>(::chmod(Database().c_str(), S_IRUSR | S_IWUSR));
  }
  [[nodiscard]] std::string Get() const {
    std::ifstream file(Database(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::string path_;
};

}  // namespace simroot::platform::sqlite
