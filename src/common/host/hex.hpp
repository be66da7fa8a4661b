// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/text.hpp"

namespace simroot {

using Bytes = std::vector<std::uint8_t>;

/// Upper-case hexadecimal, two digits a byte.
[[nodiscard]] std::string ToHex(ByteView bytes);

/// Bytes of hexadecimal text of either case; white space and colons between pairs are skipped. Nothing if it is not
/// hex.
[[nodiscard]] std::optional<Bytes> FromHex(std::string_view text);

[[nodiscard]] inline ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace simroot
