// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "common/base/bytes.hpp"

namespace simroot::pkcs11 {

/// The fields of an X.509 certificate that PKCS#11 shows (RFC 5280 4.1). Views borrow from the certificate.
struct CertificateFields {
  ByteView serial_number;  ///< INTEGER, tag and length included
  ByteView issuer;         ///< Name, tag and length included
  ByteView subject;        ///< Name, tag and length included
  /// What is behind the "unused bits" byte of subjectPublicKey: a point, or RSAPublicKey in DER.
  ByteView public_key;
  ByteView modulus;  ///< RSA: without leading zeros; empty otherwise
};

/// Reads the fields. Nothing if the bytes are not one DER certificate. Signatures and validity are not looked at.
[[nodiscard]] std::optional<CertificateFields> ParseCertificate(ByteView der);

}  // namespace simroot::pkcs11
