// SPDX-License-Identifier: Apache-2.0
/// RSA against OpenSSL's own EVP interface in its default context.
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <functional>

#include "common/crypto/openssl/crypto_test_support.hpp"
#include "common/crypto/openssl/handles.hpp"
#include "common/host/test_hex.hpp"

namespace simroot::crypto {
namespace {

constexpr std::array kHashes{HashAlgorithm::kSha256, HashAlgorithm::kSha384, HashAlgorithm::kSha512};
constexpr std::array kPaddings{RsaPadding::kPkcs1, RsaPadding::kPss};

EvpPkey NewKey(unsigned bits, unsigned primes = 2, unsigned long exponent = RSA_F4) {
  const EvpPkeyCtx ctx(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  BIGNUM* const number = BN_new();
  EVP_PKEY* key = nullptr;
  EXPECT_TRUE(BN_set_word(number, exponent) == 1 && EVP_PKEY_keygen_init(ctx.get()) == 1 &&
              EVP_PKEY_CTX_set_rsa_keygen_bits(ctx.get(), static_cast<int>(bits)) == 1 &&
              EVP_PKEY_CTX_set_rsa_keygen_primes(ctx.get(), static_cast<int>(primes)) == 1 &&
              EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx.get(), number) == 1 && EVP_PKEY_generate(ctx.get(), &key) == 1);
  BN_free(number);
  return EvpPkey(key);
}

/// RSAPrivateKey of RFC 8017.
Bytes DerOf(const EvpPkey& key) {
  unsigned char* der = nullptr;
  const int size = i2d_PrivateKey(key.get(), &der);
  EXPECT_GT(size, 0);
  const Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

Bytes Pkcs8Of(const EvpPkey& key) {
  PKCS8_PRIV_KEY_INFO* const info = EVP_PKEY2PKCS8(key.get());
  unsigned char* der = nullptr;
  const int size = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
  EXPECT_GT(size, 0);
  const Bytes bytes(der, der + size);
  OPENSSL_free(der);
  PKCS8_PRIV_KEY_INFO_free(info);
  return bytes;
}

const EVP_MD* Md(HashAlgorithm hash) {
  return hash == HashAlgorithm::kSha256 ? EVP_sha256() : hash == HashAlgorithm::kSha384 ? EVP_sha384() : EVP_sha512();
}

struct Public {
  Bytes modulus = Bytes(kRsaSize);
  Bytes exponent = Bytes(kRsaExponentSize);
  [[nodiscard]] RsaPublicKey view() const { return {modulus, exponent}; }
};

/// One key for the whole file: making one takes longer than all that is done with it.
const EvpPkey& SharedKey() {
  static const EvpPkey key = NewKey(2048);
  return key;
}

class Rsa : public CryptoTest {
 protected:
  void SetUp() override {
    CryptoTest::SetUp();
    ASSERT_TRUE(crypto->RsaPublicHalf(der, half.modulus, half.exponent));
  }

  [[nodiscard]] bool IsRefused(const Bytes& bad) {
    Public other;
    Bytes signature(kRsaSize);
    const bool no_half = !crypto->RsaPublicHalf(bad, other.modulus, other.exponent);
    const bool no_signature =
        !crypto->SignRsa({bad, 77, ++generation}, RsaPadding::kPkcs1, HashAlgorithm::kSha256, Bytes(32, 1), signature);
    EXPECT_EQ(other.modulus, Bytes(kRsaSize));
    EXPECT_EQ(signature, Bytes(kRsaSize));
    return no_half && no_signature;
  }

  /// OpenSSL's signature or verification context of the shared key.
  [[nodiscard]] static EvpPkeyCtx Context(int (*init)(EVP_PKEY_CTX*), RsaPadding padding, HashAlgorithm hash) {
    EvpPkeyCtx ctx(EVP_PKEY_CTX_new_from_pkey(nullptr, SharedKey().get(), nullptr));
    const bool pss = padding == RsaPadding::kPss;
    EXPECT_TRUE(init(ctx.get()) == 1 && EVP_PKEY_CTX_set_signature_md(ctx.get(), Md(hash)) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(ctx.get(), pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) == 1 &&
                (!pss || EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx.get(), RSA_PSS_SALTLEN_DIGEST) == 1));
    return ctx;
  }

  /// @param label bytes of the OAEP label; the port knows only the empty one.
  [[nodiscard]] static Bytes EncryptOaep(HashAlgorithm hash, const Bytes& message, const std::string& label = {}) {
    const EvpPkeyCtx ctx(EVP_PKEY_CTX_new_from_pkey(nullptr, SharedKey().get(), nullptr));
    Bytes out(kRsaSize);
    std::size_t size = out.size();
    EXPECT_TRUE(EVP_PKEY_encrypt_init(ctx.get()) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_PKCS1_OAEP_PADDING) == 1 &&
                EVP_PKEY_CTX_set_rsa_oaep_md(ctx.get(), Md(hash)) == 1 &&
                EVP_PKEY_CTX_set_rsa_mgf1_md(ctx.get(), Md(hash)) == 1 &&
                (label.empty() || EVP_PKEY_CTX_set0_rsa_oaep_label(ctx.get(), OPENSSL_strdup(label.c_str()),
                                                                   static_cast<int>(label.size())) == 1) &&
                EVP_PKEY_encrypt(ctx.get(), out.data(), &size, message.data(), message.size()) == 1);
    return out;
  }

