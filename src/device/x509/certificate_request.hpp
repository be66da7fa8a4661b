// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/client/card.hpp"

namespace simroot::device::x509 {

/// A PKCS#10 certificate request (RFC 2986) in DER whose signature comes from the card, checked before it is returned:
/// ECDSA with SHA-256, on P-384 with SHA-384; RSA PKCS#1 with SHA-256.
/// @param public_key the public half of `private_key`.
/// @param subject "/CN=x/O=y" or "CN=x,O=y", UTF-8; a backslash takes the next character as it is.
/// @returns kUsage: subject. kCrypto: the signature does not fit the public key.
[[nodiscard]] Result<Bytes> MakeCertificateRequest(Card& card, const ObjectName& private_key,
                                                   const PublicKey& public_key, const std::string& subject);

/// The digest by the host. @param hash SHA-256, SHA-384 or SHA-512.
[[nodiscard]] Result<Bytes> HashOnHost(iotsafe::HashAlgorithm hash, ByteView data);

}  // namespace simroot::device::x509
