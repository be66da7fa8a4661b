// SPDX-License-Identifier: Apache-2.0
/// Public keys between the form in which the store keeps them and the one that tag 34 carries.
#pragma once

#include <optional>

#include "common/crypto/port.hpp"
#include "common/iotsafe/objects.hpp"

namespace simroot::card {

/// Bytes of the longest public key in the store: modulus and exponent of an RSA key.
inline constexpr std::size_t kMaxPublicValue = crypto::kRsaSize + iotsafe::kMaxRsaExponentSize;

/// Modulus and exponent of an RSA key as the store keeps it, one behind the other; nothing if it has no such size. The
/// result borrows.
[[nodiscard]] std::optional<crypto::RsaPublicKey> RsaKeyOf(ByteView value);

/// What tag 34 shall carry for a key of `type` with this value in the store. The result borrows.
[[nodiscard]] iotsafe::PublicKeyView ViewOf(iotsafe::KeyType type, ByteView value);

/// Writes the form of the store to `out` if `key` is a valid key of `type`: a point on its curve, or an RSA-2048 key
/// with an odd exponent of 3 or more. Otherwise false.
[[nodiscard]] bool PutPublicValue(crypto::Crypto& crypto, iotsafe::KeyType type, const iotsafe::PublicKeyView& key,
                                  ByteWriter& out);

}  // namespace simroot::card
