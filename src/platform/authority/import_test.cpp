// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/authority_test_support.hpp"

#include <openssl/pem.h>

namespace simroot::platform {
namespace {

using testing::ForeignCa;
using testing::ForeignFacts;
using ::testing::HasSubstr;
using testing::kNow;
using testing::kYear;
using testing::MakeForeignCa;
using testing::Must;

class ImportTest : public testing::AuthorityFixture {
 protected:
  [[nodiscard]] std::string ErrorOf(const std::string& certificates, ByteView key,
                                    const std::string& name = "outside") {
    const auto imported = authority_->Import(name, certificates, key, kNow);
    if (imported) {
      return "no error";
    }
    EXPECT_EQ(imported.error().kind, FailureKind::kInvalid);
    return imported.error().Text();
  }
  [[nodiscard]] std::string ErrorOf(const ForeignFacts& facts) {
    const ForeignCa ca = MakeForeignCa(facts, &foreign_root_);
    return ErrorOf(ca.Pem(), ca.KeyPem());
  }

  const ForeignCa foreign_root_ = MakeForeignCa({.name = "foreign root"});
};

TEST_F(ImportTest, IssuesAsOurOwnDoes) {
  for (const char* const kind : {"P-256", "P-384", "brainpoolP256r1", "RSA:2048"}) {
    SCOPED_TRACE(kind);
    const ForeignCa ca = MakeForeignCa({.name = "outside CA", .kind = kind}, &foreign_root_);
    const CertificateAuthority record =
        Must(authority_->Import("outside", ca.Pem() + foreign_root_.Pem(), ca.KeyPem(), kNow));
    EXPECT_EQ(record.certificate, ca.certificate);
    EXPECT_TRUE(record.issues);
    EXPECT_FALSE(record.retired);
    const auto issued = authority_->Issue(record, RequestFor(device_point_));
    ASSERT_TRUE(issued) << issued.error().Text();
    EXPECT_EQ(testing::VerifyChain(issued->der, {foreign_root_.certificate}, {ca.certificate}, kNow + 1), X509_V_OK);
    EXPECT_NE(testing::VerifyChain(issued->der, {root_.certificate}, {ca.certificate}, kNow + 1), X509_V_OK);
    EXPECT_EQ(issued->not_after, kNow + kYear) << "cut at the end of the CA's own";
    const Bytes crl = Must(authority_->MakeCrl(record, {{issued->serial, kNow, ""}}, 1, kNow, kYear));
    EXPECT_EQ(testing::VerifyChain(issued->der, {foreign_root_.certificate}, {ca.certificate}, kNow + 1,
                                   X509_PURPOSE_SSL_CLIENT, {crl}),
              X509_V_ERR_CERT_REVOKED);
  }
}

TEST_F(ImportTest, TheChainGoesIntoTlsIdentities) {
  const ForeignCa middle = MakeForeignCa({.name = "middle"}, &foreign_root_);
  const ForeignCa ca = MakeForeignCa({.name = "lower"}, &middle);
  const CertificateAuthority record =
      Must(authority_->Import("outside", ca.Pem() + middle.Pem() + foreign_root_.Pem(), ca.KeyPem(), kNow));
  Restart();
  const TlsIdentity identity = Must(authority_->MakeTlsIdentity(record, {"server", "", ""}, {"localhost"}, kNow, 3600));
  const std::string& chain = identity.certificate_chain;
  EXPECT_NE(chain.find(ca.Pem()), std::string::npos);
  EXPECT_NE(chain.find(middle.Pem()), std::string::npos);
  EXPECT_LT(chain.find(ca.Pem()), chain.find(middle.Pem()));
  EXPECT_EQ(chain.find(foreign_root_.Pem()), std::string::npos) << "the root is the client's business";
}

TEST_F(ImportTest, ACaBelowAnImportedOneSendsBoth) {
  const ForeignCa ca = MakeForeignCa({.name = "upper"}, &foreign_root_);
  const CertificateAuthority upper = Must(authority_->Import("upper", ca.Pem(), ca.KeyPem(), kNow));
  const CertificateAuthority lower = Must(authority_->MakeIssuing(upper, "lower", {"lower", "", ""}, kNow, 3600));
  const TlsIdentity identity = Must(authority_->MakeTlsIdentity(lower, {"server", "", ""}, {"localhost"}, kNow, 3600));
  const std::size_t first = identity.certificate_chain.find(CertificateToPem(lower.certificate));
  const std::size_t second = identity.certificate_chain.find(ca.Pem());
  EXPECT_NE(first, std::string::npos);
  EXPECT_NE(second, std::string::npos);
  EXPECT_LT(first, second);
}

TEST_F(ImportTest, WhatIsNoCaIsRefused) {
  EXPECT_THAT(ErrorOf({.constraints = "critical,CA:FALSE"}), HasSubstr("no CA"));
  EXPECT_THAT(ErrorOf({.constraints = ""}), HasSubstr("no CA"));
  EXPECT_THAT(ErrorOf({.usage = "critical,keyCertSign"}), HasSubstr("does not let it sign"));
  EXPECT_THAT(ErrorOf({.usage = "critical,cRLSign"}),
              ::testing::AnyOf(HasSubstr("does not let it sign"), HasSubstr("no CA")));
  EXPECT_EQ(ErrorOf({.usage = ""}), "no error") << "without key usage everything is allowed (RFC 5280 4.2.1.3)";
}

TEST_F(ImportTest, TimesAreChecked) {
  EXPECT_THAT(ErrorOf({.not_before = kNow - 10, .not_after = kNow}), HasSubstr("time is over"));
  EXPECT_THAT(ErrorOf({.not_before = kNow + 1, .not_after = kNow + 10}), HasSubstr("time has not begun"));
  EXPECT_EQ(ErrorOf({.not_before = kNow, .not_after = kNow + 1}), "no error");
}

TEST_F(ImportTest, KeysThatCannotSignAreRefusedAndNotKept) {
  const auto files = [&] {
    return std::distance(std::filesystem::directory_iterator(AuthorityFolder()), std::filesystem::directory_iterator());
  };
  const auto before = files();
  EXPECT_THAT(ErrorOf({.kind = "RSA:1024"}), HasSubstr("1024 bits"));
  EXPECT_THAT(ErrorOf({.kind = "ED25519"}), HasSubstr("ed25519"));
  EXPECT_THAT(ErrorOf({.kind = "P-224"}), HasSubstr("secp224r1"));
  EXPECT_EQ(files(), before);
}

TEST_F(ImportTest, PartsThatDoNotBelongTogetherAreRefused) {
  const ForeignCa ca = MakeForeignCa({.name = "outside CA"}, &foreign_root_);
  const ForeignCa other = MakeForeignCa({.name = "outside CA"}, &foreign_root_);
  EXPECT_THAT(ErrorOf(ca.Pem(), other.KeyPem()), HasSubstr("do not belong together"));
  EXPECT_THAT(ErrorOf(foreign_root_.Pem() + ca.Pem(), ca.KeyPem()), HasSubstr("do not belong together"));
  EXPECT_THAT(ErrorOf(ca.Pem() + other.Pem(), ca.KeyPem()), HasSubstr("does not hold together"));
  const ForeignCa impostor = MakeForeignCa({.name = "foreign root"});
  EXPECT_THAT(ErrorOf(ca.Pem() + impostor.Pem(), ca.KeyPem()), HasSubstr("does not hold together"));
  EXPECT_EQ(ErrorOf(ca.Pem() + foreign_root_.Pem(), ca.KeyPem()), "no error");
}

TEST_F(ImportTest, TextThatIsNoPemIsRefused) {
  const ForeignCa ca = MakeForeignCa({.name = "outside CA"}, &foreign_root_);
  EXPECT_THAT(ErrorOf("", ca.KeyPem()), HasSubstr("no certificate in PEM"));
  EXPECT_THAT(ErrorOf("hello", ca.KeyPem()), HasSubstr("no certificate in PEM"));
  std::string damaged = ca.Pem();
  damaged.at(100) = '*';
  EXPECT_THAT(ErrorOf(damaged, ca.KeyPem()), HasSubstr("in PEM"));
  EXPECT_THAT(ErrorOf(ca.Pem() + damaged, ca.KeyPem()), HasSubstr("is damaged"));
  EXPECT_THAT(ErrorOf(ca.Pem(), AsBytes("")), HasSubstr("no private key"));
  EXPECT_THAT(ErrorOf(ca.Pem(), AsBytes(ca.Pem())), HasSubstr("no private key"));
  EXPECT_THAT(ErrorOf(ca.Pem(), ca.KeyPem(), "../x"), HasSubstr("no name for a CA"));
}

TEST_F(ImportTest, AnEncipheredKeyIsRefusedWithoutAQuestion) {
  const ForeignCa ca = MakeForeignCa({.name = "outside CA"}, &foreign_root_);
  const BioPtr memory(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(memory.get(), ca.key.get(), EVP_aes_256_cbc(), "secret", 6, nullptr, nullptr),
            1);
  EXPECT_THAT(ErrorOf(ca.Pem(), WrittenTo(memory.get())), HasSubstr("enciphered"));
}

}  // namespace
}  // namespace simroot::platform
