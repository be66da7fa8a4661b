// SPDX-License-Identifier: Apache-2.0
// Both ways to a certificate make the same bytes.
#include <random>

#include "platform/authority/authority_test_support.hpp"
#include "platform/authority/certificate_x509.hpp"
#include "platform/authority/der.hpp"
#include "platform/authority/signing_key.hpp"
#include "platform/authority/subject.hpp"

namespace simroot::platform {
namespace {

using testing::ForeignCa;
using testing::ForeignFacts;
using testing::MakeForeignCa;
using testing::Must;

/// TBSCertificate of a certificate.
Bytes SignedPart(ByteView certificate) {
  ByteReader outer(certificate);
  ByteView content;
  SR_CHECK(der::Read(outer, der::kSequence, content) && outer.empty());
  ByteReader reader(content);
  ByteView whole;
  ByteView inner;
  SR_CHECK(der::ReadWhole(reader, der::kSequence, whole, inner));
  return {whole.begin(), whole.end()};
}

class TwoWays : public ::testing::Test {
 protected:
  void Use(const ForeignFacts& facts) {
    ca_ = MakeForeignCa(facts);
    certificate_ = Must(ParseCertificate(ca_.certificate));
    SR_CHECK(EVP_PKEY_up_ref(ca_.key.get()) == 1);
    key_ = Must(SigningKey::Make(EvpPkey(ca_.key.get())));
    issuer_ = EncodeDer(X509_get_subject_name(certificate_.get()), i2d_X509_NAME);
    const ASN1_OCTET_STRING* const identifier = X509_get0_subject_key_id(certificate_.get());
    key_identifier_ = identifier != nullptr ? Bytes(identifier->data, identifier->data + identifier->length) : Bytes();
  }
  /// Makes it both ways. @returns the fast way's.
  Bytes MakeBoth(const CertificateContent& content, const ExtensionPlan& plan) {
    const CertificateTemplate prepared(issuer_, key_identifier_, key_->algorithm(), plan);
    const Bytes fast = Must(key_->SignDocument(prepared.Fill(content, plan.dns_names)));
    const Bytes slow = Must(MakeX509({certificate_.get(), key_->key(), key_->digest()}, content, plan));
    EXPECT_EQ(ToHex(SignedPart(fast)), ToHex(SignedPart(slow)));
    const X509Ptr parsed = Must(ParseCertificate(fast));
    EXPECT_EQ(X509_verify(parsed.get(), ca_.key.get()), 1);
    EXPECT_EQ(X509_check_purpose(parsed.get(), X509_PURPOSE_SSL_CLIENT, 0), plan.client_auth ? 1 : 0);
    EXPECT_EQ(X509_check_purpose(parsed.get(), X509_PURPOSE_SSL_SERVER, 0), plan.server_auth ? 1 : 0);
    EXPECT_EQ(EncodeDer(parsed.get(), i2d_X509), fast);
    return fast;
  }
  [[nodiscard]] CertificateContent Content(const Subject& subject = {"meter-17", "89880000000000000011",
                                                                     "Example"}) const {
    CertificateContent content;
    content.serial = Must(NewSerial());
    content.not_before = testing::kNow;
    content.not_after = testing::kNow + testing::kYear;
    content.subject = Must(EncodeSubject(subject));
    content.public_key = point_;
    return content;
  }
  [[nodiscard]] static ExtensionPlan DevicePlan() {
    ExtensionPlan plan;
    plan.client_auth = true;
    return plan;
  }

