// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/bytes.hpp"

namespace simroot {

/// CRC-32 of IEEE 802.3 (reflected, polynomial EDB88320; "123456789" gives CBF43926), bit by bit: no tables. Detects
/// damage and torn writes; it is no protection against an attacker.
class Crc32 {
 public:
  constexpr void Add(ByteView bytes) {
    for (const std::uint8_t byte : bytes) {
      register_ ^= byte;
      for (int bit = 0; bit < 8; ++bit) {
        register_ = (register_ >> 1U) ^ (0xEDB88320U & (0U - (register_ & 1U)));
      }
    }
  }
  [[nodiscard]] constexpr std::uint32_t value() const { return ~register_; }

 private:
  std::uint32_t register_ = 0xFFFFFFFFU;
};

/// The CRC-32 of one piece.
[[nodiscard]] constexpr std::uint32_t Crc32Of(ByteView bytes) {
  Crc32 crc;
  crc.Add(bytes);
  return crc.value();
}
static_assert(Crc32Of(std::array<std::uint8_t, 9>{'1', '2', '3', '4', '5', '6', '7', '8', '9'}) == 0xCBF43926U);

}  // namespace simroot
