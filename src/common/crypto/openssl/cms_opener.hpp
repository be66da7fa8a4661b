// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/crypto/openssl/x509_handles.hpp"
#include "common/host/error.hpp"
#include "common/host/secret_bytes.hpp"

namespace simroot::crypto {

/// Opens what was sealed for the holder of a certificate: CMS AuthEnvelopedData (RFC 5083), which does not open when it
/// was changed on its way. EnvelopedData, which nothing protects, is not taken in its place. One thread at a time.
class CmsOpener {
 public:
  /// kUsage: this is no certificate in DER, or no private key in PEM (never under a password), or they do not belong
  /// together.
  [[nodiscard]] static Result<CmsOpener> Create(ByteView certificate, ByteView private_key_pem);

  /// kCrypto: it is not sealed for that key, or it is damaged; there is only one answer for all.
  [[nodiscard]] Result<SecretBytes> Open(ByteView sealed) const;

 private:
  CmsOpener(X509Ptr certificate, EvpPkey key) : certificate_(std::move(certificate)), key_(std::move(key)) {}

  X509Ptr certificate_;
  EvpPkey key_;
};

}  // namespace simroot::crypto
