// SPDX-License-Identifier: Apache-2.0
// The openssl program judges what the authority makes.
#include <sys/wait.h>

#include <array>
#include <cstdio>

#include "common/host/file_io.hpp"
#include "platform/authority/authority_test_support.hpp"

namespace simroot::platform {
namespace {

using ::testing::HasSubstr;
using testing::kNow;
using testing::kYear;
using testing::Must;
using ::testing::Not;

struct Answer {
  int status = -1;
  std::string text;  ///< both outputs
};

class OpensslProgram : public testing::AuthorityFixture {
 protected:
  OpensslProgram() {
    Save("root.pem", CertificateToPem(root_.certificate));
    Save("issuing.pem", CertificateToPem(issuing_.certificate));
  }
  [[nodiscard]] std::string In(const std::string& name) const { return folder_.path() + "/" + name; }
  void Save(const std::string& name, std::string_view text) const { Save(name, AsBytes(text)); }
  void Save(const std::string& name, ByteView bytes) const {
    SR_CHECK(WriteFileAtomically(In(name), bytes, 0600).has_value());
  }
  /// Runs `openssl ARGUMENTS` in the folder, without the system's configuration.
  [[nodiscard]] Answer Run(const std::string& arguments) const {
    const std::string command =
        "cd '" + folder_.path() + "' && OPENSSL_CONF=/dev/null openssl " + arguments + " 2>&1 < /dev/null";
    Answer answer;
    std::FILE* const pipe = ::popen(command.c_str(), "r");
    SR_CHECK(pipe != nullptr);
    std::array<char, 4096> block{};
    while (const std::size_t got = std::fread(block.data(), 1, block.size(), pipe)) {
      answer.text.append(block.data(), got);
    }
    const int status = ::pclose(pipe);
    answer.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return answer;
  }
  [[nodiscard]] Answer Verify(ByteView certificate, UnixTime at, const std::string& more = "") const {
    Save("device.pem", CertificateToPem(certificate));
    return Run("verify -x509_strict -purpose sslclient -CAfile root.pem -untrusted issuing.pem -attime " +
               std::to_string(at) + " " + more + " device.pem");
  }
  [[nodiscard]] IssuedCertificate IssueOne(const CertificateAuthority& ca) {
    return Must(authority_->Issue(ca, RequestFor(device_point_)));
  }
};

TEST_F(OpensslProgram, AcceptsADevice) {
  const IssuedCertificate issued = IssueOne(issuing_);
  const Answer answer = Verify(issued.der, kNow + 1);
  EXPECT_EQ(answer.status, 0) << answer.text;
  EXPECT_THAT(answer.text, HasSubstr("device.pem: OK"));
}

TEST_F(OpensslProgram, RefusesWrongTimesAndTenants) {
  const IssuedCertificate issued = IssueOne(issuing_);
  const Answer early = Verify(issued.der, kNow - 1);
  EXPECT_EQ(early.status, 2);
  EXPECT_THAT(early.text, HasSubstr("not yet valid"));
  const Answer late = Verify(issued.der, kNow + kYear + 1);
  EXPECT_EQ(late.status, 2);
  EXPECT_THAT(late.text, HasSubstr("certificate has expired"));
  // Another tenant whose CAs have the very same names.
  const CertificateAuthority other_root = Must(authority_->MakeRoot("root", {"Test root", "", "Example"}, kNow, kYear));
  const CertificateAuthority other =
      Must(authority_->MakeIssuing(other_root, "issuing-1", {"Test issuing CA", "", "Example"}, kNow, kYear));
  const IssuedCertificate foreign = IssueOne(other);
  EXPECT_EQ(Verify(foreign.der, kNow + 1).status, 2);
  Save("issuing.pem", CertificateToPem(other.certificate));
  EXPECT_EQ(Verify(foreign.der, kNow + 1).status, 2);
  Save("root.pem", CertificateToPem(other_root.certificate));
  EXPECT_EQ(Verify(foreign.der, kNow + 1).status, 0) << "at home it is welcome";
}

TEST_F(OpensslProgram, PrintsWhatIsInIt) {
  Save("device.der", IssueOne(issuing_).der);
  const Answer answer = Run("x509 -inform DER -in device.der -noout -text -nameopt utf8,sep_comma_plus");
  ASSERT_EQ(answer.status, 0) << answer.text;
  for (const char* const line :
       {"Version: 3 (0x2)", "Signature Algorithm: ecdsa-with-SHA256", "Issuer: O=Example,CN=Test issuing CA",
        "Subject: O=Example,CN=meter-17,serialNumber=89880000000000000011", "Not Before: Sep 21 14:13:20 2026 GMT",
        "Not After : Sep 21 14:13:20 2027 GMT", "ASN1 OID: prime256v1", "X509v3 Basic Constraints: critical",
        "CA:FALSE", "X509v3 Key Usage: critical", "Digital Signature", "TLS Web Client Authentication"}) {
    EXPECT_THAT(answer.text, HasSubstr(line));
  }
  EXPECT_THAT(answer.text, Not(HasSubstr("Subject Alternative Name")));
}

TEST_F(OpensslProgram, ReadsAndHeedsCrls) {
  const IssuedCertificate bad = IssueOne(issuing_);
  const IssuedCertificate good = IssueOne(issuing_);
  const Bytes crl =
      Must(authority_->MakeCrl(issuing_, {{bad.serial, kNow, "keyCompromise"}, {"01", kNow, ""}}, 42, kNow, 86400));
  Save("ca.crl", crl);
  const Answer checked = Run("crl -inform DER -in ca.crl -CAfile issuing.pem -noout");
  EXPECT_EQ(checked.status, 0);
  EXPECT_THAT(checked.text, HasSubstr("verify OK"));
  const Answer printed = Run("crl -inform DER -in ca.crl -noout -text");
  for (const std::string& line :
       {std::string("Version 2 (0x1)"), std::string("Next Update: Sep 22 14:13:20 2026 GMT"),
        "Serial Number: " + bad.serial, std::string("Key Compromise"), std::string("X509v3 CRL Number")}) {
    EXPECT_THAT(printed.text, HasSubstr(line));
  }
  ASSERT_EQ(Run("crl -inform DER -in ca.crl -out ca-crl.pem").status, 0);
  const Answer revoked = Verify(bad.der, kNow + 1, "-crl_check -CRLfile ca-crl.pem");
  EXPECT_EQ(revoked.status, 2);
  EXPECT_THAT(revoked.text, HasSubstr("certificate revoked"));
  EXPECT_EQ(Verify(good.der, kNow + 1, "-crl_check -CRLfile ca-crl.pem").status, 0);
  EXPECT_THAT(Verify(good.der, kNow + 90000, "-crl_check -CRLfile ca-crl.pem").text, HasSubstr("CRL has expired"));
}

TEST_F(OpensslProgram, MakesRequestsThatAreAccepted) {
  for (const char* const kind : {"-newkey ec -pkeyopt ec_paramgen_curve:P-256",
                                 "-newkey ec -pkeyopt ec_paramgen_curve:P-384", "-newkey rsa:2048"}) {
    SCOPED_TRACE(kind);
    ASSERT_EQ(Run(std::string("req -new -nodes -keyout k.pem -outform DER -out r.der -subj /CN=x ") + kind).status, 0);
    const Bytes csr = *ReadWholeFile(In("r.der"), 10000);
    const CheckedRequest checked = Must(authority_->CheckRequest(csr));
    const IssuedCertificate issued = Must(authority_->Issue(issuing_, RequestFor(checked.public_key)));
    EXPECT_EQ(Verify(issued.der, kNow + 1).status, 0);
    // The same key: what k.pem signs, the certificate verifies.
    Save("device.pem", CertificateToPem(issued.der));
    Save("text", "text");
    ASSERT_EQ(Run("dgst -sha256 -sign k.pem -out s text").status, 0);
    ASSERT_EQ(Run("x509 -in device.pem -noout -pubkey -out p.pem").status, 0);
    EXPECT_THAT(Run("dgst -sha256 -verify p.pem -signature s text").text, HasSubstr("Verified OK"));
  }
}

TEST_F(OpensslProgram, OpensWhatIsSealedForIt) {
  for (const char* const kind : {"-newkey ec -pkeyopt ec_paramgen_curve:P-256", "-newkey rsa:2048"}) {
    SCOPED_TRACE(kind);
    ASSERT_EQ(Run(std::string("req -x509 -nodes -keyout k.pem -out c.pem -days 2 -subj /CN=server ") + kind).status, 0);
    ASSERT_EQ(Run("x509 -in c.pem -outform DER -out c.der").status, 0);
    Save("sealed", Must(SealForCertificate(*ReadWholeFile(In("c.der"), 10000), AsBytes("the secret"))));
    const Answer opened = Run("cms -decrypt -binary -inform DER -in sealed -recip c.pem -inkey k.pem");
    EXPECT_EQ(opened.status, 0) << opened.text;
    EXPECT_EQ(opened.text, "the secret");
    ASSERT_EQ(Run(std::string("req -x509 -nodes -keyout k2.pem -out c2.pem -days 2 -subj /CN=server ") + kind).status,
              0);
    EXPECT_NE(Run("cms -decrypt -binary -inform DER -in sealed -recip c2.pem -inkey k2.pem").status, 0);
  }
}

TEST_F(OpensslProgram, TakesTlsIdentities) {
  const TlsIdentity identity =
      Must(authority_->MakeTlsIdentity(issuing_, {"platform", "", ""}, {"localhost", "127.0.0.1"}, kNow, kYear));
  Save("chain.pem", identity.certificate_chain);
  Save("key.pem", identity.private_key.Reveal(InsecureReveal::kForTest));
  const std::string verify = "verify -x509_strict -purpose sslserver -CAfile root.pem -untrusted chain.pem -attime " +
                             std::to_string(kNow + 1);
  EXPECT_EQ(Run(verify + " -verify_hostname localhost chain.pem").status, 0);
  EXPECT_EQ(Run(verify + " -verify_ip 127.0.0.1 chain.pem").status, 0);
  EXPECT_EQ(Run(verify + " -verify_hostname example.com chain.pem").status, 2);
  EXPECT_EQ(Run(verify + " -verify_ip 127.0.0.2 chain.pem").status, 2);
  EXPECT_EQ(Run("pkey -in key.pem -check -noout").status, 0);
}

}  // namespace
}  // namespace simroot::platform
