// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/bytes.hpp"

namespace simroot {

/// CRC-32 of IEEE 802.3 (reflected, polynomial EDB88320; "123456789" gives CBF43926), four bits at a time: a table of
/// 64 bytes, which has room on a chip, and several times as fast as bit by bit. Detects damage and torn writes; it is
/// no protection against an attacker.
class Crc32 {
 public:
  constexpr void Add(ByteView bytes) {
    for (const std::uint8_t byte : bytes) {
      register_ ^= byte;
      register_ = (register_ >> 4U) ^ kOfFourBits[register_ & 15U];
      register_ = (register_ >> 4U) ^ kOfFourBits[register_ & 15U];
    }
  }
  [[nodiscard]] constexpr std::uint32_t value() const { return ~register_; }

 private:
  static constexpr auto kOfFourBits = [] {
    std::array<std::uint32_t, 16> table{};
    for (std::uint32_t index = 0; index < table.size(); ++index) {
      table[index] = index;
      for (int bit = 0; bit < 4; ++bit) {
        table[index] = (table[index] >> 1U) ^ (0xEDB88320U & (0U - (table[index] & 1U)));
      }
    }
    return table;
  }();

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
