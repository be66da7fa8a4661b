// SPDX-License-Identifier: Apache-2.0
/// Throw-away CAs and certificates for tests of TLS.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "common/host/hex.hpp"
#include "common/host/secret_bytes.hpp"

namespace simroot::net::testing {

struct Free {
  void operator()(X509* x) const { X509_free(x); }
  void operator()(EVP_PKEY* x) const { EVP_PKEY_free(x); }
  void operator()(BIO* x) const { BIO_free(x); }
};

/// A certificate with its key.
struct Identity {
  std::string certificate;  ///< PEM
  std::string key;          ///< PEM
  std::shared_ptr<X509> x509;
  std::shared_ptr<EVP_PKEY> pkey;

  [[nodiscard]] SecretBytes SecretKey() const { return SecretBytes(AsBytes(key)); }
};

struct Wish {
  std::string name = "test";
  std::string alternative_names = {};  ///< as in OpenSSL's configuration: "DNS:localhost,IP:127.0.0.1"
  bool ca = false;
  bool client = false;
  long not_before_s = -3600;  ///< from now
  long not_after_s = 3600;
};

inline std::string ToText(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

inline void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

/// @param issuer nullptr: signed by itself
inline Identity MakeIdentity(const Wish& wish, const Identity* issuer) {
  static long serial = 1000;
  Identity made;
  made.pkey = {EVP_EC_gen("P-256"), Free()};
  made.x509 = {X509_new(), Free()};
  X509* const x = made.x509.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(x), wish.not_before_s);
  X509_gmtime_adj(X509_getm_notAfter(x), wish.not_after_s);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.name.c_str()), -1, -1, 0);
  X509* const parent = issuer == nullptr ? x : issuer->x509.get();
  X509_set_issuer_name(x, X509_get_subject_name(parent));
  X509_set_pubkey(x, made.pkey.get());
  AddExtension(x, parent, NID_basic_constraints, wish.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  AddExtension(x, parent, NID_subject_key_identifier, "hash");
  AddExtension(x, parent, NID_key_usage, wish.ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
  if (!wish.ca) {
    AddExtension(x, parent, NID_ext_key_usage, wish.client ? "clientAuth" : "serverAuth");
  }
  if (!wish.alternative_names.empty()) {
    AddExtension(x, parent, NID_subject_alt_name, wish.alternative_names);
  }
  X509_sign(x, (issuer == nullptr ? made.pkey : issuer->pkey).get(), EVP_sha256());
  const std::unique_ptr<BIO, Free> certificate(BIO_new(BIO_s_mem()));
  const std::unique_ptr<BIO, Free> key(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(certificate.get(), x);
  PEM_write_bio_PrivateKey(key.get(), made.pkey.get(), nullptr, nullptr, 0, nullptr, nullptr);
  made.certificate = ToText(certificate.get());
  made.key = ToText(key.get());
  return made;
}

}  // namespace simroot::net::testing
