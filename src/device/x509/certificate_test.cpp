// SPDX-License-Identifier: Apache-2.0
#include "device/x509/certificate.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace simroot::device::x509 {
namespace {

/// A self-signed certificate in both forms.
class Certificate : public testing::Test {
 protected:
  Certificate() {
    EVP_PKEY* const key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "prime256v1");
    X509* const certificate = X509_new();
    X509_set_pubkey(certificate, key);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    EXPECT_GT(X509_sign(certificate, key, EVP_sha256()), 0);
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    der_.assign(der, der + size);
    OPENSSL_free(der);
    BIO* const bio = BIO_new(BIO_s_mem());
    EXPECT_EQ(PEM_write_bio_X509(bio, certificate), 1);
    char* text = nullptr;
    const long length = BIO_get_mem_data(bio, &text);
    pem_.assign(text, text + length);
    BIO_free(bio);
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
  }

  static ErrorDomain Refused(ByteView content) {
    const auto result = CertificateIn(content, "file 02");
    EXPECT_FALSE(result);
    EXPECT_EQ(ERR_peek_error(), 0U) << "the caller's error queue";
    if (result) {
      return ErrorDomain::kUsage;
    }
    EXPECT_NE(result.error().message.find("file 02"), std::string::npos);
    return result.error().domain;
  }

  Bytes der_;
  Bytes pem_;
};

TEST_F(Certificate, IsTakenInBothForms) {
  EXPECT_EQ(CertificateIn(der_, "file 02").value_or(Bytes()), der_);
  EXPECT_EQ(CertificateIn(pem_, "file 02").value_or(Bytes()), der_);
}

TEST_F(Certificate, IsRefusedWhenDamaged) {
  Bytes content = der_;
  content.pop_back();
  EXPECT_EQ(Refused(content), ErrorDomain::kProtocol) << "short";
  content = der_;
  content.push_back(0);
  EXPECT_EQ(Refused(content), ErrorDomain::kProtocol) << "long";
  content = der_;
  content.front() ^= 1;
  EXPECT_EQ(Refused(content), ErrorDomain::kProtocol) << "another tag";
  content.assign(pem_.begin(), pem_.end() - 40);
  EXPECT_EQ(Refused(content), ErrorDomain::kProtocol) << "half a PEM";
}

TEST_F(Certificate, IsNotFoundInSomethingElse) {
  EXPECT_EQ(Refused({}), ErrorDomain::kProtocol);
  EXPECT_EQ(Refused(AsBytes("note")), ErrorDomain::kProtocol);
  EXPECT_EQ(Refused(Bytes(300, 0)), ErrorDomain::kProtocol);
  // A PEM with a password must not make OpenSSL ask for it.
  EXPECT_EQ(Refused(AsBytes("-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
                            "00112233445566778899AABBCCDDEEFF\n\nAAAA\n-----END CERTIFICATE-----\n")),
            ErrorDomain::kProtocol);
}

}  // namespace
}  // namespace simroot::device::x509
