// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sqlite3.h>

#include "platform/domain/failure.hpp"
#include "platform/domain/records.hpp"

namespace simroot::platform::sqlite {

class Connection;

/// An id of which 0 means none: NULL in the database.
struct Reference {
  Id id = 0;
};

/// One run of a prepared statement that the connection keeps. When it goes out of scope the statement is reset: one
/// that stays in the middle of its rows would keep the write-ahead log from being emptied.
class Query {
 public:
  Query(Connection& connection, sqlite3_stmt* statement) : connection_(&connection), statement_(statement) {}
  Query(Query&& other) noexcept
      : connection_(other.connection_),
        statement_(std::exchange(other.statement_, nullptr)),
        bound_(other.bound_),
        column_(other.column_),
        bind_result_(other.bind_result_),
        lifetime_(other.lifetime_) {}
  Query& operator=(Query&& other) noexcept;
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query() { Reset(); }

  /// Sets the next parameters, in the order of the question marks. Values are copied.
  template <typename... Values>
  void Bind(const Values&... values) {
    lifetime_ = SQLITE_TRANSIENT;
    (BindNext(values), ...);
  }
  /// The same without a copy: the values must live as long as the query, or until Again.
  template <typename... Values>
  void BindBorrowed(const Values&... values) {
    lifetime_ = SQLITE_STATIC;
    (BindNext(values), ...);
  }
  /// Begins another run of the statement, with nothing bound.
  void Again() {
    Reset();
    bound_ = 0;
    bind_result_ = SQLITE_OK;
  }

  /// Goes to the next row. False at the end.
  [[nodiscard]] Outcome<bool> Next();

  // The columns of the row from left to right, each function takes the next one. NULL is 0 or empty.
  [[nodiscard]] std::int64_t Int() { return sqlite3_column_int64(statement_, column_++); }
  template <typename Number>
  [[nodiscard]] Number As() {
    return static_cast<Number>(Int());
  }
  [[nodiscard]] std::string Text();
  [[nodiscard]] Bytes Blob();
  /// A state by its name. The schema lets no other names in.
  template <typename State>
  [[nodiscard]] State Named() {
    return ParseName<State>(Text()).value_or(State{});
  }

 private:
  void BindNext(std::int64_t value) { Note(sqlite3_bind_int64(statement_, ++bound_, value)); }
  void BindNext(int value) { BindNext(std::int64_t{value}); }
  void BindNext(unsigned value) { BindNext(std::int64_t{value}); }
  void BindNext(bool value) { BindNext(std::int64_t{value ? 1 : 0}); }
  void BindNext(Reference value);
  void BindNext(std::string_view value);
  void BindNext(const std::string& value) { BindNext(std::string_view(value)); }
  void BindNext(const char* value) { BindNext(std::string_view(value)); }
  void BindNext(ByteView value);
  void BindNext(const Bytes& value) { BindNext(ByteView(value)); }
  void Note(int result);
  void Reset();

  Connection* connection_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
  int column_ = 0;
  int bind_result_ = SQLITE_OK;
  sqlite3_destructor_type lifetime_ = SQLITE_TRANSIENT;  ///< of texts and bytes to be bound
};

}  // namespace simroot::platform::sqlite
