// SPDX-License-Identifier: Apache-2.0
// Not one of the tests that both backends share: chips have no triple DES.
#include "common/crypto/openssl/crypto_test_support.hpp"
#include "common/host/test_hex.hpp"

namespace simroot::crypto {
namespace {

class TripleDes : public CryptoTest {};

TEST_F(TripleDes, AgreesWithNist) {
  // SP 800-67, appendix B: three keys, three blocks of text, each block by itself.
  const Bytes key = Hex("0123456789ABCDEF23456789ABCDEF01456789ABCDEF0123");
  const ByteView plain = AsBytes("The qufck brown fox jump");
  const std::array ciphers{"A826FD8CE53B855F", "CCE21C8112256FE6", "68D5C05DD9B6B900"};
  Bytes out(8);
  ByteReader blocks(plain);
  ByteView block;
  for (const char* const cipher : ciphers) {
    ASSERT_TRUE(blocks.ReadBytes(8, block));
    ASSERT_TRUE(crypto->TdesCbc(Direction::kEncrypt, key, Bytes(8), block, out));
    EXPECT_EQ(ToHex(out), cipher);
  }
}

TEST_F(TripleDes, ChainsAndGoesBack) {
  const Bytes two = Counting(16);
  const Bytes three = Join(two, ByteView(two).first(8));
  const Bytes plain(24, 0x5A);
  const Bytes iv = Counting(8);
  Bytes whole(24);
  ASSERT_TRUE(crypto->TdesCbc(Direction::kEncrypt, two, iv, plain, whole));
  Bytes out(24);
  ASSERT_TRUE(crypto->TdesCbc(Direction::kEncrypt, three, iv, plain, out));
  EXPECT_EQ(out, whole) << "two keys: the third is the first";
  Bytes rest(16);
  ASSERT_TRUE(crypto->TdesCbc(Direction::kEncrypt, two, ByteView(whole).first(8), Bytes(16, 0x5A), rest));
  EXPECT_TRUE(SameBytes(rest, ByteView(whole).subspan(8)));
  ASSERT_TRUE(crypto->TdesCbc(Direction::kDecrypt, two, iv, out, out));
  EXPECT_EQ(out, plain);
  Bytes other = two;
  other.back() ^= 0x10U;
  ASSERT_TRUE(crypto->TdesCbc(Direction::kEncrypt, other, iv, plain, out));
  EXPECT_NE(out, whole);
}

TEST_F(TripleDes, RefusesWrongLengths) {
  Bytes out(16, 0xEE);
  for (const Direction direction : {Direction::kEncrypt, Direction::kDecrypt}) {
    for (const std::size_t size : {0U, 8U, 15U, 17U, 23U, 25U, 32U}) {
      EXPECT_FALSE(crypto->TdesCbc(direction, Bytes(size), Bytes(8), Bytes(16), out)) << size;
    }
    for (const std::size_t size : {0U, 7U, 9U, 16U}) {
      EXPECT_FALSE(crypto->TdesCbc(direction, Bytes(16), Bytes(size), Bytes(16), out)) << size;
    }
    for (const std::size_t size : {0U, 8U, 15U, 24U}) {
      EXPECT_FALSE(crypto->TdesCbc(direction, Bytes(16), Bytes(8), Bytes(size), out)) << size;
    }
  }
  EXPECT_EQ(out, Bytes(16, 0xEE));
}

}  // namespace
}  // namespace simroot::crypto
