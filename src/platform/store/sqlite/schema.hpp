// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "platform/store/sqlite/connection.hpp"

namespace simroot::platform::sqlite {

/// "SRPS" in the header of the file: whose database this is (PRAGMA application_id).
inline constexpr std::int64_t kApplicationId = 0x53525053;

/// One step from a version of the schema to the next. What has been released is never changed: databases exist that
/// have done it.
struct Migration {
  std::int64_t number;   ///< from 1 without gaps: the version the schema has afterwards
  std::string (*sql)();  ///< statements that run in one transaction
};

/// All steps of this program, in order.
[[nodiscard]] std::span<const Migration> Migrations();

/// The version of the database, 0 for an empty file. Changes nothing. kInvalid if it is another program's database or a
/// newer version of the program has been there.
[[nodiscard]] Outcome<std::int64_t> CheckVersion(Connection& connection, std::span<const Migration> migrations);

/// Runs the steps that the database has not seen, each in one transaction. @param now is kept with each step
[[nodiscard]] Outcome<void> Migrate(Connection& connection, std::span<const Migration> migrations, UnixTime now);

}  // namespace simroot::platform::sqlite
