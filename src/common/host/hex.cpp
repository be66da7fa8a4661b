// SPDX-License-Identifier: Apache-2.0
#include "common/host/hex.hpp"

namespace simroot {
namespace {

/// Pairs of digits and nothing else, in one go: long messages consist of them.
[[nodiscard]] bool ReadPairs(std::string_view text, Bytes& bytes) {
  if (text.size() % 2 != 0) {
    return false;
  }
  bytes.resize(text.size() / 2);
  int wrong = 0;
  const char* digit = text.data();
  for (std::uint8_t& byte : bytes) {
    const int value = HexDigitValue(digit[0]) * 16 | HexDigitValue(digit[1]);
    wrong |= value;  // negative if one of the two is
    byte = static_cast<std::uint8_t>(value);
    digit += 2;
  }
  return wrong >= 0;
}

}  // namespace

std::string ToHex(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text(bytes.size() * 2, '0');
  char* digit = text.data();
  for (const std::uint8_t byte : bytes) {
    *digit++ = kDigits[byte >> 4U];
    *digit++ = kDigits[byte & 0x0FU];
  }
  return text;
}

std::optional<Bytes> FromHex(std::string_view text) {
  Bytes bytes;
  if (ReadPairs(text, bytes)) {
    return bytes;
  }
  std::string digits;
  digits.reserve(text.size());
  for (const char c : text) {
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != ':') {
      digits.push_back(c);
    }
  }
  return ReadPairs(digits, bytes) ? std::optional(std::move(bytes)) : std::nullopt;
}

}  // namespace simroot
