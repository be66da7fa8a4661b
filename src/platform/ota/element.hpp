// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/host/hex.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::platform {

/// One BER-TLV on the heap.
[[nodiscard]] inline Bytes Element(std::uint8_t tag, ByteView value) {
  Bytes bytes(value.size() + 5);
  ByteWriter writer(bytes);
  wire::PutBerTlv(tag, value, writer);
  bytes.resize(writer.size());
  return bytes;
}
[[nodiscard]] inline Bytes Element(std::uint8_t tag, std::string_view value) {
  return Element(tag, AsBytes(value));
}
[[nodiscard]] inline Bytes ElementU8(std::uint8_t tag, std::uint8_t value) {
  return Element(tag, ByteView(&value, 1));
}
[[nodiscard]] inline Bytes ElementU16(std::uint8_t tag, std::size_t value) {
  const std::array<std::uint8_t, 2> bytes{LowByte(value >> 8U), LowByte(value)};
  return Element(tag, bytes);
}
/// All of the parts in one.
template <typename... Parts>
[[nodiscard]] Bytes JoinBytes(const Parts&... parts) {
  Bytes joined;
  (joined.insert(joined.end(), parts.begin(), parts.end()), ...);
  return joined;
}

}  // namespace simroot::platform
