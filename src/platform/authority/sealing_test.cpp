// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/openssl/cms_opener.hpp"
#include "platform/authority/authority_test_support.hpp"
#include "platform/authority/pem.hpp"

namespace simroot::platform {
namespace {

using testing::ForeignCa;
using testing::MakeForeignCa;
using testing::Must;

[[nodiscard]] Result<SecretBytes> OpenSealed(ByteView sealed, ByteView certificate, ByteView key) {
  SR_TRY(const auto opener, crypto::CmsOpener::Create(certificate, key));
  return opener.Open(sealed);
}

class SealingTest : public ::testing::Test {
 protected:
  [[nodiscard]] static ForeignCa Holder(const std::string& kind) {
    return MakeForeignCa({.name = "server", .kind = kind, .constraints = "", .usage = ""});
  }
  [[nodiscard]] static Bytes Open(ByteView sealed, const ForeignCa& holder) {
    const auto opened = OpenSealed(sealed, holder.certificate, holder.KeyPem());
    if (!opened) {
      EXPECT_EQ(opened.error().domain, ErrorDomain::kCrypto);
      return Hex("EE");
    }
    const ByteView bytes = opened->Reveal(InsecureReveal::kForTest);
    return {bytes.begin(), bytes.end()};
  }
};

TEST_F(SealingTest, OpensForItsHolderOnly) {
  for (const char* const kind : {"P-256", "P-384", "brainpoolP256r1", "RSA:2048"}) {
    SCOPED_TRACE(kind);
    const ForeignCa holder = Holder(kind);
    const ForeignCa other = Holder(kind);
    for (const std::size_t size : std::vector<std::size_t>{1, 16, 32, 64, 5000}) {
      const auto sealed = SealForCertificate(holder.certificate, Counting(size));
      ASSERT_TRUE(sealed) << sealed.error().Text();
      EXPECT_EQ(Open(*sealed, holder), Counting(size));
      EXPECT_EQ(Open(*sealed, other), Hex("EE"));
    }
  }
}

TEST_F(SealingTest, NothingIsAValueToo) {
  const ForeignCa holder = Holder("P-256");
  EXPECT_EQ(Open(Must(SealForCertificate(holder.certificate, {})), holder), Bytes());
}

TEST_F(SealingTest, UsesAlgorithmsOfToday) {
  const auto text = [](ByteView sealed) {
    const auto cms = DecodeDer<CmsPtr>(sealed, d2i_CMS_ContentInfo);
    const BioPtr memory(BIO_new(BIO_s_mem()));
    SR_CHECK(cms && CMS_ContentInfo_print_ctx(memory.get(), cms.get(), 0, nullptr) == 1);
    return std::string(AsText(WrittenTo(memory.get())));
  };
  const std::string elliptic = text(Must(SealForCertificate(Holder("P-256").certificate, Counting(32))));
  EXPECT_THAT(elliptic, ::testing::HasSubstr("id-smime-ct-authEnvelopedData"));
  EXPECT_THAT(elliptic, ::testing::HasSubstr("aes-256-gcm"));
  EXPECT_THAT(elliptic, ::testing::HasSubstr("dhSinglePass-stdDH-sha256kdf-scheme"));
  const std::string rsa = text(Must(SealForCertificate(Holder("RSA:2048").certificate, Counting(32))));
  EXPECT_THAT(rsa, ::testing::HasSubstr("rsaesOaep"));
  EXPECT_THAT(rsa, ::testing::HasSubstr("sha256"));
}

TEST_F(SealingTest, EveryFlippedBitIsFoundOrChangesNothing) {
  const ForeignCa holder = Holder("P-256");
  const Bytes key = holder.KeyPem();
  const Bytes sealed = Must(SealForCertificate(holder.certificate, Counting(32)));
  std::size_t harmless = 0;
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    Bytes damaged = sealed;
    damaged.at(i) = LowByte(damaged.at(i) ^ (1U << (i % 8)));
    const auto opened = OpenSealed(damaged, holder.certificate, key);
    if (opened) {
      // A number of a version or a name that nobody computes with; the value is the value.
      ++harmless;
      EXPECT_TRUE(SameBytes(opened->Reveal(InsecureReveal::kForTest), Counting(32))) << i;
    }
  }
  EXPECT_LT(harmless, sealed.size() / 10);
}

TEST_F(SealingTest, CutsAndTailsAreFound) {
  const ForeignCa holder = Holder("P-256");
  const Bytes sealed = Must(SealForCertificate(holder.certificate, Counting(32)));
  for (std::size_t size = 0; size < sealed.size(); size += 7) {
    EXPECT_EQ(Open(ByteView(sealed).first(size), holder), Hex("EE")) << size;
  }
  EXPECT_EQ(Open(Join(sealed, Hex("00")), holder), Hex("EE"));
}

TEST_F(SealingTest, EnvelopedDataWithoutATagIsRefused) {
  const ForeignCa holder = Holder("P-256");
  const X509Ptr certificate = Must(ParseCertificate(holder.certificate));
  STACK_OF(X509)* const holders = sk_X509_new_null();
  ASSERT_GT(sk_X509_push(holders, certificate.get()), 0);
  const Bytes plain = Counting(32);
  const CmsPtr cms(CMS_encrypt(holders, ReadingFrom(plain).get(), EVP_aes_256_cbc(), CMS_BINARY));
  sk_X509_free(holders);
  ASSERT_TRUE(cms);
  EXPECT_EQ(Open(EncodeDer(cms.get(), i2d_CMS_ContentInfo), holder), Hex("EE"));
}

TEST_F(SealingTest, WhatIsNoCertificateOrKeyIsSaid) {
  const ForeignCa holder = Holder("P-256");
  EXPECT_EQ(SealForCertificate(Hex("3000"), Counting(3)).error().kind, FailureKind::kInvalid);
  EXPECT_EQ(SealForCertificate(holder.certificate, Bytes(65537)).error().kind, FailureKind::kInvalid);
  const Bytes sealed = Must(SealForCertificate(holder.certificate, Counting(3)));
  EXPECT_FALSE(OpenSealed(sealed, holder.certificate, AsBytes("no key")));
  EXPECT_FALSE(OpenSealed(sealed, Hex("3000"), holder.KeyPem()));
}

}  // namespace
}  // namespace simroot::platform
