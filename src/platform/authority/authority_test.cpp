// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/authority.hpp"

#include <sys/stat.h>

#include <fstream>
#include <set>
#include <thread>

#include "common/host/file_io.hpp"
#include "platform/authority/authority_test_support.hpp"
#include "platform/authority/pem.hpp"

namespace simroot::platform {
namespace {

using ::testing::HasSubstr;
using testing::kNow;
using testing::kYear;
using testing::Must;
using testing::NewKey;
using testing::VerifyChain;

class AuthorityTest : public testing::AuthorityFixture {
 protected:
  [[nodiscard]] FailureKind IssueError(const IssueRequest& request) {
    const auto issued = authority_->Issue(issuing_, request);
    return issued ? FailureKind::kUnavailable : issued.error().kind;
  }
  [[nodiscard]] int Verify(ByteView certificate, UnixTime at = kNow + 1, int purpose = X509_PURPOSE_SSL_CLIENT) const {
    return VerifyChain(certificate, {root_.certificate}, {issuing_.certificate}, at, purpose);
  }
};

TEST_F(AuthorityTest, RootAndIssuingCaAreWhatTheySay) {
  EXPECT_EQ(root_.name, "root");
  EXPECT_FALSE(root_.issues);
  EXPECT_TRUE(issuing_.issues);
  EXPECT_EQ(root_.created, kNow);
  EXPECT_EQ(testing::SubjectText(root_.certificate), "CN=Test root,O=Example");
  EXPECT_EQ(testing::ExtensionText(root_.certificate, NID_basic_constraints), "critical CA:TRUE, pathlen:1");
  EXPECT_EQ(testing::ExtensionText(issuing_.certificate, NID_basic_constraints), "critical CA:TRUE, pathlen:0");
  EXPECT_EQ(testing::ExtensionText(issuing_.certificate, NID_key_usage), "critical Certificate Sign, CRL Sign");
  EXPECT_EQ(testing::ExtensionText(root_.certificate, NID_authority_key_identifier), "");
  EXPECT_EQ(VerifyChain(issuing_.certificate, {root_.certificate}, {}, kNow + 1, X509_PURPOSE_CRL_SIGN), X509_V_OK);
}

TEST_F(AuthorityTest, ADeviceCertificateIsAcceptedAndMinimal) {
  const IssuedCertificate issued = Must(authority_->Issue(issuing_, RequestFor(device_point_)));
  EXPECT_EQ(Verify(issued.der), X509_V_OK);
  EXPECT_NE(Verify(issued.der, kNow + 1, X509_PURPOSE_SSL_SERVER), X509_V_OK);
  EXPECT_LT(issued.der.size(), 520U);
  EXPECT_EQ(issued.serial.size(), 32U);
  EXPECT_EQ(testing::SubjectText(issued.der), "serialNumber=89880000000000000011,CN=meter-17,O=Example");
  EXPECT_EQ(testing::ExtensionText(issued.der, NID_basic_constraints), "critical CA:FALSE");
  EXPECT_EQ(testing::ExtensionText(issued.der, NID_key_usage), "critical Digital Signature");
  EXPECT_EQ(testing::ExtensionText(issued.der, NID_ext_key_usage), "TLS Web Client Authentication");
  EXPECT_EQ(testing::ExtensionText(issued.der, NID_subject_alt_name), "");
  EXPECT_EQ(testing::ExtensionText(issued.der, NID_authority_key_identifier),
            testing::ExtensionText(issuing_.certificate, NID_subject_key_identifier));
  const X509Ptr parsed = Must(ParseCertificate(issued.der));
  const ASN1_INTEGER* const serial = X509_get0_serialNumber(parsed.get());
  EXPECT_EQ(ToHex({serial->data, static_cast<std::size_t>(serial->length)}), issued.serial);
  EXPECT_EQ(EVP_PKEY_eq(X509_get0_pubkey(parsed.get()), device_key_.get()), 1);
}

TEST_F(AuthorityTest, TimeIsWhatVerifiersSee) {
  const IssuedCertificate issued = Must(authority_->Issue(issuing_, RequestFor(device_point_)));
  EXPECT_EQ(Verify(issued.der, kNow), X509_V_OK);
  EXPECT_EQ(Verify(issued.der, kNow + kYear - 1), X509_V_OK);
  IssueRequest later = RequestFor(device_point_);
  later.not_before = kNow + 100;
  EXPECT_EQ(Verify(Must(authority_->Issue(issuing_, later)).der, kNow + 99), X509_V_ERR_CERT_NOT_YET_VALID);
  EXPECT_EQ(Verify(issued.der, kNow + kYear + 1), X509_V_ERR_CERT_HAS_EXPIRED);
}

TEST_F(AuthorityTest, SlowClocksSeeValidCasAndServers) {
  const TlsIdentity server = Must(authority_->MakeTlsIdentity(issuing_, {"x", "", ""}, {"localhost"}, kNow, 60));
  const auto chain = Must(ReadPemCertificates(server.certificate_chain));
  const Bytes leaf = EncodeDer(chain.front().get(), i2d_X509);
  const auto verify = [&](UnixTime at) { return Verify(leaf, at, X509_PURPOSE_SSL_SERVER); };
  EXPECT_EQ(verify(kNow - 3600), X509_V_OK);
  EXPECT_EQ(verify(kNow - 3601), X509_V_ERR_CERT_NOT_YET_VALID);
  EXPECT_EQ(verify(kNow + 59), X509_V_OK);
  EXPECT_EQ(verify(kNow + 61), X509_V_ERR_CERT_HAS_EXPIRED);
}

TEST_F(AuthorityTest, NothingOutlivesItsCa) {
  IssueRequest request = RequestFor(device_point_);
  request.not_after = kNow + 50 * kYear;
  const IssuedCertificate issued = Must(authority_->Issue(issuing_, request));
  EXPECT_EQ(issued.not_after, kNow + 5 * kYear);
  EXPECT_EQ(Verify(issued.der, kNow + 5 * kYear - 1), X509_V_OK);
  request.not_before = kNow + 5 * kYear;
  EXPECT_EQ(IssueError(request), FailureKind::kInvalid);
  const CertificateAuthority long_lived =
      Must(authority_->MakeIssuing(root_, "issuing-2", {"Long", "", ""}, kNow, 90 * kYear));
  request.not_before = kNow;
  EXPECT_EQ(Must(authority_->Issue(long_lived, request)).not_after, kNow + 20 * kYear);
}

TEST_F(AuthorityTest, ImpossibleTimesAreRefused) {
  IssueRequest request = RequestFor(device_point_);
  for (const auto& [from, to] : std::vector<std::pair<UnixTime, UnixTime>>{
           {kNow, kNow}, {kNow, kNow - 1}, {-1, kNow}, {kNow, 253'402'300'800}, {kNow, -1}}) {
    request.not_before = from;
    request.not_after = to;
    EXPECT_EQ(IssueError(request), FailureKind::kInvalid) << from << " " << to;
  }
  for (const std::int64_t lifetime : {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::max(),
                                      std::numeric_limits<std::int64_t>::min()}) {
    EXPECT_FALSE(authority_->MakeRoot("r", {"r", "", ""}, kNow, lifetime)) << lifetime;
    EXPECT_FALSE(authority_->MakeIssuing(root_, "i", {"i", "", ""}, kNow, lifetime)) << lifetime;
    EXPECT_FALSE(authority_->MakeTlsIdentity(issuing_, {"t", "", ""}, {}, kNow, lifetime)) << lifetime;
  }
}

TEST_F(AuthorityTest, EveryKindOfDeviceKey) {
  for (const char* const kind : {"P-256", "brainpoolP256r1", "P-384", "P-521", "RSA:2048", "ED25519"}) {
    SCOPED_TRACE(kind);
    const EvpPkey key = NewKey(kind);
    const IssuedCertificate issued = Must(authority_->Issue(issuing_, RequestFor(testing::PublicKeyInfoOf(key.get()))));
    EXPECT_EQ(Verify(issued.der), X509_V_OK);
    EXPECT_EQ(EVP_PKEY_eq(X509_get0_pubkey(Must(ParseCertificate(issued.der)).get()), key.get()), 1);
  }
}

TEST_F(AuthorityTest, BadKeysAreRefused) {
  Bytes off = device_point_;
  off.back() ^= 1;
  Bytes off_info = testing::PublicKeyInfoOf(device_key_.get());
  off_info.back() ^= 1;
  const Bytes info = testing::PublicKeyInfoOf(device_key_.get());
  for (const Bytes& wrong :
       {off, off_info, Bytes(), Bytes(65), Hex("04"), Join(info, Hex("00")),
        Bytes(device_point_.begin(), device_point_.end() - 1), Join(device_point_, Hex("00")),
        testing::PublicKeyInfoOf(NewKey("RSA:1024").get()), testing::PublicKeyInfoOf(NewKey("P-224").get())}) {
    EXPECT_EQ(IssueError(RequestFor(wrong)), FailureKind::kInvalid) << ToHex(wrong);
  }
}

TEST_F(AuthorityTest, ProfilesDecide) {
  WriteProfile("gateway", R"({"server_auth": true, "key_agreement": true, "crl_url": "http://ca.example/1.crl",
    "ocsp_url": "http://ca.example/ocsp", "dns_names": ["{name}.devices.example"], "key_types": ["p256", "p384"]})");
  Restart();
  for (const char* const kind : {"P-256", "P-384"}) {
    const Bytes key = testing::PublicKeyOf(NewKey(kind).get());
    IssueRequest request = RequestFor(key);
    request.profile = "gateway";
    const IssuedCertificate issued = Must(authority_->Issue(issuing_, request));
    EXPECT_EQ(Verify(issued.der), X509_V_OK);
    EXPECT_EQ(Verify(issued.der, kNow + 1, X509_PURPOSE_SSL_SERVER), X509_V_OK);
    EXPECT_EQ(testing::ExtensionText(issued.der, NID_key_usage), "critical Digital Signature, Key Agreement");
    EXPECT_EQ(testing::ExtensionText(issued.der, NID_subject_alt_name), "DNS:meter-17.devices.example");
    EXPECT_THAT(testing::ExtensionText(issued.der, NID_crl_distribution_points), HasSubstr("http://ca.example/1.crl"));
    EXPECT_THAT(testing::ExtensionText(issued.der, NID_info_access), HasSubstr("OCSP - URI:http://ca.example/ocsp"));
  }
  IssueRequest request = RequestFor(device_point_);
  request.profile = "gateway";
  request.subject.common_name = "my meter";
  EXPECT_EQ(IssueError(request), FailureKind::kInvalid) << "no DNS name";
  const Bytes rsa = testing::PublicKeyOf(NewKey("RSA:2048").get());
  request = RequestFor(rsa);
  request.profile = "gateway";
  EXPECT_EQ(IssueError(request), FailureKind::kInvalid) << "kind of key";
  request = RequestFor(device_point_);
  request.profile = "none";
  EXPECT_EQ(IssueError(request), FailureKind::kInvalid) << "unknown profile";
}

TEST_F(AuthorityTest, RetiredAndAbsentCasIssueNothing) {
  CertificateAuthority retired = issuing_;
  retired.retired = true;
  CertificateAuthority absent = issuing_;
  absent.key_file.clear();
  for (const CertificateAuthority& ca : {retired, absent}) {
    EXPECT_EQ(authority_->Issue(ca, RequestFor(device_point_)).error().kind, FailureKind::kConflict);
    EXPECT_EQ(authority_->MakeTlsIdentity(ca, {"x", "", ""}, {}, kNow, 1).error().kind, FailureKind::kConflict);
    EXPECT_EQ(authority_->MakeIssuing(ca, "i", {"x", "", ""}, kNow, 1).error().kind, FailureKind::kConflict);
  }
  EXPECT_EQ(authority_->MakeIssuing(issuing_, "i", {"x", "", ""}, kNow, kYear).error().kind, FailureKind::kInvalid)
      << "path length";
}

TEST_F(AuthorityTest, AnotherTenantsDeviceIsRefused) {
  const CertificateAuthority other_root = Must(authority_->MakeRoot("root", {"Test root", "", "Example"}, kNow, kYear));
  const CertificateAuthority other =
      Must(authority_->MakeIssuing(other_root, "issuing-1", {"Test issuing CA", "", "Example"}, kNow, kYear));
  const IssuedCertificate issued = Must(authority_->Issue(other, RequestFor(device_point_)));
  EXPECT_EQ(VerifyChain(issued.der, {other_root.certificate}, {other.certificate}, kNow + 1), X509_V_OK);
  EXPECT_NE(Verify(issued.der), X509_V_OK);
  EXPECT_NE(VerifyChain(issued.der, {root_.certificate}, {other.certificate}, kNow + 1), X509_V_OK);
}

TEST_F(AuthorityTest, KeysSurviveARestartSealed) {
  Restart();
  EXPECT_TRUE(authority_->Issue(issuing_, RequestFor(device_point_)));
  EXPECT_TRUE(authority_->MakeIssuing(root_, "issuing-2", {"x", "", ""}, kNow, kYear));
  struct stat status {};
  const std::string path = AuthorityFolder() + "/" + issuing_.key_file;
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  ASSERT_EQ(::stat(AuthorityFolder().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0700U);
  // prime256v1's identifier stands in every PKCS#8 file of such a key, and not in this one.
  const Bytes content = *ReadWholeFile(path, 10000);
  const Bytes mark = Hex("06082A8648CE3D030107");
  EXPECT_EQ(std::search(content.begin(), content.end(), mark.begin(), mark.end()), content.end());
}

TEST_F(AuthorityTest, KeyFilesOfOthersAreRefused) {
  Restart();
  CertificateAuthority swapped = issuing_;
  swapped.key_file = root_.key_file;
  EXPECT_EQ(authority_->Issue(swapped, RequestFor(device_point_)).error().kind, FailureKind::kInternal);
  CertificateAuthority renamed = issuing_;
  renamed.name = "another";
  EXPECT_EQ(authority_->Issue(renamed, RequestFor(device_point_)).error().kind, FailureKind::kInternal);
  for (const char* const wrong : {"../vault/kek-1", "/etc/passwd", "kek-1", ".key", "x/y.key"}) {
    CertificateAuthority record = issuing_;
    record.key_file = wrong;
    EXPECT_EQ(authority_->Issue(record, RequestFor(device_point_)).error().kind, FailureKind::kInvalid) << wrong;
  }
  CertificateAuthority missing = issuing_;
  missing.key_file = "none.key";
  EXPECT_EQ(authority_->Issue(missing, RequestFor(device_point_)).error().kind, FailureKind::kUnavailable);
  CertificateAuthority damaged = issuing_;
  damaged.certificate = Hex("3000");
  EXPECT_EQ(authority_->Issue(damaged, RequestFor(device_point_)).error().kind, FailureKind::kInvalid);
}

TEST_F(AuthorityTest, NamesAndSubjectsAreChecked) {
  for (const char* const wrong : {"", "Root", "a/b", "..", "a b"}) {
    EXPECT_FALSE(authority_->MakeRoot(wrong, {"x", "", ""}, kNow, kYear)) << wrong;
    EXPECT_FALSE(authority_->MakeIssuing(root_, wrong, {"x", "", ""}, kNow, kYear)) << wrong;
  }
  EXPECT_FALSE(authority_->MakeRoot("r", {}, kNow, kYear));
  IssueRequest request = RequestFor(device_point_);
  request.subject = {};
  EXPECT_EQ(IssueError(request), FailureKind::kInvalid);
  request.subject.common_name = "a\nb";
  EXPECT_EQ(IssueError(request), FailureKind::kInvalid);
}

TEST_F(AuthorityTest, TlsServersAndClients) {
  const TlsIdentity server = Must(authority_->MakeTlsIdentity(
      issuing_, {"platform", "", ""}, {"localhost", "127.0.0.1", "::1", "*.example"}, kNow, kYear));
  const auto chain = Must(ReadPemCertificates(server.certificate_chain));
  ASSERT_EQ(chain.size(), 2U);
  const Bytes leaf = EncodeDer(chain.front().get(), i2d_X509);
  EXPECT_EQ(EncodeDer(chain.back().get(), i2d_X509), issuing_.certificate);
  EXPECT_EQ(Verify(leaf, kNow + 1, X509_PURPOSE_SSL_SERVER), X509_V_OK);
  EXPECT_NE(Verify(leaf), X509_V_OK) << "no client";
  EXPECT_EQ(testing::ExtensionText(leaf, NID_subject_alt_name),
            "DNS:localhost, DNS:*.example, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1");
  const EvpPkey key = Must(ReadPemKey(server.private_key.Reveal(InsecureReveal::kForTest)));
  EXPECT_EQ(EVP_PKEY_eq(X509_get0_pubkey(chain.front().get()), key.get()), 1);
  for (const char* const wrong : {"", "a b", "*", "*.", "a.*.b", "256.0.0.1.", "http://x"}) {
    EXPECT_FALSE(authority_->MakeTlsIdentity(issuing_, {"x", "", ""}, {wrong}, kNow, kYear)) << wrong;
  }

  const TlsIdentity client = Must(authority_->MakeTlsIdentity(root_, {"server-1", "", ""}, {}, kNow, kYear));
  const auto alone = Must(ReadPemCertificates(client.certificate_chain));
  ASSERT_EQ(alone.size(), 1U) << "the root is not sent";
  const Bytes client_leaf = EncodeDer(alone.front().get(), i2d_X509);
  EXPECT_EQ(Verify(client_leaf), X509_V_OK);
  EXPECT_NE(Verify(client_leaf, kNow + 1, X509_PURPOSE_SSL_SERVER), X509_V_OK);
}

TEST_F(AuthorityTest, ServersOfOthersGetClientCertificates) {
  const Bytes csr = testing::MakeRequest(device_key_.get(), {"CN", "whatever it wants"});
  const Bytes certificate = Must(authority_->IssueTlsClient(issuing_, csr, {"server-1", "", "Example"}, kNow, kYear));
  EXPECT_EQ(Verify(certificate), X509_V_OK);
  EXPECT_EQ(testing::SubjectText(certificate), "CN=server-1,O=Example") << "the platform names it, not the request";
  Bytes damaged = csr;
  damaged.back() ^= 1;
  EXPECT_EQ(authority_->IssueTlsClient(issuing_, damaged, {"server-1", "", ""}, kNow, kYear).error().kind,
            FailureKind::kInvalid);
}

TEST_F(AuthorityTest, CertificateToPemIsReadByOpenSsl) {
  const auto read = Must(ReadPemCertificates(CertificateToPem(root_.certificate)));
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(EncodeDer(read.front().get(), i2d_X509), root_.certificate);
}

TEST_F(AuthorityTest, ManyThreadsIssueAtOnce) {
  Restart();
  constexpr int kThreads = 4;
  constexpr int kRounds = 100;
  std::vector<std::set<std::string>> serials(kThreads);
  std::vector<std::thread> threads;
  const Bytes csr = testing::MakeRequest(device_key_.get(), {"CN", "x"});
  for (std::set<std::string>& mine : serials) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) {
        const auto checked = authority_->CheckRequest(csr);
        if (checked) {
          const auto issued = authority_->Issue(issuing_, RequestFor(checked->public_key));
          if (issued && X509_verify(Must(ParseCertificate(issued->der)).get(),
                                    X509_get0_pubkey(Must(ParseCertificate(issuing_.certificate)).get())) == 1) {
            mine.insert(issued->serial);
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::set<std::string> all;
  for (const std::set<std::string>& mine : serials) {
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kThreads * kRounds));
}

}  // namespace
}  // namespace simroot::platform
