// SPDX-License-Identifier: Apache-2.0
// Application information and the identifier of simroot's applet.
#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"
#include "common/iotsafe/objects.hpp"

namespace simroot::iotsafe {
namespace {

std::string WithoutSpaces(std::string_view hex) {
  return ToHex(Hex(hex));
}

constexpr const char* kIdentifier32 = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F";

std::string ApplicationHex(const char* functions_tag, const char* agreement_tag) {
  return std::string("10 01 10 11 20") + kIdentifier32 + "B1 01 0A B2 01 09 B3 01 08 B4 01 07" + functions_tag +
         "01 0F 91 02 0001 92 01 04" + agreement_tag + "01 01 94 01 02 B7 01 01";
}

ApplicationInfo ExpectedApplication() {
  ApplicationInfo info;
  EXPECT_TRUE(info.proprietary_identifier.Assign(Counting(32)));
  info.max_files = 0x0A;
  info.max_private_keys = 0x09;
  info.max_public_keys = 0x08;
  info.max_secret_keys = 0x07;
  info.functions = 0x0F;
  info.hash_algorithms = 0x0001;
  info.signature_algorithms = 0x04;
  info.key_agreement = 0x01;
  info.key_derivation = 0x02;
  info.max_sessions = 0x01;
  return info;
}

std::string WrittenApplication(const ApplicationInfo& info, ApplicationTags tags) {
  std::array<std::uint8_t, 68> memory{};
  ByteWriter out(memory);
  PutApplicationInfo(info, tags, out);
  EXPECT_TRUE(out.ok());
  return ToHex(out.written());
}

TEST(ApplicationInfo, IsWrittenIn68BytesInBothForms) {  // Le of the known clients is 44h
  const ApplicationInfo info = ExpectedApplication();
  EXPECT_EQ(WithoutSpaces(ApplicationHex("90", "93")), WrittenApplication(info, ApplicationTags::k90And93));
  EXPECT_EQ(WithoutSpaces(ApplicationHex("61", "6F")), WrittenApplication(info, ApplicationTags::k61And6F));
  EXPECT_EQ(68U, Hex(ApplicationHex("90", "93")).size());
}

TEST(ApplicationInfo, IsReadInBothForms) {
  for (const auto& text : {ApplicationHex("90", "93"), ApplicationHex("61", "6F")}) {
    const auto info = ParseApplicationInfo(Hex(text));
    ASSERT_TRUE(info);
    EXPECT_EQ(0x10U, info->version);
    EXPECT_EQ(WithoutSpaces(ApplicationHex("90", "93")), WrittenApplication(*info, ApplicationTags::k90And93));
  }
}

TEST(ApplicationInfo, IsReadInAnyOrderWithUnknownTagsAndShortHash) {
  const auto info = ParseApplicationInfo(Hex("B7 01 03 7D 02 FFFF 91 01 05 5F 00 10 01 11 11 02 AABB"));
  ASSERT_TRUE(info);
  EXPECT_EQ(0x11U, info->version);
  EXPECT_EQ(3U, info->max_sessions);
  EXPECT_EQ(0x0005U, info->hash_algorithms);
  EXPECT_EQ("AABB", ToHex(info->proprietary_identifier.view()));
}

TEST(ApplicationInfo, RefusesWhatIsCutOrOfWrongLength) {
  const Bytes bytes = Hex(ApplicationHex("90", "93"));
  EXPECT_EQ(ParseError::kTruncated, ParseApplicationInfo(ByteView(bytes).first(67)).error());
  EXPECT_EQ(ParseError::kMissingTag, ParseApplicationInfo({}).error());
  EXPECT_EQ(ParseError::kMissingTag, ParseApplicationInfo(Hex("7D 01 00")).error());
  EXPECT_EQ(ParseError::kBadLength, ParseApplicationInfo(Hex("10 02 0010")).error());
  EXPECT_EQ(ParseError::kBadLength, ParseApplicationInfo(Hex("91 03 000001")).error());
  EXPECT_EQ(ParseError::kBadLength, ParseApplicationInfo(Join(Hex("11 21"), Counting(33))).error());
}

TEST(SrIdentifier, SurvivesTheWay) {
  const SimrootIdentifier identifier{3, 7, 0xFEDCBA98, 0x01234567, 0xA55A};
  const auto encoded = EncodeIdentifier(identifier);
  EXPECT_EQ(32U, encoded.size());
  const auto decoded = ParseIdentifier(encoded.view());
  ASSERT_TRUE(decoded);
  EXPECT_EQ(3U, decoded->applet_major);
  EXPECT_EQ(7U, decoded->applet_minor);
  EXPECT_EQ(0xFEDCBA98U, decoded->change_counter);
  EXPECT_EQ(0x01234567U, decoded->epoch);
  EXPECT_EQ(0xA55AU, decoded->extensions);
}

TEST(SrIdentifier, IsNotSeenInThoseOfOthers) {
  EXPECT_FALSE(ParseIdentifier({}));
  EXPECT_FALSE(ParseIdentifier(Counting(32)));
  const auto encoded = EncodeIdentifier({});
  EXPECT_FALSE(ParseIdentifier(encoded.view().first(31)));
  EXPECT_FALSE(ParseIdentifier(Join(encoded.view(), Hex("00"))));
  for (std::size_t i = 0; i < 8; ++i) {  // mark and layout version
    Bytes other(encoded.view().begin(), encoded.view().end());
    other[i] ^= 0x01U;
    EXPECT_FALSE(ParseIdentifier(other)) << i;
  }
}

}  // namespace
}  // namespace simroot::iotsafe
