// SPDX-License-Identifier: Apache-2.0
#include "card/applet/certificate.hpp"

#include <gtest/gtest.h>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "personalisation/x509.hpp"

namespace simroot::card {
namespace {

/// The key as the store would hold it; `memory` keeps the bytes.
PublicKey KeyOf(const EVP_PKEY* key, Bytes& memory) {
  PublicKey result;
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    memory = Join(x509::NumberOf(key, OSSL_PKEY_PARAM_RSA_N, 256), Hex("010001"));
    result.rsa = {ByteView(memory).first(256), ByteView(memory).last(3)};
    return result;
  }
  memory = x509::PointOf(key);
  result.curve = memory.size() == 97 ? crypto::Curve::kP384 : crypto::Curve::kP256;
  result.point = memory;
  return result;
}

class CertificateTest : public ::testing::TestWithParam<const char*> {
 protected:
  const EVP_MD* Digest() const { return std::string_view(GetParam()) == "P-384" ? EVP_sha384() : EVP_sha256(); }

  std::unique_ptr<crypto::OpenSslCrypto> crypto_ = crypto::OpenSslCrypto::Create();
  x509::Key issuer_ = x509::NewKey(GetParam());
  x509::Key subject_ = x509::NewKey("P-256");
  Bytes der_ = x509::MakeCertificate(subject_.get(), issuer_.get(), Digest());
};

TEST_P(CertificateTest, IsReadAndVerified) {
  const auto certificate = ParseCertificate(der_);
  ASSERT_TRUE(certificate);
  Bytes issuer_memory;
  Bytes subject_memory;
  EXPECT_TRUE(IsSignedBy(*certificate, KeyOf(issuer_.get(), issuer_memory), *crypto_));
  EXPECT_FALSE(IsSignedBy(*certificate, KeyOf(x509::NewKey(GetParam()).get(), issuer_memory), *crypto_));
  ASSERT_TRUE(certificate->key);
  EXPECT_TRUE(SameKey(*certificate->key, KeyOf(subject_.get(), subject_memory)));
}

TEST_P(CertificateTest, NoByteMayDiffer) {
  Bytes memory;
  const PublicKey issuer = KeyOf(issuer_.get(), memory);
  for (std::size_t i = 0; i < der_.size(); ++i) {
    Bytes flipped = der_;
    flipped[i] = LowByte(flipped[i] ^ 0x01U);
    const auto certificate = ParseCertificate(flipped);
    EXPECT_FALSE(certificate && IsSignedBy(*certificate, issuer, *crypto_)) << "byte " << i;
  }
}

TEST_P(CertificateTest, NoByteMayBeMissingOrAdded) {
  for (std::size_t size = 0; size < der_.size(); ++size) {
    EXPECT_FALSE(ParseCertificate(ByteView(der_).first(size))) << size;
  }
  EXPECT_EQ(ParseCertificate(Join(der_, Bytes(1))).error(), ParseError::kTrailingBytes);
}

INSTANTIATE_TEST_SUITE_P(Issuers, CertificateTest, ::testing::Values("P-256", "P-384", "RSA"), [](const auto& issuer) {
  return std::string(issuer.param[0] == 'R' ? "Rsa" : issuer.param[2] == '2' ? "P256" : "P384");
});

TEST(Certificate, OfOtherKeysIsReadWithoutTheKey) {
  const x509::Key issuer = x509::NewKey("P-256");
  const x509::Key subject(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const auto certificate = ParseCertificate(x509::MakeCertificate(subject.get(), issuer.get()));
  ASSERT_TRUE(certificate);
  EXPECT_FALSE(certificate->key);
}

TEST(Certificate, OfOtherAlgorithmsIsRefused) {
  const x509::Key issuer = x509::NewKey("P-256");
  EXPECT_EQ(ParseCertificate(x509::MakeCertificate(issuer.get(), issuer.get(), EVP_sha512())).error(),
            ParseError::kBadValue);
  const x509::Key rsa = x509::NewKey("RSA");
  EXPECT_EQ(ParseCertificate(x509::MakeCertificate(issuer.get(), rsa.get(), EVP_sha1())).error(),
            ParseError::kBadValue);
}

}  // namespace
}  // namespace simroot::card