  ForeignCa ca_;
  X509Ptr certificate_;
  std::unique_ptr<SigningKey> key_;
  Bytes issuer_;
  Bytes key_identifier_;
  const Bytes point_ = testing::PublicKeyOf(testing::NewKey("P-256").get());
};

TEST_F(TwoWays, EveryCombinationOfExtensions) {
  Use({});
  for (unsigned bits = 0; bits < 64; ++bits) {
    SCOPED_TRACE(bits);
    ExtensionPlan plan;
    plan.client_auth = (bits & 1U) != 0;
    plan.server_auth = (bits & 2U) != 0;
    if (!plan.client_auth && !plan.server_auth) {
      continue;  // no profile says so
    }
    plan.key_agreement = (bits & 4U) != 0;
    plan.crl_url = (bits & 8U) != 0 ? "http://ca.example/" + std::string(100, 'c') + ".crl" : "";
    plan.ocsp_url = (bits & 16U) != 0 ? "http://ca.example/ocsp" : "";
    plan.dns_names = (bits & 32U) != 0 ? std::vector<std::string>{"a.example", std::string(63, 'b') + ".example"}
                                       : std::vector<std::string>{};
    MakeBoth(Content(), plan);
  }
}

TEST_F(TwoWays, AllTimes) {
  Use({});
  for (const auto& [from, to] : std::vector<std::pair<UnixTime, UnixTime>>{{0, 1},
                                                                           {2524607998, 2524607999},
                                                                           {2524607999, 2524608000},
                                                                           {2524608000, der::kMaxTime},
                                                                           {951782399, 951868800}}) {
    CertificateContent content = Content();
    content.not_before = from;
    content.not_after = to;
    MakeBoth(content, DevicePlan());
  }
}

TEST_F(TwoWays, AllKindsOfEllipticCa) {
  for (const char* const kind : {"P-256", "brainpoolP256r1", "P-384"}) {
    SCOPED_TRACE(kind);
    Use({.name = "CA", .kind = kind});
    MakeBoth(Content(), DevicePlan());
  }
}

TEST_F(TwoWays, UnderRsaAndWithoutKeyIdentifier) {
  Use({.kind = "RSA:2048"});
  MakeBoth(Content(), DevicePlan());
  Use({.key_identifier = ""});
  MakeBoth(Content(), DevicePlan());
  EXPECT_TRUE(key_identifier_.empty());
  Use({.key_identifier = "0102030405"});
  MakeBoth(Content(), DevicePlan());
}

// Subjects of every shape; the seed is fixed.
TEST_F(TwoWays, ManySubjects) {
  Use({});
  std::mt19937 random(20261122);
  const std::vector<std::string> characters{"a",
                                            "Z",
                                            "0",
                                            " ",
                                            "=",
                                            ",",
                                            "\"",
                                            "\\",
                                            "+",
                                            "<",
                                            "#",
                                            ";",
                                            "/",
                                            "*",
                                            "'",
                                            "\xC3\xA4",
                                            "\xC2\x80",
                                            "\xE2\x82\xAC",
                                            "\xF0\x9F\x94\x91",
                                            "\xEF\xBF\xBD"};
  const auto text = [&](std::size_t kinds) {
    std::string made;
    for (std::size_t left = random() % 65; left > 0; --left) {
      made += characters.at(random() % kinds);
    }
    return made;
  };
  constexpr std::size_t kPrintable = 5;  // of those above
  for (int round = 0; round < 200; ++round) {
    Subject subject{text(characters.size()), "", text(characters.size())};
    std::string serial = text(kPrintable);
    subject.serial_number = serial;
    subject.common_name += subject.common_name.empty() && subject.organization.empty() ? "x" : "";
    SCOPED_TRACE(round);
    MakeBoth(Content(subject), DevicePlan());
  }
}

TEST_F(TwoWays, SerialNumbers) {
  Use({});
  for (const char* const serial :
       {"40000000000000000000000000000000", "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "4080FF00112233445566778899AABBCC"}) {
    CertificateContent content = Content();
    content.serial = Hex(serial);
    MakeBoth(content, DevicePlan());
  }
  for (int i = 0; i < 1000; ++i) {
    const Bytes serial = Must(NewSerial());
    ASSERT_EQ(serial.size(), 16U);
    ASSERT_TRUE(serial.front() >= 0x40 && serial.front() <= 0x7F);
  }
}

TEST_F(TwoWays, TheDeviceOfTheBuiltInProfileIsShort) {
  Use({.name = "Example issuing CA 1"});
  const Bytes certificate =
      MakeBoth(Content({"0123456789abcdefghijklmn", "89880000000000000011", "Example Utilities"}), DevicePlan());
  EXPECT_LT(certificate.size(), 520U);
}

}  // namespace
}  // namespace simroot::platform
