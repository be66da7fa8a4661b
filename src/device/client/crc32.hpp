// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/bytes.hpp"

namespace simroot::device::client {

/// CRC-32 of IEEE 802.3 (reflected, polynomial EDB88320): "123456789" gives CBF43926. Finds damage, not attacks.
[[nodiscard]] constexpr std::uint32_t Crc32(ByteView bytes) {
  constexpr std::uint32_t kPolynomial = 0xEDB88320U;
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomial : 0U);
    }
  }
  return ~crc;
}

}  // namespace simroot::device::client
