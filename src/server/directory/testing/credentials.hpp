// SPDX-License-Identifier: Apache-2.0
/// Made-up credentials for tests.
#pragma once

#include <string>

#include "server/directory/directory.hpp"

namespace simroot::server::testing {

/// A fingerprint that the number determines; `salt` tells those of one credential apart.
[[nodiscard]] inline Fingerprint FingerprintOf(std::int64_t number, std::uint8_t salt = 0) {
  Fingerprint fingerprint{};
  for (std::size_t i = 0; i < 8; ++i) {
    fingerprint[i] = LowByte(static_cast<std::uint64_t>(number) >> (8 * i));
  }
  fingerprint[30] = salt;
  fingerprint[31] = 1;
  return fingerprint;
}

[[nodiscard]] inline std::string IccidOf(std::int64_t number) {
  const std::string digits = std::to_string(number);
  return "8988" + std::string(15 - digits.size(), '0') + digits;
}

[[nodiscard]] inline Credential CertificateOf(std::int64_t id, CredentialState state = CredentialState::kActive) {
  const std::string digits = std::to_string(id);
  return {.id = id,
          .kind = CredentialKind::kCertificate,
          .state = state,
          .name = "56BA7B26B1CDE55F" + std::string(16 - digits.size(), '0') + digits,
          .iccid = IccidOf(id),
          .device = "meter-" + digits,
          .fingerprint = FingerprintOf(id),
          .not_before = 1'700'000'000,
          .not_after = 1'900'000'000,
          .first_used = 0,
          .changed = 1'700'000'000 + id};
}

[[nodiscard]] inline Credential PskOf(std::int64_t id, CredentialState state = CredentialState::kActive) {
  Credential credential = CertificateOf(id, state);
  credential.kind = CredentialKind::kPsk;
  credential.name = "psk-" + credential.iccid + "-" + std::to_string(id);
  credential.fingerprint = {};
  Bytes key(32, LowByte(id));
  key[0] = LowByte(id >> 8);
  credential.psk = SecretBytes(key);
  return credential;
}

/// With its key: a Credential is not copied by accident.
[[nodiscard]] inline Credential CopyOf(const Credential& from) {
  return {.id = from.id,
          .kind = from.kind,
          .state = from.state,
          .name = from.name,
          .iccid = from.iccid,
          .device = from.device,
          .fingerprint = from.fingerprint,
          .not_before = from.not_before,
          .not_after = from.not_after,
          .first_used = from.first_used,
          .changed = from.changed,
          .psk = SecretBytes(from.psk.Reveal(InsecureReveal::kForTest))};
}

/// Everything of a credential as text, to compare.
[[nodiscard]] inline std::string TextOf(const Credential& c) {
  return std::to_string(c.id) + "|" + std::to_string(static_cast<int>(c.kind)) + "|" + std::string(NameOf(c.state)) +
         "|" + c.name + "|" + c.iccid + "|" + c.device + "|" + ToHex(c.fingerprint) + "|" +
         std::to_string(c.not_before) + "|" + std::to_string(c.not_after) + "|" + std::to_string(c.first_used) + "|" +
         std::to_string(c.changed) + "|" + ToHex(c.psk.Reveal(InsecureReveal::kForTest));
}

/// All of a directory, one line each.
[[nodiscard]] inline std::string TextOf(const Directory& directory) {
  std::string text;
  directory.ForEach([&](const Credential& credential) { text += TextOf(credential) + "\n"; });
  return text;
}

}  // namespace simroot::server::testing
