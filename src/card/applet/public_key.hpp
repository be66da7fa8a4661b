// SPDX-License-Identifier: Apache-2.0
/// Public keys and signatures in the coding of X.509 and PKCS#10 (RFC 5280, RFC 5480, RFC 8017).
#pragma once

#include "card/applet/algorithms.hpp"
#include "card/applet/document.hpp"
#include "card/applet/public_keys.hpp"
#include "common/base/result.hpp"

namespace simroot::card {

/// A public key. Views borrow.
struct PublicKey {
  std::optional<crypto::Curve> curve;  ///< nothing: RSA
  ByteView point;                      ///< uncompressed
  crypto::RsaPublicKey rsa;
};
[[nodiscard]] bool SameKey(const PublicKey& a, const PublicKey& b);

/// The public key that a store's value of this type holds (StoredObject). Nothing if the value is not as long as it
/// must be.
[[nodiscard]] std::optional<PublicKey> PublicKeyOf(iotsafe::KeyType type, ByteView value);

/// Computes the public half of a private key as the store keeps it: a scalar, or RSAPrivateKey. @param memory takes the
/// result and lives as long: kMaxPublicValue bytes. Nothing if the value is no private key of this type.
[[nodiscard]] std::optional<PublicKey> PublicHalf(crypto::Crypto& crypto, iotsafe::KeyType type, ByteView private_value,
                                                  ByteSpan memory);

/// The signature algorithms of certificates and certificate requests.
enum class SignatureScheme : std::uint8_t { kEcdsaSha256, kEcdsaSha384, kRsaSha256 };
/// The one that a key signs with: SHA-384 on P-384, SHA-256 otherwise.
[[nodiscard]] SignatureScheme SchemeOf(const PublicKey& key);
[[nodiscard]] crypto::HashAlgorithm HashOf(SignatureScheme scheme);

/// Writes a SubjectPublicKeyInfo.
void PutSubjectPublicKeyInfo(const PublicKey& key, DocumentSink& out);
/// Reads the content of a SubjectPublicKeyInfo: the three curves, and RSA-2048. @returns kBadValue for other keys,
/// which is no fault of the coding.
[[nodiscard]] Expected<PublicKey, ParseError> ParseSubjectPublicKeyInfo(ByteView content);

/// Writes an AlgorithmIdentifier.
void PutSignatureAlgorithm(SignatureScheme scheme, DocumentSink& out);
/// Reads the content of an AlgorithmIdentifier. @returns kBadValue for algorithms other than the three.
[[nodiscard]] Expected<SignatureScheme, ParseError> ParseSignatureAlgorithm(ByteView content);

/// Writes a signature as BIT STRING. @param signature raw r||s of the curve's size, or 256 bytes of RSA.
void PutSignatureBits(const PublicKey& key, ByteView signature, DocumentSink& out);

}  // namespace simroot::card
