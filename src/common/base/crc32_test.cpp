// SPDX-License-Identifier: Apache-2.0
#include "common/base/crc32.hpp"

#include <gtest/gtest.h>

namespace simroot {
namespace {

TEST(Crc32, KnowsItsCheckValue) {
  constexpr std::array<std::uint8_t, 9> kDigits{'1', '2', '3', '4', '5', '6', '7', '8', '9'};
  EXPECT_EQ(Crc32Of(kDigits), 0xCBF43926U);
  EXPECT_EQ(Crc32Of({}), 0U);
}

/// By the definition: bit by bit.
std::uint32_t Slowly(ByteView bytes) {
  std::uint32_t rest = 0xFFFFFFFFU;
  for (const std::uint8_t byte : bytes) {
    rest ^= byte;
    for (int bit = 0; bit < 8; ++bit) {
      rest = (rest >> 1U) ^ ((rest & 1U) != 0 ? 0xEDB88320U : 0U);
    }
  }
  return ~rest;
}

TEST(Crc32, IsThatOfTheDefinitionForEveryByte) {
  for (unsigned first = 0; first < 256; ++first) {
    const std::array<std::uint8_t, 3> bytes{LowByte(first), LowByte(255 - first), LowByte(first * 7)};
    EXPECT_EQ(Crc32Of(bytes), Slowly(bytes)) << first;
  }
}

}  // namespace
}  // namespace simroot
