// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/der.hpp"

#include <gtest/gtest.h>
#include <openssl/asn1.h>

#include "common/host/test_hex.hpp"

namespace simroot::platform::der {
namespace {

TEST(Der, LengthsAreTheShortest) {
  for (const auto& [size, head] : std::vector<std::pair<std::size_t, const char*>>{{0, "0400"},
                                                                                   {127, "047F"},
                                                                                   {128, "048180"},
                                                                                   {255, "0481FF"},
                                                                                   {256, "04820100"},
                                                                                   {65535, "0482FFFF"},
                                                                                   {65536, "0483010000"},
                                                                                   {16777215, "0483FFFFFF"},
                                                                                   {16777216, "048401000000"}}) {
    const Bytes content(size);
    const Bytes element = Element(kOctetString, {content});
    const Bytes expected = Hex(head);
    ASSERT_EQ(element.size(), expected.size() + size);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), element.begin())) << size;
  }
}

TEST(Der, PartsFollowEachOther) {
  EXPECT_EQ(Element(kSequence, {Hex("0101"), Hex(""), Hex("FF")}), Hex("30030101FF"));
  EXPECT_EQ(Element(kSequence, {}), Hex("3000"));
}

TEST(Der, UnsignedNumbersAreMinimalAndPositive) {
  EXPECT_EQ(Unsigned(Hex("")), Hex("020100"));
  EXPECT_EQ(Unsigned(Hex("0000")), Hex("020100"));
  EXPECT_EQ(Unsigned(Hex("7F")), Hex("02017F"));
  EXPECT_EQ(Unsigned(Hex("80")), Hex("02020080"));
  EXPECT_EQ(Unsigned(Hex("0000FF01")), Hex("020300FF01"));
  EXPECT_EQ(Unsigned(std::uint64_t{0}), Hex("020100"));
  EXPECT_EQ(Unsigned(std::uint64_t{128}), Hex("02020080"));
  EXPECT_EQ(Unsigned(std::uint64_t{0x7FFFFFFFFFFFFFFF}), Hex("02087FFFFFFFFFFFFFFF"));
}

TEST(Der, BitStringsAndExtensions) {
  EXPECT_EQ(BitString(Hex("AB")), Hex("030200AB"));
  EXPECT_EQ(Extension(Hex("551D13"), true, Hex("3000")), Hex("300C0603551D130101FF04023000"));
  EXPECT_EQ(Extension(Hex("551D13"), false, Hex("3000")), Hex("30090603551D1304023000"));
}

// OpenSSL writes the same for every kind of year, month and day.
TEST(Der, TimesAreOpenSsls) {
  std::vector<UnixTime> times{0,         1,         86399,      951782399,  951782400,
                              951868799, 951868800, 2524607999, 2524608000, kMaxTime};
  for (UnixTime time = 0; time < kMaxTime; time += 86400 * 1009 + 7331) {
    times.push_back(time);
  }
  for (const UnixTime time : times) {
    ASN1_TIME* const expected = ASN1_TIME_set(nullptr, time);
    ASSERT_NE(expected, nullptr);
    unsigned char* der = nullptr;
    const int size = i2d_ASN1_TIME(expected, &der);
    EXPECT_EQ(Time(time), Bytes(der, der + size)) << time;
    OPENSSL_free(der);
    ASN1_TIME_free(expected);
  }
}

TEST(Der, ReadsOnlyItsTag) {
  const Bytes bytes = Hex("3003020105FF");
  ByteReader reader(bytes);
  ByteView whole;
  ByteView content;
  EXPECT_FALSE(Read(reader, kSet, content));
  EXPECT_EQ(reader.remaining(), 6U);
  ASSERT_TRUE(ReadWhole(reader, kSequence, whole, content));
  EXPECT_EQ(ToHex(whole), "3003020105");
  EXPECT_EQ(ToHex(content), "020105");
  EXPECT_EQ(ToHex(reader.rest()), "FF");
}

TEST(Der, RefusesLongFormsAndCuts) {
  ByteView content;
  for (const char* const wrong : {"", "30", "3001", "308100", "30817F", "30820001", "3080000000", "30850000000000"}) {
    const Bytes bytes = Hex(wrong);
    ByteReader reader(bytes);
    EXPECT_FALSE(Read(reader, kSequence, content)) << wrong;
  }
}

}  // namespace
}  // namespace simroot::platform::der
