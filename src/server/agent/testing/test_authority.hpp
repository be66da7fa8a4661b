// SPDX-License-Identifier: Apache-2.0
/// A throw-away CA that makes CRLs.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

#include "common/host/hex.hpp"

namespace simroot::server::testing {

class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name)
      : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), certificate_(X509_new(), X509_free) {
    X509* const x = certificate_.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, key_.get());
    X509_sign(x, key_.get(), EVP_sha256());
  }

  [[nodiscard]] std::string Pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_X509(memory.get(), certificate_.get());
    char* text = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &text);
    return {text, static_cast<std::size_t>(size)};
  }

  /// @param serials hexadecimal. @param lifetime_s 0: without nextUpdate
  [[nodiscard]] Bytes Crl(const std::vector<std::string>& serials, long begin_s = -60, long lifetime_s = 3600) const {
    const std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)> crl(X509_CRL_new(), X509_CRL_free);
    X509_CRL_set_version(crl.get(), 1);
    X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(certificate_.get()));
    const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> time(ASN1_TIME_new(), ASN1_TIME_free);
    X509_gmtime_adj(time.get(), begin_s);
    X509_CRL_set1_lastUpdate(crl.get(), time.get());
    for (const std::string& serial : serials) {
      BIGNUM* number = nullptr;
      BN_hex2bn(&number, serial.c_str());
      ASN1_INTEGER* const integer = BN_to_ASN1_INTEGER(number, nullptr);
      X509_REVOKED* const revoked = X509_REVOKED_new();
      X509_REVOKED_set_serialNumber(revoked, integer);
      X509_REVOKED_set_revocationDate(revoked, time.get());
      X509_CRL_add0_revoked(crl.get(), revoked);
      ASN1_INTEGER_free(integer);
      BN_free(number);
    }
    if (lifetime_s != 0) {
      X509_gmtime_adj(time.get(), begin_s + lifetime_s);
      X509_CRL_set1_nextUpdate(crl.get(), time.get());
    }
    X509_CRL_sign(crl.get(), key_.get(), EVP_sha256());
    unsigned char* der = nullptr;
    const int size = i2d_X509_CRL(crl.get(), &der);
    Bytes bytes(der, der + size);
    OPENSSL_free(der);
    return bytes;
  }

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> certificate_;
};

}  // namespace simroot::server::testing
