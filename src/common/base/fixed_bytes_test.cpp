// SPDX-License-Identifier: Apache-2.0
#include "common/base/fixed_bytes.hpp"

#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"

namespace simroot {
namespace {

using Four = FixedBytes<4>;

TEST(FixedBytes, StartsEmpty) {
  const Four bytes;
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(0U, bytes.size());
  EXPECT_TRUE(bytes.view().empty());
}

TEST(FixedBytes, TakesUpToItsCapacity) {
  Four bytes;
  EXPECT_TRUE(bytes.Assign(Hex("01020304")));
  EXPECT_EQ("01020304", ToHex(bytes.view()));
  EXPECT_TRUE(bytes.Assign(Hex("09")));
  EXPECT_EQ("09", ToHex(bytes.view()));
}

TEST(FixedBytes, KeepsTheOldContentIfTheNewIsOneByteTooLong) {
  Four bytes;
  ASSERT_TRUE(bytes.Assign(Hex("0102")));
  EXPECT_FALSE(bytes.Assign(Hex("0102030405")));
  EXPECT_EQ("0102", ToHex(bytes.view()));
}

TEST(FixedBytes, AppendsUntilFull) {
  Four bytes;
  EXPECT_TRUE(bytes.Append(Hex("0102")));
  EXPECT_FALSE(bytes.Append(Hex("030405")));
  EXPECT_EQ("0102", ToHex(bytes.view()));
  EXPECT_TRUE(bytes.Append(Hex("0304")));
  EXPECT_TRUE(bytes.Append({}));
  EXPECT_FALSE(bytes.Append(Hex("05")));
  EXPECT_EQ("01020304", ToHex(bytes.view()));
}

TEST(FixedBytes, ComparesContentNotOldMemory) {
  Four a;
  Four b;
  ASSERT_TRUE(a.Assign(Hex("01020304")));
  ASSERT_TRUE(a.Assign(Hex("AA")));
  ASSERT_TRUE(b.Assign(Hex("AA")));
  EXPECT_EQ(a, b);
  ASSERT_TRUE(b.Append(Hex("00")));
  EXPECT_FALSE(a == b);
  ASSERT_TRUE(b.Assign(Hex("AB")));
  EXPECT_FALSE(a == b);
}

TEST(FixedBytes, ClearEmpties) {
  Four bytes;
  ASSERT_TRUE(bytes.Assign(Hex("0102")));
  bytes.clear();
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(Four(), bytes);
}

TEST(FixedBytes, WorksAtCompileTime) {
  constexpr bool kWorks = [] {
    constexpr std::array<std::uint8_t, 2> kTwo{1, 2};
    FixedBytes<3> bytes;
    return bytes.Assign(kTwo) && !bytes.Append(kTwo) && bytes.size() == 2;
  }();
  EXPECT_TRUE(kWorks);
}

}  // namespace
}  // namespace simroot
