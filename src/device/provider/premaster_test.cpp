// SPDX-License-Identifier: Apache-2.0
#include "device/provider/premaster.hpp"

#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"

namespace simroot::provider {
namespace {

const std::string kHandle = "73696D726F6F742D70736B0101060000";
const std::string kZeros(32, '0');
const std::string kShared(64, '5');

PremasterKind KindOf(const std::string& hex) {
  PskPremaster premaster;
  return ReadPremaster(Hex(hex), premaster);
}

TEST(Premaster, OfAPskAlone) {
  const Bytes secret = Hex("0010" + kZeros + "0010" + kHandle);
  PskPremaster premaster;
  ASSERT_EQ(ReadPremaster(secret, premaster), PremasterKind::kPsk);
  EXPECT_TRUE(premaster.plain);
  EXPECT_TRUE(premaster.other.empty());
  EXPECT_EQ(ToHex(premaster.reference), "01060000");
}

TEST(Premaster, WithAKeyExchange) {
  const Bytes secret = Hex("0020" + kShared + "0010" + kHandle);
  PskPremaster premaster;
  ASSERT_EQ(ReadPremaster(secret, premaster), PremasterKind::kPsk);
  EXPECT_FALSE(premaster.plain);
  EXPECT_EQ(ToHex(premaster.other), kShared);
}

TEST(Premaster, IsPlainOnlyWithZerosOfTheHandlesLength) {
  for (const std::string& other : {std::string(30, '0'), std::string(34, '0'), kZeros.substr(1) + "1"}) {
    const Bytes secret = Hex("00" + ToHex(Bytes{LowByte(other.size() / 2)}) + other + "0010" + kHandle);
    PskPremaster premaster;
    ASSERT_EQ(ReadPremaster(secret, premaster), PremasterKind::kPsk);
    EXPECT_FALSE(premaster.plain);
    EXPECT_EQ(ToHex(premaster.other), other);
  }
}

TEST(Premaster, WithoutAHandleIsForTheSoftware) {
  EXPECT_EQ(KindOf(""), PremasterKind::kOther);
  EXPECT_EQ(KindOf("0010" + kZeros + "0010000102030405060708090A0B0C0D0E0F"), PremasterKind::kOther);
  EXPECT_EQ(KindOf("0010" + kZeros + "0010" + kHandle + "00"), PremasterKind::kOther) << "not at the end";
  EXPECT_EQ(KindOf("0010" + kZeros + "000F" + kHandle.substr(0, 30)), PremasterKind::kOther) << "cut";
  EXPECT_EQ(KindOf("0010" + kZeros + "0010" + "72" + kHandle.substr(2)), PremasterKind::kOther) << "one bit changed";
  EXPECT_EQ(KindOf(std::string(96, '7')), PremasterKind::kOther) << "a master secret";
}

TEST(Premaster, NothingElseMayEndInAHandle) {
  EXPECT_EQ(KindOf(kHandle), PremasterKind::kMisplaced);
  EXPECT_EQ(KindOf("0000"
                   "0010" +
                   kHandle),
            PremasterKind::kMisplaced);
  EXPECT_EQ(KindOf("0010" + kZeros +
                   "0011"
                   "00" +
                   kHandle),
            PremasterKind::kMisplaced)
      << "a longer PSK";
  EXPECT_EQ(KindOf("0011" + kZeros + "0010" + kHandle), PremasterKind::kMisplaced);
  EXPECT_EQ(KindOf("000F" + kZeros + "0010" + kHandle), PremasterKind::kMisplaced);
  EXPECT_EQ(KindOf("FFFF" + kZeros + "0010" + kHandle), PremasterKind::kMisplaced);
  EXPECT_EQ(KindOf("0010" + kZeros + "000F" + kHandle), PremasterKind::kMisplaced);
}

}  // namespace
}  // namespace simroot::provider
