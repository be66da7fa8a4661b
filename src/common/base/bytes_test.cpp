// SPDX-License-Identifier: Apache-2.0
#include "common/base/bytes.hpp"

#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"

namespace simroot {
namespace {

TEST(ByteReader, ReadsBigEndian) {
  const Bytes bytes = Hex("01 0203 040506 0708090A 0B0C");
  ByteReader reader(bytes);
  std::uint8_t u8 = 0;
  std::uint16_t u16 = 0;
  std::uint32_t u24 = 0;
  std::uint32_t u32 = 0;
  ASSERT_TRUE(reader.ReadU8(u8));
  ASSERT_TRUE(reader.ReadU16(u16));
  ASSERT_TRUE(reader.ReadU24(u24));
  ASSERT_TRUE(reader.ReadU32(u32));
  EXPECT_EQ(0x01U, u8);
  EXPECT_EQ(0x0203U, u16);
  EXPECT_EQ(0x040506U, u24);
  EXPECT_EQ(0x0708090AU, u32);
  EXPECT_EQ("0B0C", ToHex(reader.rest()));
  EXPECT_EQ(2U, reader.remaining());
  EXPECT_FALSE(reader.empty());
}

TEST(ByteReader, ReadsTheHighestValues) {
  const Bytes bytes(10, 0xFF);
  ByteReader reader(bytes);
  std::uint8_t u8 = 0;
  std::uint16_t u16 = 0;
  std::uint32_t u24 = 0;
  std::uint32_t u32 = 0;
  ASSERT_TRUE(reader.ReadU8(u8) && reader.ReadU16(u16) && reader.ReadU24(u24) && reader.ReadU32(u32));
  EXPECT_EQ(0xFFU, u8);
  EXPECT_EQ(0xFFFFU, u16);
  EXPECT_EQ(0xFFFFFFU, u24);
  EXPECT_EQ(0xFFFFFFFFU, u32);
  EXPECT_TRUE(reader.empty());
}

TEST(ByteReader, FailsWithoutMovingOneByteShort) {
  const Bytes bytes = Hex("AABBCC");
  ByteReader reader(bytes);
  std::uint32_t value = 0x55;
  EXPECT_FALSE(reader.ReadU32(value));
  EXPECT_EQ(0x55U, value);
  EXPECT_EQ(3U, reader.remaining());
  ByteView view;
  EXPECT_FALSE(reader.ReadBytes(4, view));
  EXPECT_TRUE(view.empty());
  EXPECT_FALSE(reader.Skip(4));
  EXPECT_EQ(3U, reader.remaining());
  ASSERT_TRUE(reader.Skip(2));
  std::uint16_t u16 = 0x66;
  EXPECT_FALSE(reader.ReadU16(u16));
  EXPECT_EQ(0x66U, u16);
  EXPECT_FALSE(reader.ReadU24(value));
  EXPECT_EQ("CC", ToHex(reader.rest()));
}

TEST(ByteReader, ReadsNothingFromNothing) {
  ByteReader reader;
  std::uint8_t value = 0x77;
  EXPECT_TRUE(reader.empty());
  EXPECT_FALSE(reader.ReadU8(value));
  EXPECT_FALSE(reader.PeekU8(value));
  EXPECT_EQ(0x77U, value);
  ByteView view;
  EXPECT_TRUE(reader.ReadBytes(0, view));
}

TEST(ByteReader, RefusesCountsNearTheEndOfSizeT) {
  const Bytes bytes = Hex("AABB");
  ByteReader reader(bytes);
  ByteView view;
  EXPECT_FALSE(reader.ReadBytes(static_cast<std::size_t>(-1), view));
  EXPECT_EQ(2U, reader.remaining());
}

TEST(ByteReader, PeekDoesNotMove) {
  const Bytes bytes = Hex("AB");
  const ByteReader reader(bytes);
  std::uint8_t value = 0;
  ASSERT_TRUE(reader.PeekU8(value));
  EXPECT_EQ(0xABU, value);
  EXPECT_EQ(1U, reader.remaining());
}

TEST(ByteWriter, WritesBigEndian) {
  std::array<std::uint8_t, 9> memory{};
  ByteWriter writer(memory);
  writer.PutU8(0x01);
  writer.PutU16(0x0203);
  writer.PutU32(0x04050607);
  writer.PutBytes(Hex("0809"));
  EXPECT_TRUE(writer.ok());
  EXPECT_EQ("010203040506070809", ToHex(writer.written()));
  EXPECT_EQ(0U, writer.free());
}

TEST(ByteWriter, RemembersTheFirstOverflowAndIgnoresTheRest) {
  std::array<std::uint8_t, 3> memory{};
  ByteWriter writer(memory);
  writer.PutU8(0xAA);
  writer.PutBytes(Hex("010203"));
  EXPECT_FALSE(writer.ok());
  writer.PutU8(0xBB);  // would fit, but something before it is missing
  EXPECT_FALSE(writer.ok());
  EXPECT_EQ("AA", ToHex(writer.written()));
  EXPECT_EQ("AA0000", ToHex(memory));
}

TEST(ByteWriter, ReserveGivesMemoryOnce) {
  std::array<std::uint8_t, 4> memory{};
  ByteWriter writer(memory);
  const ByteSpan place = writer.Reserve(2);
  ASSERT_EQ(2U, place.size());
  place.front() = 0x11;
  place.back() = 0x22;
  writer.PutU8(0x33);
  EXPECT_EQ("112233", ToHex(writer.written()));
  EXPECT_TRUE(writer.Reserve(2).empty());
  EXPECT_FALSE(writer.ok());
}

TEST(ByteWriter, TruncateForgetsBytesAndOverflow) {
  std::array<std::uint8_t, 4> memory{};
  ByteWriter writer(memory);
  writer.PutU32(0x01020304);
  writer.PutU8(5);
  ASSERT_FALSE(writer.ok());
  writer.Truncate(1);
  EXPECT_TRUE(writer.ok());
  EXPECT_EQ("01", ToHex(writer.written()));
  writer.Truncate(9);  // never grows
  EXPECT_EQ(1U, writer.size());
}

TEST(CopyBytes, CopiesAllOrNothing) {
  std::array<std::uint8_t, 2> memory{0xEE, 0xEE};
  EXPECT_FALSE(CopyBytes(Hex("010203"), memory));
  EXPECT_EQ("EEEE", ToHex(memory));
  EXPECT_TRUE(CopyBytes(Hex("01"), memory));
  EXPECT_EQ("01EE", ToHex(memory));
}

TEST(SameBytes, ComparesLengthAndContent) {
  EXPECT_TRUE(SameBytes(Hex("0102"), Hex("0102")));
  EXPECT_FALSE(SameBytes(Hex("0102"), Hex("0103")));
  EXPECT_FALSE(SameBytes(Hex("0102"), Hex("01")));
  EXPECT_FALSE(SameBytes(Hex("0102"), Hex("010200")));
  EXPECT_TRUE(SameBytes({}, {}));
}

TEST(LowByte, KeepsEightBits) {
  EXPECT_EQ(0x34U, LowByte(0x1234));
  EXPECT_EQ(0xFFU, LowByte(-1));
}

}  // namespace
}  // namespace simroot
