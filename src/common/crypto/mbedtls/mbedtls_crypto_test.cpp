// SPDX-License-Identifier: Apache-2.0
// What is this backend's own: its generator and its seed. Everything else is tested with the tests of the OpenSSL
// backend and against it (differential_test.cpp).
#include <gtest/gtest.h>

#include "common/crypto/mbedtls/mbedtls_test_support.hpp"
#include "common/host/test_hex.hpp"

namespace simroot::crypto {
namespace {

bool AllZero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

TEST(MbedTlsCrypto, NothingRandomBeforeStart) {
  HostEntropy entropy;
  MbedTlsCrypto crypto(entropy);
  Bytes out(16, 0xEE);
  EXPECT_FALSE(crypto.Random(out));
  EXPECT_TRUE(AllZero(out));
  Bytes scalar(32);
  Bytes point(65);
  Bytes signature(64);
  const Bytes key(32, 0x42);
  EXPECT_FALSE(crypto.GenerateKeyPair(Curve::kP256, scalar, point));
  EXPECT_FALSE(crypto.PublicPoint(Curve::kP256, key, point));
  EXPECT_FALSE(crypto.SignEcdsa({Curve::kP256, key, 0, 0}, Bytes(32, 1), signature));
  EXPECT_TRUE(AllZero(Join(scalar, point, signature)));
  EXPECT_EQ(entropy.calls, 0U);
}

TEST(MbedTlsCrypto, StartFailsWithItsEntropy) {
  HostEntropy entropy;
  entropy.broken = true;
  MbedTlsCrypto crypto(entropy);
  EXPECT_FALSE(crypto.Start());
  Bytes out(16, 0xEE);
  EXPECT_FALSE(crypto.Random(out));
  EXPECT_TRUE(AllZero(out));
  EXPECT_GE(entropy.calls, 1U);
}

TEST(MbedTlsCrypto, SeedsAgainAndFailsIfItCannot) {
  HostEntropy entropy;
  MbedTlsCrypto crypto(entropy);
  ASSERT_TRUE(crypto.Start());
  const unsigned at_start = entropy.calls;
  Bytes out(1);
  for (unsigned i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(crypto.Random(out));
  }
  ASSERT_TRUE(crypto.Random(out));
  EXPECT_GT(entropy.calls, at_start);
  entropy.broken = true;
  bool failed = false;
  for (unsigned i = 0; i < 20'000 && !failed; ++i) {
    failed = !crypto.Random(out);
  }
  EXPECT_TRUE(failed);
}

TEST(MbedTlsCrypto, RandomFillsLongRequests) {
  const auto crypto = MbedTlsOnHost::Create();
  ASSERT_NE(crypto, nullptr);
  Bytes out(5000);
  ASSERT_TRUE(crypto->Random(out));
  for (std::size_t i = 0; i + 16 <= out.size(); i += 16) {
    EXPECT_FALSE(AllZero(ByteView(out).subspan(i, 16))) << i;
  }
  Bytes again(5000);
  ASSERT_TRUE(crypto->Random(again));
  EXPECT_NE(out, again);
}

TEST(MbedTlsCrypto, TwoObjectsDrawDifferently) {
  const auto a = MbedTlsOnHost::Create();
  const auto b = MbedTlsOnHost::Create();
  ASSERT_TRUE(a != nullptr && b != nullptr);
  Bytes from_a(32);
  Bytes from_b(32);
  ASSERT_TRUE(a->Random(from_a) && b->Random(from_b));
  EXPECT_NE(from_a, from_b);
}

// RFC 5246 has no vector; this one is the known answer of the IETF TLS list for P_SHA256 (secret, seed and label as
// there), the one the project's specification quotes too.
TEST(MbedTlsCrypto, TlsPrfKnownAnswer) {
  const auto crypto = MbedTlsOnHost::Create();
  const Bytes seed =
      Join(Bytes{'t', 'e', 's', 't', ' ', 'l', 'a', 'b', 'e', 'l'}, Hex("A0BA9F936CDA311827A6F796FFD5198C"));
  Bytes out(100);
  ASSERT_TRUE(crypto->TlsPrfSha256(Hex("9BBE436BA940F017B17652849A71DB35"), seed, out));
  EXPECT_EQ(ToHex(out),
            "E3F229BA727BE17B8D122620557CD453C2AAB21D07C3D495329B52D4E61EDB5A6B301791E90D35C9C9A46B4E14BAF9AF"
            "0FA022F7077DEF17ABFD3797C0564BAB4FBC91666E9DEF9B97FCE34F796789BAA48082D122EE42C5A72E5A5110FFF701"
            "87347B66");
}

// RFC 5869 A.1 and A.3.
TEST(MbedTlsCrypto, HkdfExtractKnownAnswers) {
  const auto crypto = MbedTlsOnHost::Create();
  Bytes prk(32);
  ASSERT_TRUE(crypto->HkdfExtract(HashAlgorithm::kSha256, Counting(13), Bytes(22, 0x0B), prk));
  EXPECT_EQ(ToHex(prk), "077709362C2E32DF0DDC3F0DC47BBA6390B6C73BB50F9C3122EC844AD7C2B3E5");
  ASSERT_TRUE(crypto->HkdfExtract(HashAlgorithm::kSha256, {}, Bytes(22, 0x0B), prk));
  EXPECT_EQ(ToHex(prk), "19EF24A32C717B167F33A91D6F648BDF96596776AFDB6377AC434C1C293CCB04");
}

// NIST SP 800-38A F.2.1 and F.5.1, first two blocks; SP 800-38B D.1, examples 1 and 3.
TEST(MbedTlsCrypto, AesKnownAnswers) {
  const auto crypto = MbedTlsOnHost::Create();
  const Bytes key = Hex("2B7E151628AED2A6ABF7158809CF4F3C");
  const Bytes text = Hex("6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51");
  Bytes out(32);
  ASSERT_TRUE(crypto->AesCbc(Direction::kEncrypt, key, Counting(16), text, out));
  EXPECT_EQ(ToHex(out), "7649ABAC8119B246CEE98E9B12E9197D5086CB9B507219EE95DB113A917678B2");
  ASSERT_TRUE(crypto->AesCbc(Direction::kDecrypt, key, Counting(16), out, out));
  EXPECT_EQ(out, text);
  ASSERT_TRUE(crypto->AesCtr(key, Hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF"), text, out));
  EXPECT_EQ(ToHex(out), "874D6191B620E3261BEF6864990DB6CE9806F66B7970FDFF8617187BB9FFFDFF");
  Bytes mac(16);
  ASSERT_TRUE(crypto->AesCmac(key, {}, mac));
  EXPECT_EQ(ToHex(mac), "BB1D6929E95937287FA37D129B756746");
  const Bytes message = Join(text, Hex("30C81C46A35CE411"));
  const std::array pieces{ByteView(message).first(7), ByteView(), ByteView(message).subspan(7)};
  ASSERT_TRUE(crypto->AesCmac(key, pieces, mac));
  EXPECT_EQ(ToHex(mac), "DFA66747DE9AE63030CA32611497C827");
}

TEST(MbedTlsCrypto, HasNoTripleDes) {
  const auto crypto = MbedTlsOnHost::Create();
  Bytes out(8, 0xEE);
  EXPECT_FALSE(crypto->TdesCbc(Direction::kEncrypt, Bytes(16), Bytes(8), Bytes(8), out));
  EXPECT_EQ(out, Bytes(8, 0xEE));
}

}  // namespace
}  // namespace simroot::crypto