  const Bytes der = DerOf(SharedKey());
  Public half;
  std::uint32_t generation = 100;
};

TEST_F(Rsa, PublicHalfIsThatOfTheKey) {
  BIGNUM* n = nullptr;
  ASSERT_EQ(EVP_PKEY_get_bn_param(SharedKey().get(), "n", &n), 1);
  Bytes expected(kRsaSize);
  ASSERT_EQ(BN_bn2binpad(n, expected.data(), 256), 256);
  BN_free(n);
  EXPECT_EQ(ToHex(half.modulus), ToHex(expected));
  EXPECT_EQ(half.exponent, Hex("010001"));
}

TEST_F(Rsa, SignaturesAreThoseOfOpenSsl) {
  for (const HashAlgorithm hash : kHashes) {
    const Bytes digest = Digest(hash, Hex("68656C6C6F"));
    for (const RsaPadding padding : kPaddings) {
      Bytes mine(kRsaSize);
      ASSERT_TRUE(crypto->SignRsa({der, 1, 1}, padding, hash, digest, mine));
      const EvpPkeyCtx verify = Context(EVP_PKEY_verify_init, padding, hash);
      EXPECT_EQ(EVP_PKEY_verify(verify.get(), mine.data(), mine.size(), digest.data(), digest.size()), 1);

      const EvpPkeyCtx sign = Context(EVP_PKEY_sign_init, padding, hash);
      Bytes theirs(kRsaSize);
      std::size_t size = theirs.size();
      ASSERT_EQ(EVP_PKEY_sign(sign.get(), theirs.data(), &size, digest.data(), digest.size()), 1);
      EXPECT_EQ(crypto->VerifyRsa(half.view(), padding, hash, digest, theirs), VerifyResult::kValid);
      EXPECT_EQ(mine == theirs, padding == RsaPadding::kPkcs1) << "only PSS has a salt";
    }
  }
}

TEST_F(Rsa, VerificationRefusesEveryOtherThing) {
  const Bytes digest = Digest(HashAlgorithm::kSha256, Hex("68656C6C6F"));
  const Public other = [this] {
    Public made;
    EXPECT_TRUE(crypto->RsaPublicHalf(DerOf(NewKey(2048)), made.modulus, made.exponent));
    return made;
  }();
  for (const RsaPadding padding : kPaddings) {
    Bytes signature(kRsaSize);
    ASSERT_TRUE(crypto->SignRsa({der, 1, 1}, padding, HashAlgorithm::kSha256, digest, signature));
    const auto verify = [&](const RsaPublicKey& key, RsaPadding with, ByteView hashed, ByteView bytes) {
      return crypto->VerifyRsa(key, with, HashAlgorithm::kSha256, hashed, bytes);
    };
    ASSERT_EQ(verify(half.view(), padding, digest, signature), VerifyResult::kValid);
    const RsaPadding wrong = padding == RsaPadding::kPkcs1 ? RsaPadding::kPss : RsaPadding::kPkcs1;
    EXPECT_EQ(verify(half.view(), wrong, digest, signature), VerifyResult::kInvalid);
    EXPECT_EQ(verify(other.view(), padding, digest, signature), VerifyResult::kInvalid);
    EXPECT_EQ(verify(half.view(), padding, Bytes(32, 1), signature), VerifyResult::kInvalid);
    for (const std::size_t at : {std::size_t{0}, std::size_t{128}, std::size_t{255}}) {
      Bytes flipped = signature;
      flipped.at(at) ^= 1U;
      EXPECT_EQ(verify(half.view(), padding, digest, flipped), VerifyResult::kInvalid) << at;
    }
    EXPECT_EQ(verify(half.view(), padding, digest, Bytes(kRsaSize, 0xFF)), VerifyResult::kInvalid) << "above n";
    EXPECT_EQ(verify(half.view(), padding, digest, Bytes(kRsaSize)), VerifyResult::kInvalid);
    EXPECT_EQ(verify(half.view(), padding, digest, ByteView(signature).first(255)), VerifyResult::kInvalid);
    EXPECT_EQ(verify(half.view(), padding, digest, Join(signature, Bytes(1))), VerifyResult::kInvalid);
    EXPECT_EQ(verify(half.view(), padding, digest, {}), VerifyResult::kInvalid);
    EXPECT_EQ(verify(half.view(), padding, ByteView(digest).first(31), signature), VerifyResult::kError);
    EXPECT_EQ(crypto->VerifyRsa(half.view(), padding, HashAlgorithm::kSha384, Join(digest, Bytes(16)), signature),
              VerifyResult::kInvalid);
  }
}

TEST_F(Rsa, PssSaltMustBeAsLongAsTheDigest) {
  const Bytes digest(32, 5);
  const EvpPkeyCtx sign = Context(EVP_PKEY_sign_init, RsaPadding::kPss, HashAlgorithm::kSha256);
  ASSERT_EQ(EVP_PKEY_CTX_set_rsa_pss_saltlen(sign.get(), 20), 1);
  Bytes signature(kRsaSize);
  std::size_t size = signature.size();
  ASSERT_EQ(EVP_PKEY_sign(sign.get(), signature.data(), &size, digest.data(), digest.size()), 1);
  EXPECT_EQ(crypto->VerifyRsa(half.view(), RsaPadding::kPss, HashAlgorithm::kSha256, digest, signature),
            VerifyResult::kInvalid);
}

TEST_F(Rsa, PublicKeysOutsideTheRulesAreErrors) {
  const Bytes digest(32, 5);
  Bytes signature(kRsaSize);
  ASSERT_TRUE(crypto->SignRsa({der, 1, 1}, RsaPadding::kPkcs1, HashAlgorithm::kSha256, digest, signature));
  const auto verify = [&](const Bytes& modulus, const Bytes& exponent) {
    return crypto->VerifyRsa({modulus, exponent}, RsaPadding::kPkcs1, HashAlgorithm::kSha256, digest, signature);
  };
  ASSERT_EQ(verify(half.modulus, Hex("010001")), VerifyResult::kValid);
  EXPECT_EQ(verify(half.modulus, Hex("03")), VerifyResult::kInvalid);
  for (const char* bad : {"", "00", "01", "010000", "00010001", "010000000000000001"}) {
    EXPECT_EQ(verify(half.modulus, Hex(bad)), VerifyResult::kError) << bad;
  }
  Bytes even = half.modulus;
  even.back() ^= 1U;
  Bytes small = half.modulus;
  small.front() = 0x7F;
  const Bytes cut(half.modulus.begin(), half.modulus.end() - 1);
  for (const Bytes& bad : {even, small, cut, Join(Bytes(1), half.modulus), Bytes{}, Join(half.modulus, half.modulus)}) {
    EXPECT_EQ(verify(bad, Hex("010001")), VerifyResult::kError) << bad.size();
  }
}

TEST_F(Rsa, SigningRefusesWrongLengths) {
  for (const RsaPadding padding : kPaddings) {
    Bytes signature(kRsaSize, 0xEE);
    for (const std::size_t size : {0U, 31U, 33U, 48U}) {
      EXPECT_FALSE(crypto->SignRsa({der, 1, 1}, padding, HashAlgorithm::kSha256, Bytes(size), signature)) << size;
    }
    for (const std::size_t size : {0U, 255U, 257U}) {
      Bytes other(size, 0xEE);
      EXPECT_FALSE(crypto->SignRsa({der, 1, 1}, padding, HashAlgorithm::kSha256, Bytes(32), other)) << size;
      EXPECT_EQ(other, Bytes(size, 0xEE));
    }
    EXPECT_EQ(signature, Bytes(kRsaSize, 0xEE));
  }
}

TEST_F(Rsa, KeysOfOtherSizesAndFormsAreRefused) {
  EXPECT_TRUE(IsRefused(DerOf(NewKey(1024)))) << "1024 bits";
  EXPECT_TRUE(IsRefused(DerOf(NewKey(3072)))) << "3072 bits";
  EXPECT_TRUE(IsRefused(DerOf(NewKey(2048, 3)))) << "three primes";
  EXPECT_TRUE(IsRefused(Pkcs8Of(SharedKey()))) << "PKCS #8";
  EXPECT_TRUE(IsRefused({}));
  EXPECT_TRUE(IsRefused(Join(der, Bytes(1)))) << "one byte long";
  EXPECT_TRUE(IsRefused(Bytes(der.begin(), der.end() - 1))) << "one byte short";
  EXPECT_TRUE(IsRefused(Bytes(der.begin(), der.begin() + 200)));
  EXPECT_TRUE(IsRefused(Bytes(1190, 0x30)));
  const KeyPair pair = NewPair(Curve::kP256);
  EXPECT_TRUE(IsRefused(Join(Hex("30 31 02 01 01 04 20"), pair.scalar, Hex("A0 0A 06 08 2A 86 48 CE 3D 03 01 07"))))
      << "an EC key";
}

TEST_F(Rsa, ExponentsOfOtherLengthsHaveNoRoom) {
  Public other;
  EXPECT_FALSE(crypto->RsaPublicHalf(DerOf(NewKey(2048, 2, 3)), other.modulus, other.exponent));
}

TEST_F(Rsa, NumbersThatDoNotBelongTogetherAreNoticed) {
  Bytes changed = der;
  changed.back() ^= 1U;  // the CRT coefficient, the last number
  Public other;
  EXPECT_FALSE(crypto->RsaPublicHalf(changed, other.modulus, other.exponent));
  changed = der;
  changed.at(40) ^= 1U;  // inside the modulus
  EXPECT_FALSE(crypto->RsaPublicHalf(changed, other.modulus, other.exponent));
  EXPECT_EQ(other.modulus, Bytes(kRsaSize));
}

TEST_F(Rsa, PublicHalfRefusesWrongLengths) {
  for (const std::size_t size : {0U, 255U, 257U}) {
    Bytes modulus(size, 0xEE);
    Bytes exponent(3);
    EXPECT_FALSE(crypto->RsaPublicHalf(der, modulus, exponent)) << size;
    EXPECT_EQ(modulus, Bytes(size, 0xEE));
  }
  for (const std::size_t size : {0U, 2U, 4U}) {
    Bytes modulus(kRsaSize);
    Bytes exponent(size, 0xEE);
    EXPECT_FALSE(crypto->RsaPublicHalf(der, modulus, exponent)) << size;
    EXPECT_EQ(exponent, Bytes(size, 0xEE));
  }
}

TEST_F(Rsa, GeneratedKeysSignAndFit) {
  Bytes made(kMaxRsaPrivateSize);
  std::size_t size = 0;
  Public mine;
  ASSERT_TRUE(crypto->GenerateRsa(made, size, mine.modulus, mine.exponent));
  ASSERT_LE(size, kMaxRsaPrivateSize);
  ASSERT_GT(size, 1000U);
  EXPECT_EQ(mine.exponent, Hex("010001"));
  EXPECT_NE(mine.modulus, half.modulus);
  made.resize(size);
  Public again;
  ASSERT_TRUE(crypto->RsaPublicHalf(made, again.modulus, again.exponent));
  EXPECT_EQ(again.modulus, mine.modulus);
  const Bytes digest(32, 9);
  Bytes signature(kRsaSize);
  ASSERT_TRUE(crypto->SignRsa({made, 3, 1}, RsaPadding::kPss, HashAlgorithm::kSha256, digest, signature));
  EXPECT_EQ(crypto->VerifyRsa(mine.view(), RsaPadding::kPss, HashAlgorithm::kSha256, digest, signature),
            VerifyResult::kValid);
}

TEST_F(Rsa, GenerationRefusesTooLittleRoom) {
  Bytes small(600, 0xEE);
  Bytes made(kMaxRsaPrivateSize);
  std::size_t size = 7;
  Public mine;
  EXPECT_FALSE(crypto->GenerateRsa(small, size, mine.modulus, mine.exponent));
  EXPECT_EQ(small, Bytes(600, 0xEE));
  EXPECT_FALSE(crypto->GenerateRsa(made, size, ByteSpan(mine.modulus).first(255), mine.exponent));
  EXPECT_FALSE(crypto->GenerateRsa(made, size, mine.modulus, ByteSpan(mine.exponent).first(2)));
  EXPECT_EQ(made, Bytes(kMaxRsaPrivateSize));
  EXPECT_EQ(mine.modulus, Bytes(kRsaSize));
  EXPECT_EQ(size, 7U);
}

TEST_F(Rsa, OaepOpensWhatOpenSslClosed) {
  for (const HashAlgorithm hash : kHashes) {
    const std::size_t most = kRsaSize - 2 * iotsafe::DigestSize(hash) - 2;  // RFC 8017 7.1.1
    for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{32}, most}) {
      const Bytes message = Counting(length);
      Bytes out(kRsaSize);
      std::size_t size = 999;
      ASSERT_TRUE(crypto->DecryptRsaOaep({der, 1, 1}, hash, EncryptOaep(hash, message), out, size));
      ASSERT_EQ(size, length);
      EXPECT_TRUE(SameBytes(ByteView(out).first(size), message));
    }
  }
}

