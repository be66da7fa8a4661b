// SPDX-License-Identifier: Apache-2.0
#include "common/base/secret.hpp"

#include <gtest/gtest.h>

#include <new>
#include <type_traits>

#include "common/host/test_hex.hpp"

namespace simroot {
namespace {

using Secret = SecretArray<16>;
static_assert(!std::is_copy_constructible_v<Secret> && !std::is_move_constructible_v<Secret>);
static_assert(!std::is_copy_assignable_v<Secret> && !std::is_move_assignable_v<Secret>);

std::string Shown(const Secret& secret) {
  return ToHex(secret.Reveal(InsecureReveal::kForTest));
}

bool IsZero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t b) { return b == 0; });
}

TEST(SecretArray, HoldsWhatItIsGiven) {
  Secret secret;
  EXPECT_EQ(0U, secret.size());
  ASSERT_TRUE(secret.Assign(Hex("000102030405060708090A0B0C0D0E0F")));
  EXPECT_EQ(16U, secret.size());
  EXPECT_EQ("000102030405060708090A0B0C0D0E0F", Shown(secret));
}

TEST(SecretArray, IsEmptyAfterOneByteTooMany) {
  Secret secret;
  ASSERT_TRUE(secret.Assign(Hex("0102")));
  EXPECT_FALSE(secret.Assign(Counting(17)));
  EXPECT_EQ(0U, secret.size());
  EXPECT_EQ("", Shown(secret));
}

TEST(SecretArray, PrepareWipesAndGivesTheMemory) {
  Secret secret;
  ASSERT_TRUE(secret.Assign(Counting(16)));
  const ByteSpan place = secret.Prepare(3);
  ASSERT_EQ(3U, place.size());
  EXPECT_TRUE(IsZero(place));
  place.front() = 0xAB;
  EXPECT_EQ("AB0000", Shown(secret));
  EXPECT_TRUE(secret.Prepare(17).empty());
  EXPECT_EQ(0U, secret.size());
}

TEST(SecretArray, WipesOnReassignmentAndDestruction) {
  alignas(Secret) std::array<unsigned char, sizeof(Secret)> place{};
  auto* const secret = new (place.data()) Secret;
  ASSERT_TRUE(secret->Assign(Bytes(16, 0xEE)));
  const ByteView memory = secret->Reveal(InsecureReveal::kForTest);
  ASSERT_TRUE(secret->Assign(Bytes(4, 0xDD)));
  EXPECT_EQ("DDDDDDDD000000000000000000000000", ToHex(memory));
  secret->~Secret();
  EXPECT_TRUE(std::ranges::find(place, 0xDD) == place.end());
  EXPECT_TRUE(std::ranges::find(place, 0xEE) == place.end());
}

TEST(Wipe, OverwritesEveryByteAndNothingElse) {
  Bytes bytes(6, 0xFF);
  Wipe(ByteSpan(bytes).subspan(1, 4));
  EXPECT_EQ("FF00000000FF", ToHex(bytes));
  Wipe({});
}

TEST(SameSecret, FindsOneFlippedBitAnywhere) {
  const Bytes secret = Counting(32);
  EXPECT_TRUE(SameSecret(secret, Counting(32)));
  for (std::size_t bit = 0; bit < secret.size() * 8; ++bit) {
    Bytes other = secret;
    other[bit / 8] = LowByte(other[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_FALSE(SameSecret(secret, other)) << bit;
  }
  EXPECT_FALSE(SameSecret(secret, Counting(31)));
  EXPECT_FALSE(SameSecret(secret, Counting(33)));
  EXPECT_TRUE(SameSecret({}, {}));
}

}  // namespace
}  // namespace simroot
