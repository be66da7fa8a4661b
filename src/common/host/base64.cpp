// SPDX-License-Identifier: Apache-2.0
#include "common/host/base64.hpp"

#include <algorithm>

namespace simroot {
namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string ToBase64(ByteView bytes) {
  std::string out;
  while (!bytes.empty()) {
    const ByteView three = bytes.first(std::min<std::size_t>(bytes.size(), 3));
    std::uint32_t bits = 0;
    for (const std::uint8_t byte : three) {
      bits = (bits << 8U) | byte;
    }
    bits <<= 8U * (3U - static_cast<unsigned>(three.size()));
    for (unsigned digit = 0; digit < 4; ++digit) {
      out.push_back(digit <= three.size() ? kBase64.at((bits >> (18U - 6U * digit)) & 0x3FU) : '=');
    }
    bytes = bytes.subspan(three.size());
  }
  return out;
}

std::optional<Bytes> FromBase64(std::string_view text) {
  Bytes out;
  std::uint32_t bits = 0;
  unsigned digits = 0;   // in the group of four
  unsigned padding = 0;  // "=" so far
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      continue;
    }
    const std::size_t value = kBase64.find(c);
    padding += c == '=' ? 1 : 0;
    if ((c != '=' && (value == std::string_view::npos || padding != 0)) || padding > 2) {
      return std::nullopt;
    }
    bits = (bits << 6U) | (c == '=' ? 0U : static_cast<std::uint32_t>(value));
    if (++digits == 4) {
      for (unsigned i = 0; i < 3 - padding; ++i) {
        out.push_back(LowByte(bits >> (16U - 8U * i)));
      }
      digits = 0;
      bits = 0;
    }
  }
  return digits == 0 ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace simroot
