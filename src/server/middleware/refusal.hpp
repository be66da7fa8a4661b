// SPDX-License-Identifier: Apache-2.0
/// Why a peer is let in or not. Told to the log and the metrics, never to the peer.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace simroot::server {

enum class Refusal : std::uint8_t {
  kNone,                ///< let in
  kNoCredential,        ///< showed neither certificate nor PSK identity
  kForeignCertificate,  ///< does not chain to the tenant's CAs: another tenant's, or forged
  kUnknownCertificate,  ///< chains to them, but the platform has not told of it
  kUnknownIdentity,     ///< PSK identity that the platform has not told of
  kNotYetValid,
  kExpired,
  kPending,  ///< the card has not confirmed it yet
  kSuspended,
  kRevoked,    ///< or deleted
  kWrongKey,   ///< the right identity without its key
  kDowngrade,  ///< only versions, ciphers or groups that are too weak
  kStale,      ///< nothing was heard from the platform for too long, and the setting says to fail closed
};
struct RefusalName {
  Refusal refusal;
  std::string_view name;  ///< as in log and metrics
  std::string_view text;  ///< for people
};
inline constexpr std::array kRefusals{
    RefusalName{Refusal::kNone, "none", "accepted"},
    RefusalName{Refusal::kNoCredential, "no_credential", "it showed neither a certificate nor a PSK identity"},
    RefusalName{Refusal::kForeignCertificate, "foreign_certificate", "its certificate is not of the tenant's CAs"},
    RefusalName{Refusal::kUnknownCertificate, "unknown_certificate", "the platform has not told of its certificate"},
    RefusalName{Refusal::kUnknownIdentity, "unknown_identity", "the platform has not told of its PSK identity"},
    RefusalName{Refusal::kNotYetValid, "not_yet_valid", "its certificate is not valid yet"},
    RefusalName{Refusal::kExpired, "expired", "its certificate has expired"},
    RefusalName{Refusal::kPending, "pending", "its card has not confirmed the credential yet"},
    RefusalName{Refusal::kSuspended, "suspended", "its credential is suspended"},
    RefusalName{Refusal::kRevoked, "revoked", "its credential is revoked"},
    RefusalName{Refusal::kWrongKey, "wrong_key", "it does not have the key of its credential"},
    RefusalName{Refusal::kDowngrade, "downgrade", "it offers only what is too weak"},
    RefusalName{Refusal::kStale, "stale", "the platform was not heard for too long"}};

[[nodiscard]] constexpr std::string_view NameOf(Refusal refusal) {
  return kRefusals.at(static_cast<std::size_t>(refusal)).name;
}

}  // namespace simroot::server
