// SPDX-License-Identifier: Apache-2.0
// What the platform seals is opened in src/platform/authority/sealing_test.cpp; here is what must not open.
#include "common/crypto/openssl/cms_opener.hpp"

#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"

namespace simroot::crypto {
namespace {

/// A key with a self-signed certificate.
struct Holder {
  Holder() : key(EVP_EC_gen("P-256")), certificate(X509_new()) {
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 60);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("server"), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
    X509_set_pubkey(certificate.get(), key.get());
    X509_sign(certificate.get(), key.get(), EVP_sha256());
  }

  [[nodiscard]] Bytes Certificate() const {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    const ByteView view(der, static_cast<std::size_t>(std::max(size, 0)));
    Bytes out(view.begin(), view.end());
    OPENSSL_free(der);
    return out;
  }
  [[nodiscard]] Bytes KeyPem(const char* password = nullptr) const {
    const BioPtr memory(BIO_new(BIO_s_mem()));
    EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(memory.get(), key.get(), password == nullptr ? nullptr : EVP_aes_128_cbc(),
                                            password, password == nullptr ? 0 : 4, nullptr, nullptr),
              1);
    return Content(memory.get());
  }
  /// As the platform does, or as EnvelopedData.
  [[nodiscard]] Bytes Seal(ByteView plain, bool authenticated = true) const {
    const CmsPtr cms(authenticated ? CMS_AuthEnvelopedData_create(EVP_aes_256_gcm())
                                   : CMS_EnvelopedData_create(EVP_aes_256_cbc()));
    const BioPtr source(BIO_new_mem_buf(plain.data(), static_cast<int>(plain.size())));
    CMS_set_detached(cms.get(), 0);
    EXPECT_NE(CMS_add1_recipient_cert(cms.get(), certificate.get(), 0), nullptr);
    EXPECT_EQ(CMS_final(cms.get(), source.get(), nullptr, CMS_BINARY), 1);
    const BioPtr memory(BIO_new(BIO_s_mem()));
    EXPECT_EQ(i2d_CMS_bio(memory.get(), cms.get()), 1);
    return Content(memory.get());
  }
  static Bytes Content(BIO* memory) {
    char* start = nullptr;
    const long size = BIO_get_mem_data(memory, &start);
    const ByteView view(reinterpret_cast<const std::uint8_t*>(start), static_cast<std::size_t>(size));
    return {view.begin(), view.end()};
  }

  static inline long serial = 0;
  EvpPkey key;
  X509Ptr certificate;
};

TEST(CmsOpener, OpensForItsHolderAgainAndAgain) {
  const Holder holder;
  const auto opener = CmsOpener::Create(holder.Certificate(), holder.KeyPem());
  ASSERT_TRUE(opener) << opener.error().Text();
  for (std::size_t size = 1; size < 100; size += 31) {
    const auto opened = opener->Open(holder.Seal(Counting(size)));
    ASSERT_TRUE(opened) << opened.error().Text();
    EXPECT_TRUE(SameBytes(opened->Reveal(InsecureReveal::kForTest), Counting(size)));
  }
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(CmsOpener, OpensNothingElse) {
  const Holder holder;
  const Holder other;
  const auto opener = CmsOpener::Create(holder.Certificate(), holder.KeyPem());
  ASSERT_TRUE(opener);
  const Bytes good = holder.Seal(Counting(32));
  Bytes flipped = good;
  flipped.back() ^= 1U;
  for (const Bytes& wrong : {other.Seal(Counting(32)), holder.Seal(Counting(32), false), flipped, Bytes(), Hex("3000"),
                             Join(good, Hex("00")), Bytes(good.begin(), good.end() - 1), Bytes(300'000, 0x30)}) {
    const auto opened = opener->Open(wrong);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().domain, ErrorDomain::kCrypto);
  }
  EXPECT_TRUE(opener->Open(good));
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(CmsOpener, WantsCertificateAndKeyThatBelongTogether) {
  const Holder holder;
  const Holder other;
  EXPECT_FALSE(CmsOpener::Create(holder.Certificate(), other.KeyPem()));
  EXPECT_FALSE(CmsOpener::Create(Join(holder.Certificate(), Hex("00")), holder.KeyPem()));
  EXPECT_FALSE(CmsOpener::Create({}, holder.KeyPem()));
  EXPECT_FALSE(CmsOpener::Create(holder.Certificate(), {}));
  EXPECT_FALSE(CmsOpener::Create(holder.Certificate(), holder.KeyPem("pass"))) << "never asks for a password";
}

}  // namespace
}  // namespace simroot::crypto
