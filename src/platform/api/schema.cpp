// SPDX-License-Identifier: Apache-2.0
#include "platform/api/schema.hpp"

#include <algorithm>

#include "common/host/hex.hpp"
#include "platform/api/json.hpp"

namespace simroot::platform {
namespace {

std::string Quote(std::string_view name) {
  return "\"" + std::string(name) + "\"";
}

bool IsInteger(const json::value& value, std::int64_t& out) {
  if (value.is_int64()) {
    out = value.get_int64();
    return true;
  }
  return false;  // a uint64 that does not fit is beyond every maximum
}

std::string_view TextOf(const json::value& value) {
  return {value.get_string().data(), value.get_string().size()};
}

bool IsInRange(const Member& member, std::size_t size) {
  const auto length = static_cast<std::int64_t>(size);
  return length >= member.minimum && length <= member.maximum;
}

/// Why a string is wrong, or nothing.
std::string_view JudgeText(const Member& member, std::string_view text) {
  const bool lines = member.kind == Kind::kText;
  const auto is_control = [&](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && !(lines && (c == '\n' || c == '\r'))) || c == 0x7F;
  };
  if (std::ranges::any_of(text, is_control)) {
    return "holds a control character";
  }
  if (!member.names.empty() && std::ranges::find(member.names, text) == member.names.end()) {
    return "is none of the values allowed";
  }
  if (member.kind == Kind::kHex || member.kind == Kind::kHexes) {
    const bool digits = text.size() % 2 == 0 && std::ranges::all_of(text, [](char c) { return HexDigitValue(c) >= 0; });
    return !digits ? "is not hexadecimal" : IsInRange(member, text.size() / 2) ? "" : "has a wrong length";
  }
  if (member.kind == Kind::kBase64) {
    return FromBase64(text) ? "" : "is not base64";
  }
  return IsInRange(member, text.size()) ? "" : "has a wrong length";
}

std::optional<std::string> JudgeArray(const Member& member, const json::value& value) {
  if (!value.is_array()) {
    return Quote(member.name) + " is not an array";
  }
  for (const json::value& entry : value.get_array()) {
    if (member.kind == Kind::kObjects) {
      if (auto why = Judge(*member.object, entry)) {
        return why;
      }
      continue;
    }
    if (!entry.is_string()) {
      return "an entry of " + Quote(member.name) + " is not a string";
    }
    if (const auto why = JudgeText(member, TextOf(entry)); !why.empty()) {
      return "an entry of " + Quote(member.name) + " " + std::string(why);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> JudgeMember(const Member& member, const json::value& value) {
  if (member.kind == Kind::kAny || (value.is_null() && member.nullable)) {
    return std::nullopt;
  }
  switch (member.kind) {
    case Kind::kInteger: {
      std::int64_t number = 0;
      const bool right = IsInteger(value, number) && number >= member.minimum && number <= member.maximum;
      return right ? std::nullopt
                   : std::optional(Quote(member.name) + " is not an integer from " + std::to_string(member.minimum) +
                                   " to " + std::to_string(member.maximum));
    }
    case Kind::kBoolean:
      return value.is_bool() ? std::nullopt : std::optional(Quote(member.name) + " is neither true nor false");
    case Kind::kObject:
      return Judge(*member.object, value);
    case Kind::kStrings:
    case Kind::kHexes:
    case Kind::kObjects:
      return JudgeArray(member, value);
    default:
      break;
  }
  if (!value.is_string()) {
    return Quote(member.name) + " is not a string";
  }
  const std::string_view why = JudgeText(member, TextOf(value));
  return why.empty() ? std::nullopt : std::optional(Quote(member.name) + " " + std::string(why));
}

std::optional<std::string> Judge(const Schema& schema, const json::value& value) {
  if (!value.is_object()) {
    return "a JSON object is needed";
  }
  const json::object& object = value.get_object();
  std::size_t known = 0;
  for (const Member& member : schema.members) {
    const json::value* const found = object.if_contains(View(member.name));
    if (found == nullptr) {
      if (member.required) {
        return Quote(member.name) + " is missing";
      }
      continue;
    }
    ++known;
    if (auto why = JudgeMember(member, *found)) {
      return why;
    }
  }
  // Its name is not repeated: it may be anything.
  return known == object.size() ? std::nullopt : std::optional<std::string>("there is a member that is not known");
}

}  // namespace simroot::platform
