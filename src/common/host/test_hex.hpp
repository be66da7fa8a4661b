// SPDX-License-Identifier: Apache-2.0
/// Bytes from literals, for tests only.
#pragma once

#include "common/base/check.hpp"
#include "common/host/hex.hpp"

namespace simroot {

/// Bytes of a hexadecimal literal; spaces allowed. Stops the test program if it is not hex.
[[nodiscard]] inline Bytes Hex(std::string_view text) {
  auto bytes = FromHex(text);
  SR_CHECK(bytes.has_value());
  return *bytes;
}

/// `count` bytes 00, 01, 02, ... FF, 00, ...
[[nodiscard]] inline Bytes Counting(std::size_t count) {
  Bytes bytes;
  bytes.reserve(count);
  while (bytes.size() < count) {
    bytes.push_back(LowByte(bytes.size()));
  }
  return bytes;
}

/// All of the parts in one.
template <typename... Parts>
[[nodiscard]] Bytes Join(const Parts&... parts) {
  Bytes joined;
  (joined.insert(joined.end(), parts.begin(), parts.end()), ...);
  return joined;
}

}  // namespace simroot
