// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "platform/store/sqlite/query.hpp"

namespace simroot::platform::sqlite {

/// One connection to the database, for one thread at a time, with its prepared statements.
class Connection {
 public:
  enum class Mode : std::uint8_t { kRead, kWrite };

  /// Opens an existing file. Waits up to five seconds for a lock that another program holds.
  [[nodiscard]] static Outcome<std::unique_ptr<Connection>> Open(const std::string& file, Mode mode);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Runs statements without parameters and without interest in rows.
  [[nodiscard]] Outcome<void> Execute(const char* sql);

  /// A statement with its parameters, before its first row. One statement can be run once at a time.
  /// @param sql must be constant, or come from a small set: every text is prepared once and kept.
  template <typename... Values>
  [[nodiscard]] Outcome<Query> Ask(std::string_view sql, const Values&... values) {
    SR_TRY(sqlite3_stmt* const statement, Prepared(sql));
    Query query(*this, statement);
    query.Bind(values...);
    return query;
  }

  /// Runs a statement that changes something. @returns the number of rows it has changed.
  template <typename... Values>
  [[nodiscard]] Outcome<std::int64_t> Change(std::string_view sql, const Values&... values) {
    SR_TRY(sqlite3_stmt* const statement, Prepared(sql));
    Query query(*this, statement);
    query.BindBorrowed(values...);
    SR_TRY(const bool row, query.Next());
    static_cast<void>(row);
    return sqlite3_changes64(handle_);
  }

  /// The first column of the first row, or nothing if there is no row.
  template <typename... Values>
  [[nodiscard]] Outcome<std::optional<std::int64_t>> Number(std::string_view sql, const Values&... values) {
    SR_TRY(Query query, Ask(sql, values...));
    SR_TRY(const bool row, query.Next());
    return row ? std::optional(query.Int()) : std::nullopt;
  }

  [[nodiscard]] Id LastId() const { return sqlite3_last_insert_rowid(handle_); }
  /// False once SQLite itself has rolled back (disk full, I/O error), or outside a transaction.
  [[nodiscard]] bool InTransaction() const { return sqlite3_get_autocommit(handle_) == 0; }

  /// Turns a result code of SQLite into a failure. What is not a broken rule of the schema is also kept as `trouble`.
  [[nodiscard]] Failure Fail(int result);
  /// The first failure of the database itself since the last ClearTrouble: whatever was done after it cannot be
  /// trusted.
  [[nodiscard]] const std::optional<Failure>& trouble() const { return trouble_; }
  void ClearTrouble() { trouble_.reset(); }

 private:
  Connection(sqlite3* handle, std::string file) : handle_(handle), file_(std::move(file)) {}
  [[nodiscard]] Outcome<sqlite3_stmt*> Prepared(std::string_view sql);

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  struct TextHash {
    using is_transparent = void;
    [[nodiscard]] std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  sqlite3* handle_;
  std::string file_;
  std::optional<Failure> trouble_;
  std::unordered_map<std::string, std::unique_ptr<sqlite3_stmt, Finalize>, TextHash, std::equal_to<>> statements_;
};

}  // namespace simroot::platform::sqlite
