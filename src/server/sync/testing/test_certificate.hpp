// SPDX-License-Identifier: Apache-2.0
/// Certificates and sealed secrets for tests of this folder, as the platform makes them.
#pragma once

#include <gtest/gtest.h>

#include "common/crypto/openssl/x509_handles.hpp"
#include "common/host/hex.hpp"
#include "common/host/secret_bytes.hpp"

namespace simroot::server::testing {

struct Validity {
  std::int64_t not_before = 1'700'000'000;
  std::int64_t not_after = 4'000'000'000;
};

[[nodiscard]] inline std::string ContentOf(BIO* memory) {
  char* start = nullptr;
  const long size = BIO_get_mem_data(memory, &start);
  return {start, static_cast<std::size_t>(size)};
}

[[nodiscard]] inline crypto::EvpPkey KeyOf(const SecretBytes& pem) {
  const ByteView text = pem.Reveal(InsecureReveal::kForTest);
  const crypto::BioPtr source(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  return crypto::EvpPkey(PEM_read_bio_PrivateKey(source.get(), nullptr, nullptr, nullptr));
}

/// PEM.
[[nodiscard]] inline std::string SelfSigned(const SecretBytes& key_pem, const Validity& validity) {
  const crypto::EvpPkey key = KeyOf(key_pem);
  const crypto::X509Ptr certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 17);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), validity.not_before);
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), validity.not_after);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("web-1"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  X509_set_pubkey(certificate.get(), key.get());
  EXPECT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
  const crypto::BioPtr memory(BIO_new(BIO_s_mem()));
  EXPECT_EQ(PEM_write_bio_X509(memory.get(), certificate.get()), 1);
  return ContentOf(memory.get());
}

/// CMS AuthEnvelopedData for the holder of a certificate in DER.
[[nodiscard]] inline Bytes SealFor(ByteView certificate, ByteView plain) {
  const unsigned char* at = certificate.data();
  const crypto::X509Ptr holder(d2i_X509(nullptr, &at, static_cast<long>(certificate.size())));
  const crypto::CmsPtr cms(CMS_AuthEnvelopedData_create(EVP_aes_256_gcm()));
  // OpenSSL takes no null pointer for no bytes.
  const crypto::BioPtr source(
      BIO_new_mem_buf(plain.empty() ? certificate.data() : plain.data(), static_cast<int>(plain.size())));
  CMS_set_detached(cms.get(), 0);
  EXPECT_NE(CMS_add1_recipient_cert(cms.get(), holder.get(), 0), nullptr);
  EXPECT_EQ(CMS_final(cms.get(), source.get(), nullptr, CMS_BINARY), 1);
  const crypto::BioPtr memory(BIO_new(BIO_s_mem()));
  EXPECT_EQ(i2d_CMS_bio(memory.get(), cms.get()), 1);
  const std::string der = ContentOf(memory.get());
  const ByteView view = AsBytes(der);
  return {view.begin(), view.end()};
}

}  // namespace simroot::server::testing
