// SPDX-License-Identifier: Apache-2.0
#include "common/host/hex.hpp"

namespace simroot {

std::string ToHex(ByteView bytes) {
  std::string text(bytes.size() * 2, '0');
  TextWriter writer(text);
  writer.PutHex(bytes);
  return text;
}

std::optional<Bytes> FromHex(std::string_view text) {
  std::string digits;
  digits.reserve(text.size());
  for (const char c : text) {
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != ':') {
      digits.push_back(c);
    }
  }
  Bytes bytes(digits.size() / 2);
  ByteWriter writer(bytes);
  if (!ParseHex(digits, writer)) {
    return std::nullopt;
  }
  return bytes;
}

}  // namespace simroot
