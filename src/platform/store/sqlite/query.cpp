// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/query.hpp"

#include "platform/store/sqlite/connection.hpp"

namespace simroot::platform::sqlite {

Query& Query::operator=(Query&& other) noexcept {
  if (this != &other) {
    Reset();
    connection_ = other.connection_;
    statement_ = std::exchange(other.statement_, nullptr);
    bound_ = other.bound_;
    column_ = other.column_;
    bind_result_ = other.bind_result_;
    lifetime_ = other.lifetime_;
  }
  return *this;
}

void Query::Reset() {
  if (statement_ != nullptr) {
    // Both repeat the result of the last step, which Next has already returned.
    static_cast<void>(sqlite3_reset(statement_));
    static_cast<void>(sqlite3_clear_bindings(statement_));
  }
}

void Query::Note(int result) {
  if (result != SQLITE_OK) {
    bind_result_ = result;
  }
}

void Query::BindNext(Reference value) {
  if (value.id != 0) {
    return BindNext(value.id);
  }
  Note(sqlite3_bind_null(statement_, ++bound_));
}

void Query::BindNext(std::string_view value) {
  // A null pointer would bind NULL.
  const char* const text = value.empty() ? "" : value.data();
  Note(sqlite3_bind_text64(statement_, ++bound_, text, value.size(), lifetime_, SQLITE_UTF8));
}

void Query::BindNext(ByteView value) {
  ++bound_;
  Note(value.empty() ? sqlite3_bind_zeroblob(statement_, bound_, 0)
                     : sqlite3_bind_blob64(statement_, bound_, value.data(), value.size(), lifetime_));
}

Outcome<bool> Query::Next() {
  column_ = 0;
  if (bind_result_ != SQLITE_OK) {
    return tl::unexpected(connection_->Fail(bind_result_));
  }
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW || result == SQLITE_DONE) {
    return result == SQLITE_ROW;
  }
  return tl::unexpected(connection_->Fail(result));
}

std::string Query::Text() {
  const int column = column_++;
  const unsigned char* const text = sqlite3_column_text(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return text == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(text), size);
}

Bytes Query::Blob() {
  const int column = column_++;
  const auto* const bytes = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  const ByteView view = bytes == nullptr ? ByteView() : ByteView(bytes, size);
  return {view.begin(), view.end()};
}

}  // namespace simroot::platform::sqlite
