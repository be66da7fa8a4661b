// SPDX-License-Identifier: Apache-2.0
#include "common/wire/tlv.hpp"

#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"

namespace simroot::wire {
namespace {

constexpr std::array<std::uint8_t, 1> kSignatureFollows{0x33};

/// What was read, in memory of its own.
struct Read {
  std::uint16_t tag;
  Bytes value;
};
struct ReadOpen {
  std::uint8_t tag;
  std::size_t total;
  Bytes first;
};

/// Runs a reader over `bytes` and checks that it moves by success only.
std::optional<Read> Run(ByteView bytes, std::size_t rest, const auto& read) {
  ByteReader reader(bytes);
  Tlv tlv{0xEEEE, {}};
  if (!read(reader, tlv)) {
    EXPECT_EQ(bytes.size(), reader.remaining());
    EXPECT_EQ(0xEEEEU, tlv.tag);
    return std::nullopt;
  }
  EXPECT_EQ(rest, reader.remaining());
  return Read{tlv.tag, Bytes(tlv.value.begin(), tlv.value.end())};
}

std::optional<Read> Ber(ByteView bytes, std::size_t rest = 0) {
  return Run(bytes, rest, [](ByteReader& reader, Tlv& tlv) { return ReadBerTlv(reader, tlv); });
}

std::optional<Read> Flexible(ByteView bytes, ByteView followers = {}, std::size_t rest = 0) {
  return Run(bytes, rest, [&](ByteReader& reader, Tlv& tlv) { return ReadFlexibleTlv(reader, followers, tlv); });
}

std::optional<ReadOpen> Open(ByteView bytes) {
  ByteReader reader(bytes);
  OpenTlv open{0xEE, 99, {}};
  if (!ReadOpenTlv(reader, open)) {
    EXPECT_EQ(bytes.size(), reader.remaining());
    EXPECT_EQ(0xEEU, open.tag);
    EXPECT_EQ(99U, open.total);
    return std::nullopt;
  }
  EXPECT_TRUE(reader.empty());
  return ReadOpen{open.tag, open.total, Bytes(open.first.begin(), open.first.end())};
}

TEST(ReadBerTlv, ReadsEveryLengthFormAtItsLimits) {
  for (const std::size_t size : {0U, 1U, 0x7FU, 0x80U, 0xFFU, 0x100U, 0xFFFFU, 0x10000U}) {
    const Bytes value(size, 0x5A);
    Bytes memory(size + 8);
    ByteWriter out(memory);
    PutBerTlv(0x53, value, out);
    ASSERT_TRUE(out.ok());
    EXPECT_EQ(1 + BerLengthSize(size) + size, out.size());
    const auto tlv = Ber(out.written());
    ASSERT_TRUE(tlv) << size;
    EXPECT_EQ(0x53U, tlv->tag);
    EXPECT_TRUE(SameBytes(value, tlv->value));
    EXPECT_FALSE(Ber(out.written().first(out.size() - 1)) && size > 0) << "one byte short";
  }
}

TEST(ReadBerTlv, RefusesLengthsThatAreNotMinimal) {
  EXPECT_FALSE(Ber(Hex("53 81 01 AA")));
  EXPECT_FALSE(Ber(Join(Hex("53 81 7F"), Bytes(0x7F))));
  EXPECT_TRUE(Ber(Join(Hex("53 81 80"), Bytes(0x80))));
  EXPECT_FALSE(Ber(Join(Hex("53 82 0080"), Bytes(0x80))));
  EXPECT_FALSE(Ber(Join(Hex("53 82 00FF"), Bytes(0xFF))));
  EXPECT_TRUE(Ber(Join(Hex("53 82 0100"), Bytes(0x100))));
  EXPECT_FALSE(Ber(Join(Hex("53 83 00FFFF"), Bytes(0xFFFF))));
  EXPECT_FALSE(Ber(Hex("53 83 000001 AA")));
}

TEST(ReadBerTlv, RefusesIndefiniteAndFourByteLengths) {
  EXPECT_FALSE(Ber(Hex("30 80 0500 0000")));
  EXPECT_FALSE(Ber(Hex("53 84 00000001 AA")));
  EXPECT_FALSE(Ber(Hex("53 FF AA")));
}

TEST(ReadBerTlv, ReadsTagsOfOneAndTwoBytes) {
  const auto two = Ber(Hex("5F20 02 AABB CC"), 1);
  ASSERT_TRUE(two);
  EXPECT_EQ(0x5F20U, two->tag);
  EXPECT_EQ("AABB", ToHex(two->value));
  EXPECT_EQ(0x7F49U, Ber(Hex("7F49 00"))->tag);
  EXPECT_EQ(0x9F7FU, Ber(Hex("9F7F 00"))->tag);
  EXPECT_EQ(0x9EU, Ber(Hex("9E 00"))->tag);
}

TEST(ReadBerTlv, RefusesTagsOfThreeBytesAndCutTags) {
  EXPECT_FALSE(Ber(Hex("5F8120 00")));
  EXPECT_FALSE(Ber(Hex("5F")));
  EXPECT_FALSE(Ber(Hex("5F20")));
  EXPECT_FALSE(Ber(Hex("53")));
  EXPECT_FALSE(Ber(Hex("53 81")));
  EXPECT_FALSE(Ber(Hex("53 82 01")));
  EXPECT_FALSE(Ber({}));
}

TEST(PutBerTlv, WritesTwoByteTagsAndMinimalLengths) {
  std::array<std::uint8_t, 8> memory{};
  ByteWriter out(memory);
  PutBerTlv(0x7F49, Hex("AA"), out);
  EXPECT_EQ("7F4901AA", ToHex(out.written()));
  out.Truncate(0);
  PutBerLength(0x80, out);
  PutBerLength(0x1234, out);
  EXPECT_EQ("8180821234", ToHex(out.written()));
  out.Truncate(0);
  PutBerLength(0xFFFFFF, out);
  EXPECT_EQ("83FFFFFF", ToHex(out.written()));
}

TEST(ReadTlv, TakesTheLengthByteAsItIs) {
  const Bytes value = Counting(0xFF);
  const Bytes bytes = Join(Hex("C1 FF"), value);
  ByteReader reader(bytes);
  Tlv tlv;
  ASSERT_TRUE(ReadTlv(reader, tlv));
  EXPECT_EQ(0xC1U, tlv.tag);
  EXPECT_TRUE(SameBytes(value, tlv.value));
  EXPECT_TRUE(reader.empty());
}

TEST(ReadTlv, DoesNotSpreadTagsOverTwoBytes) {  // 5F, 7F, 9F, DF: one byte here (spec section 2)
  for (const char* text : {"1F 01 AA", "5F 01 AA", "9F 01 AA", "DF 01 AA"}) {
    const Bytes bytes = Hex(text);
    ByteReader reader(bytes);
    Tlv tlv;
    ASSERT_TRUE(ReadTlv(reader, tlv));
    EXPECT_EQ(bytes.front(), tlv.tag);
    EXPECT_EQ("AA", ToHex(tlv.value));
  }
}

TEST(ReadTlv, FailsWithoutMovingOneByteShort) {
  for (const char* text : {"", "84", "84 02 01", "84 81"}) {
    const Bytes bytes = Hex(text);
    ByteReader reader(bytes);
    Tlv tlv{0xEEEE, {}};
    EXPECT_FALSE(ReadTlv(reader, tlv)) << text;
    EXPECT_EQ(bytes.size(), reader.remaining());
    EXPECT_EQ(0xEEEEU, tlv.tag);
  }
}

/// Every form of length that clients and cards use (spec section 2, rule 2).
struct Form {
  const char* name;
  std::string head;
  std::size_t size;
};

class ReadFlexibleTlvForms : public ::testing::TestWithParam<Form> {};

TEST_P(ReadFlexibleTlvForms, EndWhereTheDataEnds) {
  const Bytes value(GetParam().size, 0x77);
  const Bytes bytes = Join(Hex(GetParam().head), value);
  const auto tlv = Flexible(bytes);
  ASSERT_TRUE(tlv);
  EXPECT_EQ(bytes.front(), tlv->tag);
  EXPECT_TRUE(SameBytes(value, tlv->value));
  EXPECT_FALSE(Flexible(ByteView(bytes).first(bytes.size() - 1))) << "one byte short";
  EXPECT_FALSE(Flexible(Join(bytes, Hex("77")))) << "one byte long";
}

INSTANTIATE_TEST_SUITE_P(Known, ReadFlexibleTlvForms,
                         ::testing::Values(Form{"OneByte", "33 40", 64}, Form{"OneByte7F", "9B 7F", 127},
                                           Form{"Ber81", "9B 81 80", 128}, Form{"Ber81Short", "33 81 40", 64},
                                           Form{"Ber82", "9B 82 012C", 300}, Form{"Ber82Small", "34 82 0045", 69},
                                           Form{"Ber83", "9B 83 00012C", 300}, Form{"TwoBytes", "33 0040", 64},
                                           Form{"TwoBytesLong", "33 0100", 256}, Form{"ThreeBytes", "9B 000005", 5},
                                           Form{"ThreeBytesLong", "9B 00012C", 300}, Form{"Plain80", "9B 80", 128},
                                           Form{"PlainFD", "9B FD", 253}, Form{"PlainFF", "34 FF", 255}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(ReadFlexibleTlv, TakesTwoByteLengthOfTag33) {  // wolfSSL and ZARIOT: 33 00 40 <64>
  const Bytes signature = Counting(64);
  const auto tlv = Flexible(Join(Hex("33 00 40"), signature), Hex("9E"));
  ASSERT_TRUE(tlv);
  EXPECT_EQ(0x33U, tlv->tag);
  EXPECT_TRUE(SameBytes(signature, tlv->value));
}

TEST(ReadFlexibleTlv, TakesPlainLengthAbove7F) {  // atsign: 9B FD <253>
  const Bytes data = Counting(253);
  const auto tlv = Flexible(Join(Hex("9B FD"), data), kSignatureFollows);
  ASSERT_TRUE(tlv);
  EXPECT_TRUE(SameBytes(data, tlv->value));
}

TEST(ReadFlexibleTlv, TakesEmptyText) {  // test case T92: 9B 00
  const auto tlv = Flexible(Hex("9B 00"), kSignatureFollows);
  ASSERT_TRUE(tlv);
  EXPECT_TRUE(tlv->value.empty());
  const auto before_signature = Flexible(Join(Hex("9B 00 33 40"), Counting(64)), kSignatureFollows, 66);
  ASSERT_TRUE(before_signature);
  EXPECT_TRUE(before_signature->value.empty());
}

TEST(ReadFlexibleTlv, TakesHashFollowedBySignatureOfEitherLengthForm) {  // VERIFY SIGNATURE UPDATE
  const Bytes hash = Counting(32);
  for (const char* head : {"33 00 40", "33 40"}) {
    const Bytes signature = Join(Hex(head), Counting(64));
    const Bytes bytes = Join(Hex("9E 20"), hash, signature);
    ByteReader reader(bytes);
    Tlv tlv;
    ASSERT_TRUE(ReadFlexibleTlv(reader, kSignatureFollows, tlv));
    EXPECT_EQ(0x9EU, tlv.tag);
    EXPECT_TRUE(SameBytes(hash, tlv.value));
    ASSERT_TRUE(ReadFlexibleTlv(reader, {}, tlv));
    EXPECT_EQ(0x33U, tlv.tag);
    EXPECT_EQ(64U, tlv.value.size());
    EXPECT_TRUE(reader.empty());
  }
}

TEST(ReadFlexibleTlv, PrefersOneByteWhereBothOneAndTwoBytesFit) {
  // 9E 02 33 00: as one byte the value is 33 00, as two bytes 0233h are missing.
  const auto tlv = Flexible(Hex("9E 02 33 00"), kSignatureFollows);
  ASSERT_TRUE(tlv);
  EXPECT_EQ("3300", ToHex(tlv->value));
  // 33 00 33..: the one-byte form is taken because a follower stands behind it.
  const auto follower = Flexible(Join(Hex("9B 00"), Hex("33 01 AA")), kSignatureFollows, 3);
  ASSERT_TRUE(follower);
  EXPECT_TRUE(follower->value.empty());
}

TEST(ReadFlexibleTlv, DoesNotTakeFollowersItWasNotTold) {
  EXPECT_FALSE(Flexible(Join(Hex("9E 20"), Counting(32), Hex("33 40"), Counting(64))));
  EXPECT_FALSE(Flexible(Join(Hex("9E 20"), Counting(32), Hex("9B 00")), kSignatureFollows));
}

TEST(ReadFlexibleTlv, FailsOnNothingAndOnTagAlone) {
  EXPECT_FALSE(Flexible({}));
  EXPECT_FALSE(Flexible(Hex("33")));
  EXPECT_FALSE(Flexible(Hex("33 81")));
  EXPECT_FALSE(Flexible(Hex("33 82 00")));
}

TEST(ReadOpenTlv, ReadsTheFirstOfAChainInStyleB) {  // test case T90: 9B 82 012C + 251 bytes
  const Bytes part(251, 0x61);
  const auto open = Open(Join(Hex("9B 82 012C"), part));
  ASSERT_TRUE(open);
  EXPECT_EQ(0x9BU, open->tag);
  EXPECT_EQ(300U, open->total);
  EXPECT_TRUE(SameBytes(part, open->first));
}

TEST(ReadOpenTlv, ReadsAPublicKeyInTwoParts) {  // test case T75: 34 45 split 20 + rest
  const auto open = Open(Join(Hex("34 45"), Counting(20)));
  ASSERT_TRUE(open);
  EXPECT_EQ(0x34U, open->tag);
  EXPECT_EQ(69U, open->total);
  EXPECT_EQ(20U, open->first.size());
}

TEST(ReadOpenTlv, ReadsEveryFormOfLength) {
  const Bytes part = Hex("0102");
  EXPECT_EQ(0x45U, Open(Join(Hex("34 45"), part))->total);
  EXPECT_EQ(0x90U, Open(Join(Hex("9B 8190"), part))->total);
  EXPECT_EQ(0x1000U, Open(Join(Hex("9B 821000"), part))->total);
  EXPECT_EQ(0x010000U, Open(Join(Hex("9B 83010000"), part))->total);
  EXPECT_EQ(0x0101U, Open(Join(Hex("9B 0101"), part))->total);
}

TEST(ReadOpenTlv, FailsIfNoFormAnnouncesMoreThanPresent) {
  EXPECT_FALSE(Open(Hex("9B 00")));
  EXPECT_FALSE(Open(Hex("9B 00 00")));
  EXPECT_FALSE(Open(Hex("9B 00 00 00")));
  EXPECT_FALSE(Open(Hex("9B")));
  EXPECT_FALSE(Open({}));
}

TEST(ReadOpenTlv, ComesAfterFlexibleReadingBecauseBothWouldDo) {
  // 9B FD <253> is complete, but as a length of two bytes it would announce FDxx: callers ask ReadFlexibleTlv first.
  const Bytes bytes = Join(Hex("9B FD"), Counting(253));
  EXPECT_TRUE(Flexible(bytes));
  const auto open = Open(bytes);
  ASSERT_TRUE(open);
  EXPECT_EQ(0xFD00U, open->total);
}

TEST(PutTlv, WritesOneByteLengths) {
  Bytes memory(300);
  ByteWriter out(memory);
  PutTlvU8(0xA1, 3, out);
  PutTlvU16(0x91, 0x0001, out);
  PutTlv(0x84, Hex("303036"), out);
  PutTlv(0x76, {}, out);
  EXPECT_TRUE(out.ok());
  EXPECT_EQ("A101039102000184033030367600", ToHex(out.written()));
  out.Truncate(0);
  PutTlv(0xC1, Bytes(255), out);
  EXPECT_TRUE(out.ok());
  EXPECT_EQ(257U, out.size());
}

TEST(PutTlv, RefusesAValueOf256Bytes) {
  Bytes memory(600);
  ByteWriter out(memory);
  PutTlv(0xC1, Bytes(256), out);
  EXPECT_FALSE(out.ok());
}

TEST(PutTlvTwoByteLength, WritesWhatWolfSslExpects) {
  Bytes memory(300);
  ByteWriter out(memory);
  PutTlvTwoByteLength(0x33, Counting(64), out);
  EXPECT_EQ("330040", ToHex(out.written().first(3)));
  EXPECT_EQ(67U, out.size());
  out.Truncate(0);
  PutTlvTwoByteLength(0x33, Bytes(256), out);
  EXPECT_EQ("330100", ToHex(out.written().first(3)));
}

}  // namespace
}  // namespace simroot::wire
