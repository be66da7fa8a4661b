// SPDX-License-Identifier: Apache-2.0
/// The fast way to a certificate: for P-256 devices under an elliptic CA, TBSCertificate written as DER with everything
/// that does not change prepared. It makes the bytes that certificate_x509.hpp makes (certificate_test.cpp compares).
#pragma once

#include "platform/authority/profile.hpp"

namespace simroot::platform {

/// What differs from certificate to certificate.
struct CertificateContent {
  Bytes serial;  ///< big endian, 16 bytes, between 40.. and 7F..
  UnixTime not_before = 0;
  UnixTime not_after = 0;
  Bytes subject;        ///< Name in DER
  ByteView public_key;  ///< as in IssueRequest
};

/// 16 random bytes of which the first is 40 to 7F: always positive, always 16 bytes. kInternal if OpenSSL gives none.
[[nodiscard]] Outcome<Bytes> NewSerial();

/// keyIdentifier of a public key: the first 20 bytes of SHA-256 over the content of its BIT STRING (RFC 7093 2, 1).
[[nodiscard]] Bytes KeyIdentifier(ByteView public_key_bits);

/// What the issuer says the same way in all of its certificates of one profile.
class CertificateTemplate {
 public:
  /// @param issuer Name in DER. @param key_identifier subject key identifier of the issuer; empty: it has none.
  /// @param algorithm AlgorithmIdentifier of its signatures. @param plan DNS names are of no account here.
  CertificateTemplate(ByteView issuer, ByteView key_identifier, ByteView algorithm, const ExtensionPlan& plan);

  /// TBSCertificate. @param content its key is a P-256 point. @param dns_names of this device.
  [[nodiscard]] Bytes Fill(const CertificateContent& content, const std::vector<std::string>& dns_names) const;

 private:
  Bytes issuer_;
  Bytes algorithm_;
  Bytes first_extensions_;  ///< basicConstraints, keyUsage, extendedKeyUsage
  Bytes authority_key_;
  Bytes last_extensions_;  ///< CRL distribution point, authority information access
};

}  // namespace simroot::platform
