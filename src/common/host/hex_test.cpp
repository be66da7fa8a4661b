// SPDX-License-Identifier: Apache-2.0
#include "common/host/hex.hpp"

#include <gtest/gtest.h>

namespace simroot {
namespace {

TEST(ToHex, WritesUpperCasePairs) {
  EXPECT_EQ("", ToHex({}));
  EXPECT_EQ("00ABFF", ToHex(Bytes{0x00, 0xAB, 0xFF}));
}

TEST(FromHex, ReadsBothCasesAndSkipsSpacesAndColons) {
  EXPECT_EQ((Bytes{0x01, 0xAB, 0xCD}), FromHex(" 01:aB\t\r\nCd "));
  EXPECT_EQ(Bytes(), FromHex(""));
  EXPECT_EQ(Bytes(), FromHex(" : "));
}

TEST(FromHex, RefusesWhatIsNotHex) {
  EXPECT_FALSE(FromHex("0"));
  EXPECT_FALSE(FromHex("012"));
  EXPECT_FALSE(FromHex("0x01"));
  EXPECT_FALSE(FromHex("01-02"));
  EXPECT_FALSE(FromHex("zz"));
}

TEST(FromHex, ReversesToHexForEveryByte) {
  Bytes all;
  for (int value = 0; value < 256; ++value) {
    all.push_back(static_cast<std::uint8_t>(value));
  }
  EXPECT_EQ(all, FromHex(ToHex(all)));
}

TEST(AsBytes, ViewsTextWithoutCopy) {
  const std::string_view text = "iot";
  const ByteView bytes = AsBytes(text);
  EXPECT_EQ("696F74", ToHex(bytes));
  EXPECT_EQ(text, AsText(bytes));
  EXPECT_EQ(static_cast<const void*>(text.data()), bytes.data());
}

}  // namespace
}  // namespace simroot
