// SPDX-License-Identifier: Apache-2.0
#include "platform/api/path_match.hpp"

#include <algorithm>
#include <charconv>

namespace simroot::platform {
namespace {

constexpr std::size_t kLongestPart = 200;

/// Takes the part after the leading "/".
std::string_view TakePart(std::string_view& text) {
  text.remove_prefix(1);
  const std::string_view part = text.substr(0, text.find('/'));
  text.remove_prefix(part.size());
  return part;
}

bool IsPart(std::string_view part) {
  return !part.empty() && part.size() <= kLongestPart &&
         std::ranges::none_of(part, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

}  // namespace

std::optional<std::vector<std::string>> MatchPath(std::string_view pattern, std::string_view path) {
  std::vector<std::string> taken;
  while (pattern.starts_with('/') && path.starts_with('/')) {
    const std::string_view wanted = TakePart(pattern);
    const std::string_view part = TakePart(path);
    if (wanted.starts_with('{')) {
      if (!IsPart(part)) {
        return std::nullopt;
      }
      taken.emplace_back(part);
    } else if (wanted != part) {
      return std::nullopt;
    }
  }
  return pattern.empty() && path.empty() ? std::optional(std::move(taken)) : std::nullopt;
}

std::optional<std::int64_t> ParseNumber(std::string_view text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < 0 || (text.starts_with('0') && text.size() > 1)) {
    return std::nullopt;
  }
  return number;
}

}  // namespace simroot::platform
