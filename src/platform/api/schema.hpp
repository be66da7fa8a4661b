// SPDX-License-Identifier: Apache-2.0
/// What requests and answers look like, as data: checked when a request comes, printed as OpenAPI.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "platform/domain/life_cycle.hpp"

namespace simroot::platform {

struct Schema;

enum class Kind : std::uint8_t {
  kString,  ///< one line
  kText,    ///< several lines: PEM
  kInteger,
  kBoolean,
  kHex,      ///< bytes in hexadecimal
  kBase64,   ///< bytes
  kTime,     ///< RFC 3339, UTC
  kAny,      ///< any value
  kObject,   ///< of `object`
  kStrings,  ///< array of kString
  kHexes,    ///< array of kHex
  kObjects,  ///< array of `object`
};

struct Member {
  std::string_view name;
  Kind kind = Kind::kString;
  std::string_view description = {};
  bool required = true;
  bool nullable = false;
  std::int64_t minimum = 0;  ///< of an integer; of the length of a string, the bytes of hex, the entries of an array
  std::int64_t maximum = 1'000'000'000'000;
  std::span<const std::string_view> names = {};  ///< the only values allowed
  const Schema* object = nullptr;
};

struct Schema {
  std::string_view name;
  std::span<const Member> members;
};

/// The names of a life cycle's states, of job kinds and so on.
template <const auto& kTable>
inline constexpr auto kNamesIn = [] {
  std::array<std::string_view, kTable.size()> names{};
  std::ranges::transform(kTable, names.begin(), [](const auto& row) { return row.name; });
  return names;
}();

/// Why `value` is not of this schema: unknown, missing or wrong members, in one sentence that repeats no value. Nothing
/// if it is.
[[nodiscard]] std::optional<std::string> Judge(const Schema& schema, const boost::json::value& value);
[[nodiscard]] std::optional<std::string> JudgeMember(const Member& member, const boost::json::value& value);

}  // namespace simroot::platform
