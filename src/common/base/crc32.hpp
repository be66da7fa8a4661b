// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/bytes.hpp"

namespace simroot {

/// CRC-32 of IEEE 802.3 (reflected, polynomial EDB88320), bit by bit: 0 bytes of tables. Detects torn writes; it is no
/// protection against an attacker.
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

}  // namespace simroot
