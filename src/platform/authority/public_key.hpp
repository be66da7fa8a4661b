// SPDX-License-Identifier: Apache-2.0
/// Public keys of devices, in the form that IssueRequest wants: a P-256 point of 65 bytes, or SubjectPublicKeyInfo.
#pragma once

#include <optional>

#include "platform/authority/x509_handles.hpp"

namespace simroot::platform {

/// A key that OpenSSL has understood and that is good enough for a certificate.
struct KnownKey {
  EvpPkey key;
  std::string type;  ///< p256, brainpoolP256r1, p384, p521, rsa2048, rsa3072, ..., ed25519, ed448
};

/// @param public_key a point or SubjectPublicKeyInfo. @returns kInvalid if it is neither, the point is not on its
/// curve, the curve has less than 256 bits or is not named, or an RSA key has less than 2048 bits or a weak exponent.
[[nodiscard]] Outcome<KnownKey> ImportPublicKey(ByteView public_key);
/// The same judgement of a key that came inside of something else.
[[nodiscard]] Outcome<std::string> JudgePublicKey(EVP_PKEY* key);
/// The point of a P-256 key, SubjectPublicKeyInfo of any other.
[[nodiscard]] Outcome<Bytes> ExportPublicKey(EVP_PKEY* key);
/// The point in the SubjectPublicKeyInfo of an uncompressed P-256 key, borrowed; a point itself stays what it is;
/// nothing for everything else.
[[nodiscard]] std::optional<ByteView> P256PointIn(ByteView public_key);
/// True if an uncompressed P-256 point is on the curve. About a microsecond.
[[nodiscard]] bool IsOnP256(ByteView point);

/// A key from the uncompressed point of a named curve ("P-256", "P-384", "brainpoolP256r1"). Empty if it is not on it.
[[nodiscard]] EvpPkey KeyFromPoint(const char* curve, ByteView point);
/// A key from modulus and exponent, big endian. Empty if OpenSSL refuses.
[[nodiscard]] EvpPkey KeyFromRsaNumbers(ByteView modulus, ByteView exponent);

}  // namespace simroot::platform
