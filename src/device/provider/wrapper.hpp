// SPDX-License-Identifier: Apache-2.0
/// The wrapper file: a PEM file that stands in for a private key and says which key on which card is meant. It holds no
/// secret. Programs that know nothing of cards load it like any other key file.
///
///     -----BEGIN SIMROOT PRIVATE KEY-----
///     SimrootPrivateKey ::= SEQUENCE {
///       version    INTEGER (1),
///       key        CHOICE { id [0] IMPLICIT OCTET STRING (SIZE (1..20)),
///                           label [1] IMPLICIT UTF8String (SIZE (1..60)) },
///       publicKey  SubjectPublicKeyInfo,            -- id-ecPublicKey on prime256v1, uncompressed point
///       card       [2] IMPLICIT UTF8String (SIZE (1..255)) OPTIONAL }   -- card URI, used if nothing else names a card
///     -----END SIMROOT PRIVATE KEY-----
///
/// The public key lets the file load without a word to the card, and lets the first signature find out that another SIM
/// has been put in.
#pragma once

#include "device/client/card.hpp"

namespace simroot::device {

inline constexpr std::string_view kWrapperLabel = "SIMROOT PRIVATE KEY";
/// Longest card URI in a wrapper.
inline constexpr std::size_t kMaxWrapperCard = 255;
/// Longest DER a wrapper can have, with room to spare.
inline constexpr std::size_t kMaxWrapperDer = 512;

/// What a wrapper file says.
struct WrappedKey {
  ObjectName key;      ///< a private key, by identifier (1 to 20 bytes) or label (1 to 60)
  Point public_key{};  ///< 04 || X || Y; whether it lies on the curve is checked where it is used
  std::string card;    ///< card URI without spaces, or empty
};

/// The whole PEM text, lines of 64 characters. The lengths of `key` must be those above, checked where the names were
/// parsed, and `card` at most kMaxWrapperCard printable characters: anything else is a programming error.
[[nodiscard]] std::string EncodeWrapper(const WrappedKey& key);

/// Reads the DER inside a wrapper, strictly. @returns kUsage that says what is wrong with the file.
[[nodiscard]] Result<WrappedKey> DecodeWrapper(ByteView der);

/// The DER of the lines between the BEGIN and END lines of a wrapper; white space is skipped. @returns kUsage.
[[nodiscard]] Result<Bytes> DecodeWrapperBase64(std::string_view lines);

}  // namespace simroot::device
