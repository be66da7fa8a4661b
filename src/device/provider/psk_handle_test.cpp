// SPDX-License-Identifier: Apache-2.0
#include "device/provider/psk_handle.hpp"

#include <gtest/gtest.h>

#include <set>

#include "common/host/test_hex.hpp"

namespace simroot::device {
namespace {

const std::string kMagic = "73696D726F6F742D70736B01";

std::string HandleOf(const std::string& identifier) {
  const auto handle = MakePskHandle(Hex(identifier), nullptr);
  return handle ? ToHex(*handle) : handle.error().Text();
}

TEST(PskHandle, HoldsAShortIdentifierAsItIs) {
  EXPECT_EQ(HandleOf("06"), kMagic + "01060000");
  EXPECT_EQ(HandleOf("00"), kMagic + "01000000");
  EXPECT_EQ(HandleOf("0006"), kMagic + "02000600");
  EXPECT_EQ(HandleOf("303031"), kMagic + "03303031");
}

TEST(PskHandle, HoldsADigestOfALongOne) {
  // First four bytes of SHA-256 over 86 and the identifier, the first bit set (Python's hashlib).
  EXPECT_EQ(HandleOf("01020304"), kMagic + "FC27793B");
  EXPECT_EQ(HandleOf("000102030405060708090A0B0C0D0E0F10111213"), kMagic + "B6B24CB2");
}

TEST(PskHandle, IsReadBack) {
  for (const char* identifier : {"06", "0006", "303031"}) {
    const auto reference = ParsePskHandle(Hex(HandleOf(identifier)));
    ASSERT_TRUE(reference);
    EXPECT_EQ(ToHex(DirectIdentifier(*reference).value_or(Bytes())), identifier);
    EXPECT_FALSE(IsDigestReference(*reference));
  }
  const auto reference = ParsePskHandle(Hex(HandleOf("01020304")));
  ASSERT_TRUE(reference);
  EXPECT_FALSE(DirectIdentifier(*reference));
  EXPECT_TRUE(IsDigestReference(*reference));
}

TEST(PskHandle, EveryOtherStringOfBytesIsNone) {
  const Bytes handle = Hex(HandleOf("06"));
  for (std::size_t i = 0; i < 12; ++i) {
    Bytes changed = handle;
    changed[i] ^= 0x01U;
    EXPECT_FALSE(ParsePskHandle(changed)) << i;
  }
  EXPECT_FALSE(ParsePskHandle(ByteView(handle).first(15)));
  Bytes longer = handle;
  longer.push_back(0);
  EXPECT_FALSE(ParsePskHandle(longer));
  longer.insert(longer.begin(), 0);
  EXPECT_FALSE(ParsePskHandle(longer));
  EXPECT_FALSE(ParsePskHandle({}));
  EXPECT_FALSE(ParsePskHandle(Hex("000102030405060708090A0B0C0D0E0F")));
}

TEST(PskHandle, DamagedReferencesNameNothing) {
  for (const char* reference : {"00000000", "04010203", "01060001", "02000601", "7F000000", "01060100"}) {
    const auto parsed = ParsePskHandle(Hex(kMagic + reference));
    ASSERT_TRUE(parsed);
    EXPECT_FALSE(DirectIdentifier(*parsed)) << reference;
    EXPECT_FALSE(IsDigestReference(*parsed)) << reference;
  }
}

TEST(PskHandle, DiffersForEveryIdentifier) {
  std::set<std::string> handles;
  for (unsigned i = 0; i < 256; ++i) {
    const std::string byte = ToHex(Bytes{LowByte(i)});
    handles.insert(HandleOf(byte));
    handles.insert(HandleOf("00" + byte));
    handles.insert(HandleOf("000000" + byte));
  }
  EXPECT_EQ(handles.size(), 3U * 256U);
}

}  // namespace
}  // namespace simroot::device
