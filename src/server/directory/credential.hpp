// SPDX-License-Identifier: Apache-2.0
/// What an application server knows of one credential of a device, as the platform tells it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/host/secret_bytes.hpp"

namespace simroot::server {

using UnixTime = std::int64_t;      ///< seconds; 0: never
using CredentialId = std::int64_t;  ///< the platform's; one that was restored from a backup may give it again
/// SHA-256 of a certificate in DER.
using Fingerprint = std::array<std::uint8_t, 32>;

enum class CredentialKind : std::uint8_t { kCertificate, kPsk };

/// The platform's states, as far as they matter here.
enum class CredentialState : std::uint8_t {
  kPending,  ///< requested or issued: the card has not confirmed it yet
  kActive,
  kSuperseded,  ///< still valid, until its successor was seen in use
  kSuspended,
  kRevoked,
  kExpired,
  kDeleted,
};
[[nodiscard]] std::string_view NameOf(CredentialState state);

constexpr std::size_t kMaxIccid = 20;   ///< digits
constexpr std::size_t kMaxDevice = 64;  ///< characters of a device's name
constexpr std::size_t kMaxName = 128;   ///< characters of a credential's name
constexpr std::size_t kMaxPsk = 64;     ///< bytes

/// One credential as it is now. The id says which it is, whatever its state becomes.
struct Credential {
  CredentialId id = 0;
  CredentialKind kind = CredentialKind::kCertificate;
  CredentialState state = CredentialState::kPending;
  std::string name{};         ///< certificate: serial number in hexadecimal, upper case; PSK: identity
  std::string iccid{};        ///< 18 to 20 digits
  std::string device{};       ///< name; empty: none
  Fingerprint fingerprint{};  ///< of the certificate; zeros for a PSK
  UnixTime not_before = 0;
  UnixTime not_after = 0;   ///< 0: no end
  UnixTime first_used = 0;  ///< proof of use that the platform knows of
  UnixTime changed = 0;     ///< of the state: "since when"
  SecretBytes psk{};        ///< empty for a certificate, and where the platform gave none
};

/// A PSK that is in use, or may be again.
[[nodiscard]] inline bool NeedsKey(const Credential& credential) {
  return credential.kind == CredentialKind::kPsk &&
         (credential.state == CredentialState::kPending || credential.state == CredentialState::kActive ||
          credential.state == CredentialState::kSuperseded || credential.state == CredentialState::kSuspended);
}

}  // namespace simroot::server
