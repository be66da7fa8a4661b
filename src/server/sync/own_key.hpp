// SPDX-License-Identifier: Apache-2.0
/// The server's own key and certificate, PEM.
#pragma once

#include "common/host/error.hpp"
#include "common/host/hex.hpp"
#include "common/host/secret_bytes.hpp"
#include "server/directory/credential.hpp"

namespace simroot::server {

/// A new P-256 key: PKCS#8, PEM, not enciphered.
[[nodiscard]] Result<SecretBytes> MakeKey();

/// A certificate request for `key`, PEM. The platform writes the name into the certificate, whatever the request says.
[[nodiscard]] Result<std::string> MakeRequest(const SecretBytes& key);

/// What is read of a certificate.
struct OwnCertificate {
  Bytes der;
  UnixTime not_before = 0;
  UnixTime not_after = 0;
};
/// The first certificate of PEM text, which must belong to `key`. kCrypto if there is none, or of another key.
[[nodiscard]] Result<OwnCertificate> ReadOwnCertificate(std::string_view pem, const SecretBytes& key);

/// The private key's block of PEM text, as it stands there; empty: there is none.
[[nodiscard]] SecretBytes FindKey(ByteView pem);

}  // namespace simroot::server
