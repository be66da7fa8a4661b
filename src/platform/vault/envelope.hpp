// SPDX-License-Identifier: Apache-2.0
/// The sealed value of docs/formats/vault.md as bytes: a random data key under a key encryption key (KEK), and the
/// value under the data key, both AES-256-GCM. No files in here.
#pragma once

#include <optional>

#include "common/host/secret_bytes.hpp"

namespace simroot::platform {

inline constexpr std::size_t kVaultKeySize = 32;
/// Bytes that a sealed value has more than the value.
inline constexpr std::size_t kEnvelopeOverhead = 84;

struct Kek {
  std::uint32_t number = 0;  ///< from 1
  SecretArray<kVaultKeySize> key;
};

/// Seals `plain` for `context`. Nothing if OpenSSL fails.
[[nodiscard]] std::optional<Bytes> SealEnvelope(const Kek& kek, ByteView plain, std::string_view context);
/// The number of the KEK that a sealed value names. Nothing if it has not the form of one.
[[nodiscard]] std::optional<std::uint32_t> KekNumberOf(ByteView sealed);
/// The value. Nothing if it is damaged or was sealed with another KEK or for another context.
[[nodiscard]] std::optional<SecretBytes> OpenEnvelope(const Kek& kek, ByteView sealed, std::string_view context);
/// The same value with its data key under `to`. Nothing if the data key cannot be unwrapped with `from` and `context`,
/// or OpenSSL fails. Damage of the value itself is not looked for.
[[nodiscard]] std::optional<Bytes> RewrapEnvelope(const Kek& from, const Kek& to, ByteView sealed,
                                                  std::string_view context);

}  // namespace simroot::platform
