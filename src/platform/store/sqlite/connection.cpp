// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/connection.hpp"

#include <algorithm>

namespace simroot::platform::sqlite {
namespace {

constexpr int kBusyTimeoutMs = 5000;
// FULL: a commit is on the disk when it returns, because counters of secured packets and serial numbers must never be
// given twice. Secrets in the file are sealed, but what is deleted is overwritten all the same.
constexpr const char* kForWriter =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -65536;"
    "PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;"
    "PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF;";
constexpr const char* kForReader =
    "PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;";

/// "UNIQUE constraint failed: device.tenant, device.name" as "there is already a device with this tenant and name".
std::string ExplainUnique(std::string_view text) {
  const std::size_t colon = text.find(": ");
  if (colon == std::string_view::npos) {
    return "this exists already";
  }
  text.remove_prefix(colon + 2);
  const std::string table(text.substr(0, text.find('.')));
  std::string columns;
  while (!text.empty()) {
    const std::string_view column = text.substr(0, text.find(", "));
    text.remove_prefix(std::min(text.size(), column.size() + 2));
    columns += (columns.empty() ? "" : " and ") + std::string(column.substr(column.find('.') + 1));
  }
  return "there is already a " + table + " with this " + columns;
}

std::string NextStep(int result) {
  switch (result & 0xFF) {
    case SQLITE_FULL:
      return "free some space on its file system; the platform goes on by itself";
    case SQLITE_IOERR:
      return "look whether the disk is full or failing; the platform goes on by itself when it can write again";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "end the other program that writes to the database";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return "check owner and rights of the file and of its directory";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "restore the last backup";
    default:
      return "try again; if it stays so, restore the last backup";
  }
}

}  // namespace

Outcome<std::unique_ptr<Connection>> Connection::Open(const std::string& file, Mode mode) {
  // SQLite's count of its memory is one lock for all threads, taken at every allocation; nobody asks for the count.
  // Not possible any more if somebody else in the process was first, and no loss then.
  static const int without_count = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(without_count);
  sqlite3* handle = nullptr;
  const int access = mode == Mode::kWrite ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  const int result =
      sqlite3_open_v2(file.c_str(), &handle, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  auto connection = std::unique_ptr<Connection>(new Connection(handle, file));
  if (result != SQLITE_OK) {
    return tl::unexpected(connection->Fail(result));
  }
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  SR_TRY_VOID(connection->Execute(mode == Mode::kWrite ? kForWriter : kForReader));
  return connection;
}

Connection::~Connection() {
  statements_.clear();
  sqlite3_close(handle_);
}

Outcome<void> Connection::Execute(const char* sql) {
  const int result = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) {
    return tl::unexpected(Fail(result));
  }
  return {};
}

Outcome<sqlite3_stmt*> Connection::Prepared(std::string_view sql) {
  const auto known = statements_.find(sql);
  if (known != statements_.end()) {
    return known->second.get();
  }
  sqlite3_stmt* statement = nullptr;
  const int result = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                        &statement, nullptr);
  if (result != SQLITE_OK) {
    return tl::unexpected(Fail(result));
  }
  return statements_.emplace(sql, statement).first->second.get();
}

Failure Connection::Fail(int result) {
  const std::string text = handle_ == nullptr ? sqlite3_errstr(result) : sqlite3_errmsg(handle_);
  switch (result) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return {FailureKind::kConflict, ExplainUnique(text)};
    case SQLITE_CONSTRAINT_TRIGGER:  // its own sentence, docs/formats/database.md
      return {FailureKind::kConflict, text};
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return {FailureKind::kNotFound, "this refers to something that does not exist, or is still referred to"};
    default:
      break;
  }
  if ((result & 0xFF) == SQLITE_CONSTRAINT) {
    return {FailureKind::kInvalid, "a value is not allowed: " + text};
  }
  if ((result & 0xFF) == SQLITE_TOOBIG) {
    return {FailureKind::kInvalid, "a value is too long"};
  }
  Failure failure(FailureKind::kUnavailable, "the database " + file_ + " does not answer: " + text, NextStep(result));
  if (!trouble_) {
    trouble_ = failure;
  }
  return failure;
}

}  // namespace simroot::platform::sqlite
