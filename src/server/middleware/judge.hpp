// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "server/directory/directory.hpp"
#include "server/middleware/refusal.hpp"

namespace simroot::server {

/// What state and times of a credential say at the moment `now`. Of several reasons the one that no time heals.
[[nodiscard]] constexpr Refusal Judge(const Found& credential, UnixTime now) {
  switch (credential.state) {
    case CredentialState::kRevoked:
    case CredentialState::kDeleted:
      return Refusal::kRevoked;
    case CredentialState::kSuspended:
      return Refusal::kSuspended;
    case CredentialState::kExpired:
      return Refusal::kExpired;
    case CredentialState::kPending:
      return Refusal::kPending;
    case CredentialState::kActive:
    case CredentialState::kSuperseded:
      break;
  }
  if (credential.not_after != 0 && now > credential.not_after) {
    return Refusal::kExpired;
  }
  return now < credential.not_before ? Refusal::kNotYetValid : Refusal::kNone;
}

}  // namespace simroot::server
