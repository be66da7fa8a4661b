// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/subject.hpp"

#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"

namespace simroot::platform {
namespace {

std::string Repeated(std::string_view text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) {
    all += text;
  }
  return all;
}

void ExpectRefused(const Subject& subject) {
  const auto encoded = EncodeSubject(subject);
  ASSERT_FALSE(encoded);
  EXPECT_EQ(encoded.error().kind, FailureKind::kInvalid);
}

TEST(Subject, AllPartsInTheirOrder) {
  EXPECT_EQ(*EncodeSubject({"dev", "8988", "Org"}), Hex("302B"
                                                        "310C300A060355040A0C034F7267"
                                                        "310C300A06035504030C03646576"
                                                        "310D300B06035504051304"
                                                        "38393838"));
}

TEST(Subject, EmptyPartsAreLeftOut) {
  EXPECT_EQ(*EncodeSubject({"dev", "", ""}), Hex("300E310C300A06035504030C03646576"));
  ExpectRefused({"", "", ""});
}

TEST(Subject, SixtyFourCharactersAreTheLimit) {
  EXPECT_TRUE(EncodeSubject({Repeated("x", 64), "", ""}));
  EXPECT_TRUE(EncodeSubject({Repeated("\xC3\xA4", 64), "", ""})) << "characters, not bytes";
  EXPECT_TRUE(EncodeSubject({"", Repeated("1", 64), ""}));
  ExpectRefused({Repeated("x", 65), "", ""});
  ExpectRefused({Repeated("\xC3\xA4", 65), "", ""});
  ExpectRefused({"", Repeated("1", 65), ""});
  ExpectRefused({"", "", Repeated("x", 65)});
}

TEST(Subject, ControlCharactersAreRefused) {
  ExpectRefused({"a\nb", "", ""});
  ExpectRefused({std::string("a\0b", 3), "", ""});
  ExpectRefused({"", "", "a\x7F"});
}

TEST(Subject, SerialNumbersArePrintableStrings) {
  EXPECT_TRUE(EncodeSubject({"", "AZaz09 '()+,-./:=?", ""}));
  for (const char* const wrong : {"a*b", "a_b", "a@b", "\xC3\xA4", "a&b", "a\"b"}) {
    ExpectRefused({"", wrong, ""});
  }
}

TEST(Subject, OnlyUtf8) {
  for (const char* const wrong : {"\x80", "\xC3", "\xC3\x28", "\xC0\xAF", "\xC1\x81", "\xE0\x80\x80", "\xE0\x9F\xBF",
                                  "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                                  "\xF8\x88\x80\x80\x80", "\xFF", "\xE2\x82", "a\xE2\x82"}) {
    ExpectRefused({wrong, "", ""});
    EXPECT_FALSE(CountUtf8(AsBytes(wrong))) << ToHex(AsBytes(wrong));
  }
  EXPECT_EQ(CountUtf8(AsBytes("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x94\x91")), 4U);
  EXPECT_EQ(CountUtf8(AsBytes("\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF\xC2\x80\xE0\xA0\x80\xF0\x90\x80\x80")), 6U);
}

}  // namespace
}  // namespace simroot::platform
