// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "common/host/test_hex.hpp"

namespace simroot {
namespace {

TEST(HexDigitValue, KnowsBothCases) {
  EXPECT_EQ(0, HexDigitValue('0'));
  EXPECT_EQ(9, HexDigitValue('9'));
  EXPECT_EQ(10, HexDigitValue('a'));
  EXPECT_EQ(15, HexDigitValue('F'));
  for (const char c : {'/', ':', '@', 'G', '`', 'g', ' ', '\0', '\xFF'}) {
    EXPECT_EQ(-1, HexDigitValue(c)) << static_cast<int>(c);
  }
}

TEST(ParseHex, ReadsPairs) {
  std::array<std::uint8_t, 4> memory{};
  ByteWriter out(memory);
  EXPECT_TRUE(ParseHex("00fFa5", out));
  EXPECT_EQ("00FFA5", ToHex(out.written()));
  EXPECT_TRUE(ParseHex("", out));
}

TEST(ParseHex, RefusesOddDigitsOtherCharactersAndTooMuch) {
  std::array<std::uint8_t, 2> memory{};
  ByteWriter out(memory);
  EXPECT_FALSE(ParseHex("0", out));
  EXPECT_FALSE(ParseHex("0g", out));
  EXPECT_FALSE(ParseHex("g0", out));
  EXPECT_FALSE(ParseHex("0 1 ", out));
  out.Truncate(0);
  EXPECT_TRUE(ParseHex("0102", out));
  EXPECT_FALSE(ParseHex("03", out));
}

TEST(TextWriter, CutsOffWhatDoesNotFitAndRemembers) {
  std::array<char, 5> memory{};
  TextWriter out(memory);
  out.Put("abc");
  EXPECT_TRUE(out.ok());
  out.Put("defg");
  EXPECT_FALSE(out.ok());
  EXPECT_EQ("abcde", out.text());
  out.Put('x');
  EXPECT_EQ("abcde", out.text());
}

TEST(TextWriter, WritesHexAndDecimal) {
  std::array<char, 64> memory{};
  TextWriter out(memory);
  out.PutHex(Hex("00a5FF"));
  out.Put(' ');
  out.PutDecimal(0);
  out.Put(' ');
  out.PutDecimal(1090);
  out.Put(' ');
  out.PutDecimal(std::numeric_limits<std::size_t>::max());
  EXPECT_EQ("00A5FF 0 1090 18446744073709551615", out.text());
}

}  // namespace
}  // namespace simroot
