// SPDX-License-Identifier: Apache-2.0
/// The way to a certificate of any kind of key: OpenSSL's X509 functions. Slow, and the measure of the fast way.
#pragma once

#include "platform/authority/certificate_der.hpp"
#include "platform/authority/x509_handles.hpp"

namespace simroot::platform {

/// Who signs.
struct X509Issuer {
  const X509* certificate = nullptr;  ///< nullptr: the certificate signs itself
  EVP_PKEY* key = nullptr;
  const EVP_MD* digest = nullptr;
};

/// A signed certificate in DER. @param content its key may be any that ImportPublicKey takes.
/// @returns kInvalid for a key or an address that is not understood, kInternal if OpenSSL fails.
[[nodiscard]] Outcome<Bytes> MakeX509(const X509Issuer& issuer, const CertificateContent& content,
                                      const ExtensionPlan& plan);

}  // namespace simroot::platform
