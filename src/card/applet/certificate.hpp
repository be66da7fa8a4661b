// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/applet/public_key.hpp"

namespace simroot::card {

/// What the applet looks at in an X.509 certificate (IoT.04 H3). Views borrow.
struct Certificate {
  ByteView to_be_signed;  ///< the tbsCertificate with its tag and length
  SignatureScheme scheme = SignatureScheme::kEcdsaSha256;
  ByteView signature;            ///< content of the BIT STRING
  std::optional<PublicKey> key;  ///< the subject's; nothing if it is of a kind the applet does not know
};

/// Reads one certificate in strict DER, with nothing behind it: the outer structure, and of tbsCertificate the order
/// and tags of its parts. Names, times and extensions are not looked into.
/// @returns kBadValue for a signature algorithm other than ecdsa-with-SHA256, ecdsa-with-SHA384 and
/// sha256WithRSAEncryption, or one that differs inside and outside of tbsCertificate.
[[nodiscard]] Expected<Certificate, ParseError> ParseCertificate(ByteView der);

/// True if the certificate's signature verifies under `issuer`.
[[nodiscard]] bool IsSignedBy(const Certificate& certificate, const PublicKey& issuer, crypto::Crypto& crypto);

}  // namespace simroot::card
