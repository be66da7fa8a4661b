// SPDX-License-Identifier: Apache-2.0
/// Values of commands and objects as what the crypto port understands.
#pragma once

#include <optional>

#include "card/applet/features.hpp"
#include "common/crypto/port.hpp"
#include "common/iotsafe/vocabulary.hpp"

namespace simroot::card {

/// The hash that a value of tag 91 names in a command: exactly one that the applet has.
[[nodiscard]] constexpr std::optional<iotsafe::HashAlgorithm> KnownHash(std::uint16_t value) {
  const auto hash = static_cast<iotsafe::HashAlgorithm>(value);
  switch (hash) {
    case iotsafe::HashAlgorithm::kSha256:
    case iotsafe::HashAlgorithm::kSha384:
    case iotsafe::HashAlgorithm::kSha512:
      return hash;
  }
  return std::nullopt;
}

/// The signature algorithm that a value of tag 92 names in a command, of those with a key pair.
[[nodiscard]] constexpr std::optional<iotsafe::SignatureAlgorithm> KnownSignatureAlgorithm(std::uint8_t value) {
  const auto algorithm = static_cast<iotsafe::SignatureAlgorithm>(value);
  const bool known = algorithm == iotsafe::SignatureAlgorithm::kRsaPkcs1 ||
                     algorithm == iotsafe::SignatureAlgorithm::kRsaPss ||
                     algorithm == iotsafe::SignatureAlgorithm::kEcdsa;
  return known ? std::optional(algorithm) : std::nullopt;
}

/// The mode of operation that a value of tag A1 names.
[[nodiscard]] constexpr std::optional<iotsafe::OperationMode> KnownMode(std::uint8_t value) {
  const auto mode = static_cast<iotsafe::OperationMode>(value);
  const bool known = mode == iotsafe::OperationMode::kFullText || mode == iotsafe::OperationMode::kLastBlock ||
                     mode == iotsafe::OperationMode::kPadAndSign;
  return known ? std::optional(mode) : std::nullopt;
}

/// The curve of a key type; nothing for types that are not elliptic.
[[nodiscard]] constexpr std::optional<crypto::Curve> CurveOf(iotsafe::KeyType type) {
  switch (type) {
    case iotsafe::KeyType::kP256Persistent:
    case iotsafe::KeyType::kP256Volatile:
      return crypto::Curve::kP256;
    case iotsafe::KeyType::kBrainpoolP256Persistent:
    case iotsafe::KeyType::kBrainpoolP256Volatile:
      return crypto::Curve::kBrainpoolP256r1;
    case iotsafe::KeyType::kP384Persistent:
    case iotsafe::KeyType::kP384Volatile:
      return crypto::Curve::kP384;
    default:
      return std::nullopt;
  }
}

[[nodiscard]] constexpr bool IsRsa(iotsafe::KeyType type) {
  return kFeatures.rsa && type == iotsafe::KeyType::kRsa2048;
}

/// True if keys of this type sign with this algorithm.
[[nodiscard]] constexpr bool Fits(iotsafe::KeyType type, iotsafe::SignatureAlgorithm algorithm) {
  return algorithm == iotsafe::SignatureAlgorithm::kEcdsa ? CurveOf(type).has_value() : IsRsa(type);
}

/// The padding of one of the two RSA algorithms.
[[nodiscard]] constexpr crypto::RsaPadding PaddingOf(iotsafe::SignatureAlgorithm algorithm) {
  return algorithm == iotsafe::SignatureAlgorithm::kRsaPss ? crypto::RsaPadding::kPss : crypto::RsaPadding::kPkcs1;
}

}  // namespace simroot::card