TEST_F(Rsa, OaepRefusesWhatWasNotMadeForIt) {
  const HashAlgorithm hash = HashAlgorithm::kSha256;
  const Bytes good = EncryptOaep(hash, Counting(32));
  std::size_t size = 7;
  const auto opens = [&](const Bytes& ciphertext, HashAlgorithm with) {
    Bytes out(kRsaSize, 0xEE);
    const bool opened = crypto->DecryptRsaOaep({der, 1, 1}, with, ciphertext, out, size);
    EXPECT_TRUE(opened || out == Bytes(kRsaSize) || out == Bytes(kRsaSize, 0xEE));
    return opened;
  };
  for (const std::size_t at : {std::size_t{0}, std::size_t{100}, std::size_t{255}}) {
    Bytes flipped = good;
    flipped.at(at) ^= 1U;
    EXPECT_FALSE(opens(flipped, hash)) << at;
  }
  EXPECT_FALSE(opens(good, HashAlgorithm::kSha384));
  EXPECT_FALSE(opens(EncryptOaep(hash, Counting(32), "label"), hash));
  EXPECT_FALSE(opens(Bytes(good.begin(), good.end() - 1), hash));
  EXPECT_FALSE(opens(Join(good, Bytes(1)), hash));
  EXPECT_FALSE(opens(Bytes(kRsaSize, 0xFF), hash));
  EXPECT_FALSE(opens({}, hash));
  Bytes small(255, 0xEE);
  EXPECT_FALSE(crypto->DecryptRsaOaep({der, 1, 1}, hash, good, small, size));
  EXPECT_EQ(small, Bytes(255, 0xEE));
  EXPECT_EQ(size, 7U);
}

