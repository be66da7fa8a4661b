// SPDX-License-Identifier: Apache-2.0
/// Certificates and certificate requests by OpenSSL, for tests.
#pragma once

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "common/host/test_hex.hpp"

namespace simroot::x509 {

template <auto kFree>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Request = std::unique_ptr<X509_REQ, Deleter<X509_REQ_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;

/// A new key: "P-256", "P-384", "brainpoolP256r1" or "RSA".
inline Key NewKey(const std::string& kind) {
  Key key(kind == "RSA" ? EVP_RSA_gen(2048U) : EVP_EC_gen(kind.c_str()));
  SR_CHECK(key != nullptr);
  return key;
}

inline Bytes PointOf(const EVP_PKEY* key) {
  Bytes point(200);
  std::size_t size = 0;
  SR_CHECK(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &size) == 1);
  point.resize(size);
  return point;
}
inline Bytes NumberOf(const EVP_PKEY* key, const char* name, std::size_t size) {
  BIGNUM* number = nullptr;
  Bytes bytes(size);
  SR_CHECK(EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
           BN_bn2binpad(number, bytes.data(), static_cast<int>(size)) == static_cast<int>(size));
  BN_free(number);
  return bytes;
}
/// Tag 34 as IoT.05 codes it.
inline Bytes PublicKeyData(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    return Join(Hex("3482010D49820109 81820100"), NumberOf(key, OSSL_PKEY_PARAM_RSA_N, 256), Hex("8203010001"));
  }
  const Bytes point = PointOf(key);
  const auto length = [&](std::size_t more) { return Bytes{LowByte(point.size() + more)}; };
  return Join(Hex("34"), length(4), Hex("49"), length(2), Hex("86"), length(0), point);
}
/// The private key as LOAD KEY takes it.
inline Bytes PrivateValue(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    Bytes der(2000);
    std::uint8_t* out = der.data();
    const int size = i2d_PrivateKey(key, &out);
    SR_CHECK(size > 0);
    der.resize(static_cast<std::size_t>(size));
    return der;
  }
  return NumberOf(key, OSSL_PKEY_PARAM_PRIV_KEY, PointOf(key).size() / 2);
}

/// X.501 name with one common name, in DER.
inline Bytes Name(const std::string& common_name) {
  X509_NAME* name = X509_NAME_new();
  SR_CHECK(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(common_name.data()),
                                      static_cast<int>(common_name.size()), -1, 0) == 1);
  Bytes der(400);
  std::uint8_t* out = der.data();
  der.resize(static_cast<std::size_t>(i2d_X509_NAME(name, &out)));
  X509_NAME_free(name);
  return der;
}

/// What OpenSSL makes of a request; nullptr unless it is one whole request whose signature verifies.
inline Request ParseRequest(ByteView der) {
  const std::uint8_t* in = der.data();
  Request request(d2i_X509_REQ(nullptr, &in, static_cast<long>(der.size())));
  if (request == nullptr || in != der.data() + der.size() ||
      X509_REQ_verify(request.get(), X509_REQ_get0_pubkey(request.get())) != 1) {
    return nullptr;
  }
  return request;
}
inline std::string CommonNameOf(const X509_REQ* request) {
  std::string text(100, '\0');
  const int size = X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(request), NID_commonName, text.data(), 100);
  text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return text;
}

/// A certificate for `subject_key`, signed by `issuer_key` with this digest, in DER.
inline Bytes MakeCertificate(EVP_PKEY* subject_key, EVP_PKEY* issuer_key, const EVP_MD* digest = EVP_sha256()) {
  const Certificate certificate(X509_new());
  X509* const raw = certificate.get();
  SR_CHECK(X509_set_version(raw, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(raw), 1234) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(raw), 0) != nullptr &&
           X509_gmtime_adj(X509_getm_notAfter(raw), 86400) != nullptr && X509_set_pubkey(raw, subject_key) == 1);
  X509_NAME* const name = X509_get_subject_name(raw);
  SR_CHECK(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("device"), -1,
                                      -1, 0) == 1 &&
           X509_set_issuer_name(raw, name) == 1 && X509_sign(raw, issuer_key, digest) > 0);
  Bytes der(3000);
  std::uint8_t* out = der.data();
  der.resize(static_cast<std::size_t>(i2d_X509(raw, &out)));
  return der;
}

/// True if `signature` (raw r||s, or RSA) over `message` is `key`'s.
inline bool Verifies(EVP_PKEY* key, ByteView message, ByteView signature, const EVP_MD* digest = EVP_sha256()) {
  Bytes coded(signature.begin(), signature.end());
  if (EVP_PKEY_is_a(key, "RSA") != 1) {
    ECDSA_SIG* const pair = ECDSA_SIG_new();
    const int half = static_cast<int>(signature.size() / 2);
    SR_CHECK(ECDSA_SIG_set0(pair, BN_bin2bn(signature.data(), half, nullptr),
                            BN_bin2bn(signature.data() + half, half, nullptr)) == 1);
    coded.resize(200);
    std::uint8_t* out = coded.data();
    coded.resize(static_cast<std::size_t>(i2d_ECDSA_SIG(pair, &out)));
    ECDSA_SIG_free(pair);
  }
  EVP_MD_CTX* const ctx = EVP_MD_CTX_new();
  const bool verified = EVP_DigestVerifyInit(ctx, nullptr, digest, nullptr, key) == 1 &&
                        EVP_DigestVerify(ctx, coded.data(), coded.size(), message.data(), message.size()) == 1;
  EVP_MD_CTX_free(ctx);
  return verified;
}

}  // namespace simroot::x509
