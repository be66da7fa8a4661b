// SPDX-License-Identifier: Apache-2.0
/// Public keys of a card as X.509 and OpenSSL write them: SubjectPublicKeyInfo (RFC 5280 4.1.2.7). No library is asked.
#pragma once

#include <optional>

#include "common/crypto/port.hpp"
#include "device/client/card.hpp"

namespace simroot::device::x509 {

/// The curve that a key type stands for; nothing for RSA and secret keys.
[[nodiscard]] std::optional<crypto::Curve> CurveOf(iotsafe::KeyType type);

/// SubjectPublicKeyInfo in DER: P-256 91 bytes, brainpoolP256r1 92, P-384 120, RSA-2048 with a three-byte exponent 294.
/// Empty if the key's parts do not have the sizes of its type.
[[nodiscard]] Bytes EncodePublicKeyInfo(const PublicKey& key);

/// The point in a SubjectPublicKeyInfo of an elliptic key, uncompressed, on one of the three curves; borrowed from
/// `der`. Nothing for everything else. Whether the point is on the curve is not checked.
[[nodiscard]] std::optional<ByteView> PointInPublicKeyInfo(ByteView der);

}  // namespace simroot::device::x509