#ifndef SIMROOT_TEST_MBEDTLS  // it prepares no keys
TEST_F(Rsa, PreparedKeysAreFoundByGenerationAndForgotten) {
  const Bytes digest(32, 3);
  const Bytes no_key(10);
  Bytes signature(kRsaSize);
  const auto sign = [&](const Bytes& value, std::uint16_t slot, std::uint32_t number) {
    return crypto->SignRsa({value, slot, number}, RsaPadding::kPkcs1, HashAlgorithm::kSha256, digest, signature);
  };
  ASSERT_TRUE(sign(der, 5, 1));
  EXPECT_TRUE(sign(no_key, 5, 1)) << "while the prepared form is known, the value is not looked at";
  EXPECT_FALSE(sign(no_key, 5, 2)) << "a new generation is another key";
  ASSERT_TRUE(sign(der, 5, 3));
  crypto->ForgetKey(6);
  EXPECT_TRUE(sign(no_key, 5, 3));
  crypto->ForgetKey(5);
  EXPECT_FALSE(sign(no_key, 5, 3));
}
#endif

TEST_F(Rsa, KindIsPartOfThePreparedKeysName) {
  const Bytes digest(32, 3);
  const KeyPair pair = NewPair(Curve::kP256);
  Bytes signature(kRsaSize);
  Signature ec_signature{};
  for (unsigned round = 0; round < 2; ++round) {
    ASSERT_TRUE(crypto->SignEcdsa({Curve::kP256, pair.scalar, 4, 1}, digest, ec_signature));
    EXPECT_EQ(crypto->VerifyEcdsa(Curve::kP256, pair.point, digest, ec_signature), VerifyResult::kValid);
    ASSERT_TRUE(crypto->SignRsa({der, 4, 1}, RsaPadding::kPkcs1, HashAlgorithm::kSha256, digest, signature));
    EXPECT_EQ(crypto->VerifyRsa(half.view(), RsaPadding::kPkcs1, HashAlgorithm::kSha256, digest, signature),
              VerifyResult::kValid);
  }
}

}  // namespace
}  // namespace simroot::crypto
