// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/openssl/crypto_test_support.hpp"
#include "common/host/test_hex.hpp"
#include "vectors/vec_reader.hpp"

namespace simroot::crypto {
namespace {

class Derivation : public CryptoTest {};

TEST_F(Derivation, HkdfExtractAgreesWithTheRfcs) {
  for (const auto& vec : Vectors("hkdf_extract.vec")) {
    SCOPED_TRACE(vec.name());
    const auto hash = static_cast<HashAlgorithm>(vec.Get("Hash").back());
    Bytes input = vec.Get("Input");
    const Bytes salt = vec.Get("Salt");
    Bytes prk(iotsafe::DigestSize(hash));
    ASSERT_TRUE(crypto->HkdfExtract(hash, salt, input, prk));
    EXPECT_EQ(ToHex(prk), ToHex(vec.Get("Prk")));
    input.back() ^= 1U;
    ASSERT_TRUE(crypto->HkdfExtract(hash, salt, input, prk));
    EXPECT_NE(ToHex(prk), ToHex(vec.Get("Prk")));
  }
}

TEST_F(Derivation, HkdfExtractOfNothing) {
  // HMAC-SHA-256 of an empty text under an empty key, which every HMAC implementation agrees on.
  const Bytes expected = Hex("B613679A0814D9EC772F95D778C35FC5FF1697C493715653C6C712144292C5AD");
  for (const Bytes& salt : {Bytes{}, Bytes(1), Bytes(32), Bytes(64)}) {
    Bytes prk(32);
    ASSERT_TRUE(crypto->HkdfExtract(HashAlgorithm::kSha256, salt, {}, prk));
    EXPECT_EQ(ToHex(prk), ToHex(expected)) << salt.size();
  }
}

TEST_F(Derivation, HkdfExtractRefusesOutputOfAnotherLength) {
  for (const std::size_t size : {0U, 31U, 33U, 48U}) {
    Bytes prk(size, 0xEE);
    EXPECT_FALSE(crypto->HkdfExtract(HashAlgorithm::kSha256, Bytes(8), Bytes(8), prk)) << size;
    EXPECT_EQ(prk, Bytes(size, 0xEE));
  }
}

TEST_F(Derivation, PrfAgreesWithTheVectors) {
  for (const auto& vec : Vectors("tls_prf_sha256.vec")) {
    SCOPED_TRACE(vec.name());
    const Bytes expected = vec.Get("Output");
    const Bytes seed = vec.Get("Seed");
    for (std::size_t size = 1; size <= expected.size(); ++size) {  // every length is the start of the longer ones
      Bytes out(size);
      ASSERT_TRUE(crypto->TlsPrfSha256(vec.Get("Secret"), seed, out));
      ASSERT_EQ(ToHex(out), ToHex(ByteView(expected).first(size)));
    }
    for (const bool in_seed : {false, true}) {
      Bytes secret = vec.Get("Secret");
      Bytes other_seed = seed;
      (in_seed ? other_seed : secret).front() ^= 1U;
      Bytes out(expected.size());
      ASSERT_TRUE(crypto->TlsPrfSha256(secret, other_seed, out));
      EXPECT_NE(ToHex(out), ToHex(expected));
    }
  }
}

TEST_F(Derivation, PrfTakesAnySecret) {
  Bytes none(48);
  Bytes zeros(48);
  Bytes largest(48);
  ASSERT_TRUE(crypto->TlsPrfSha256({}, Bytes(10, 1), none));
  ASSERT_TRUE(crypto->TlsPrfSha256(Bytes(64), Bytes(10, 1), zeros));
  ASSERT_TRUE(crypto->TlsPrfSha256(Bytes(600, 7), Bytes(300, 1), largest));
  EXPECT_EQ(none, zeros);  // HMAC pads its key with zeros up to a block
  EXPECT_NE(none, Bytes(48));
  EXPECT_NE(largest, none);
}

TEST_F(Derivation, PrfOf255Bytes) {
  Bytes long_one(255);
  Bytes short_one(48);
  ASSERT_TRUE(crypto->TlsPrfSha256(Counting(32), Counting(42), long_one));
  ASSERT_TRUE(crypto->TlsPrfSha256(Counting(32), Counting(42), short_one));
  EXPECT_TRUE(SameBytes(ByteView(long_one).first(48), short_one));
}

TEST_F(Derivation, PrfRefusesNoSeedAndNoOutput) {
  Bytes out(48, 0xEE);
  EXPECT_FALSE(crypto->TlsPrfSha256(Bytes(16), {}, out));
  EXPECT_EQ(out, Bytes(48, 0xEE));
  EXPECT_FALSE(crypto->TlsPrfSha256(Bytes(16), Bytes(16), {}));
#ifndef SIMROOT_TEST_MBEDTLS
  EXPECT_FALSE(crypto->TlsPrfSha256(Bytes(16), Bytes(1025), out)) << "more than OpenSSL takes";
  EXPECT_EQ(out, Bytes(48));
#endif
}

}  // namespace
}  // namespace simroot::crypto
