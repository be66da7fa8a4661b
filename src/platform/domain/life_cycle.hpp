// SPDX-License-Identifier: Apache-2.0
/// Life cycles: for each one enumeration and one table of allowed transitions. Code, SQL checks and the API's
/// documentation are made from these tables.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace simroot::platform {

enum class CardState : std::uint8_t {
  kImported,   ///< keys are known, the card was never reached
  kActive,     ///< a secured session with it has succeeded
  kSuspended,  ///< its device is refused for now
  kRetired,    ///< for good; its keys are deleted
};

enum class CredentialState : std::uint8_t {
  kRequested,   ///< a job will make it
  kIssued,      ///< certificate signed or PSK generated; not yet known to be on the card
  kActive,      ///< on the card, committed
  kSuperseded,  ///< still valid, until its successor has been seen in use
  kSuspended,   ///< refused for now
  kRevoked,     ///< refused for good, perhaps still on the card
  kExpired,     ///< its time is over
  kDeleted,     ///< gone from the card; only the record stays
};

enum class JobState : std::uint8_t {
  kQueued,   ///< waits for the device's next contact, or for its time
  kRunning,  ///< a secured session works on it
  kDone,
  kFailed,  ///< will not be tried again by itself
  kCancelled,
};

enum class JobKind : std::uint8_t {
  kSwitchOn,     ///< first credentials
  kRotate,       ///< new key, new certificate or PSK, in the standby container
  kRenew,        ///< new certificate for the same key
  kSuspend,      ///< deactivate the credential's objects on the card
  kResume,       ///< activate them again
  kRevoke,       ///< delete key and certificate from the card
  kErase,        ///< delete everything the platform ever made: change of owner, end of life
  kUpdateTrust,  ///< write the trust anchors
  kReplaceKeys,  ///< new keys for the security domain
};

enum class CredentialKind : std::uint8_t { kCertificate, kPsk };

enum class Role : std::uint8_t {
  kViewer,    ///< reads
  kOperator,  ///< and works with cards, devices, credentials, jobs
  kAdmin,     ///< and with tokens, policies, CAs, servers
};

template <typename State>
struct Transition {
  State from;
  State to;
  std::string_view why;  ///< for the documentation
};
// Deduction guides: clang before 17 does not deduce aggregates by itself.
template <typename State>
Transition(State, State, std::string_view) -> Transition<State>;

template <typename State>
struct StateName {
  State state;
  std::string_view name;  ///< in the API, in SQL and in messages
};
template <typename State>
StateName(State, std::string_view) -> StateName<State>;

inline constexpr std::array kCardStates{
    StateName{CardState::kImported, "imported"}, StateName{CardState::kActive, "active"},
    StateName{CardState::kSuspended, "suspended"}, StateName{CardState::kRetired, "retired"}};
inline constexpr std::array kCardTransitions{
    Transition{CardState::kImported, CardState::kActive, "first secured session"},
    Transition{CardState::kImported, CardState::kSuspended, "operator"},
    Transition{CardState::kActive, CardState::kSuspended, "operator"},
    Transition{CardState::kSuspended, CardState::kActive, "operator"},
    Transition{CardState::kImported, CardState::kRetired, "operator"},
    Transition{CardState::kActive, CardState::kRetired, "erased at the end of its life"},
    Transition{CardState::kSuspended, CardState::kRetired, "operator"}};

inline constexpr std::array kCredentialStates{
    StateName{CredentialState::kRequested, "requested"}, StateName{CredentialState::kIssued, "issued"},
    StateName{CredentialState::kActive, "active"},       StateName{CredentialState::kSuperseded, "superseded"},
    StateName{CredentialState::kSuspended, "suspended"}, StateName{CredentialState::kRevoked, "revoked"},
    StateName{CredentialState::kExpired, "expired"},     StateName{CredentialState::kDeleted, "deleted"}};
inline constexpr std::array kCredentialTransitions{
    Transition{CredentialState::kRequested, CredentialState::kIssued, "certificate signed, or PSK generated"},
    Transition{CredentialState::kRequested, CredentialState::kDeleted, "job cancelled before anything was issued"},
    Transition{CredentialState::kIssued, CredentialState::kActive, "the card has confirmed the commit"},
    Transition{CredentialState::kIssued, CredentialState::kRevoked, "operator, or job given up"},
    Transition{CredentialState::kActive, CredentialState::kSuperseded, "its successor is active"},
    Transition{CredentialState::kActive, CredentialState::kSuspended, "operator"},
    Transition{CredentialState::kActive, CredentialState::kRevoked, "operator"},
    Transition{CredentialState::kActive, CredentialState::kExpired, "time"},
    Transition{CredentialState::kSuperseded, CredentialState::kRevoked, "its successor was seen in use, or operator"},
    Transition{CredentialState::kSuperseded, CredentialState::kSuspended, "operator"},
    Transition{CredentialState::kSuperseded, CredentialState::kExpired, "time"},
    Transition{CredentialState::kSuspended, CredentialState::kActive, "operator"},
    Transition{CredentialState::kSuspended, CredentialState::kRevoked, "operator"},
    Transition{CredentialState::kSuspended, CredentialState::kExpired, "time"},
    Transition{CredentialState::kRevoked, CredentialState::kDeleted, "the card has confirmed the deletion"},
    Transition{CredentialState::kExpired, CredentialState::kDeleted, "the card has confirmed the deletion"}};

inline constexpr std::array kJobStates{StateName{JobState::kQueued, "queued"}, StateName{JobState::kRunning, "running"},
                                       StateName{JobState::kDone, "done"}, StateName{JobState::kFailed, "failed"},
                                       StateName{JobState::kCancelled, "cancelled"}};
inline constexpr std::array kJobTransitions{
    Transition{JobState::kQueued, JobState::kRunning, "a secured session takes it up"},
    Transition{JobState::kQueued, JobState::kCancelled, "operator"},
    Transition{JobState::kQueued, JobState::kFailed, "its time is over"},
    Transition{JobState::kRunning, JobState::kQueued, "interrupted: tried again"},
    Transition{JobState::kRunning, JobState::kDone, "the card has confirmed"},
    Transition{JobState::kRunning, JobState::kFailed, "the card refuses, or too many attempts"},
    Transition{JobState::kFailed, JobState::kQueued, "operator"}};

inline constexpr std::array kJobKinds{StateName{JobKind::kSwitchOn, "switch-on"},
                                      StateName{JobKind::kRotate, "rotate"},
                                      StateName{JobKind::kRenew, "renew"},
                                      StateName{JobKind::kSuspend, "suspend"},
                                      StateName{JobKind::kResume, "resume"},
                                      StateName{JobKind::kRevoke, "revoke"},
                                      StateName{JobKind::kErase, "erase"},
                                      StateName{JobKind::kUpdateTrust, "update-trust"},
                                      StateName{JobKind::kReplaceKeys, "replace-keys"}};
inline constexpr std::array kCredentialKinds{StateName{CredentialKind::kCertificate, "certificate"},
                                             StateName{CredentialKind::kPsk, "psk"}};
inline constexpr std::array kRoles{StateName{Role::kViewer, "viewer"}, StateName{Role::kOperator, "operator"},
                                   StateName{Role::kAdmin, "admin"}};

/// The table of names of an enumeration.
[[nodiscard]] constexpr const auto& NamesOf(CardState) {
  return kCardStates;
}
[[nodiscard]] constexpr const auto& NamesOf(CredentialState) {
  return kCredentialStates;
}
[[nodiscard]] constexpr const auto& NamesOf(JobState) {
  return kJobStates;
}
[[nodiscard]] constexpr const auto& NamesOf(JobKind) {
  return kJobKinds;
}
[[nodiscard]] constexpr const auto& NamesOf(CredentialKind) {
  return kCredentialKinds;
}
[[nodiscard]] constexpr const auto& NamesOf(Role) {
  return kRoles;
}

/// The table of transitions of a life cycle.
[[nodiscard]] constexpr const auto& TransitionsOf(CardState) {
  return kCardTransitions;
}
[[nodiscard]] constexpr const auto& TransitionsOf(CredentialState) {
  return kCredentialTransitions;
}
[[nodiscard]] constexpr const auto& TransitionsOf(JobState) {
  return kJobTransitions;
}

template <typename State>
[[nodiscard]] constexpr std::string_view NameOf(State state) {
  for (const auto& row : NamesOf(state)) {
    if (row.state == state) {
      return row.name;
    }
  }
  return "?";
}

template <typename State>
[[nodiscard]] constexpr std::optional<State> ParseName(std::string_view name) {
  for (const auto& row : NamesOf(State{})) {
    if (row.name == name) {
      return row.state;
    }
  }
  return std::nullopt;
}

/// True for the transitions of the table; staying is none.
template <typename State>
[[nodiscard]] constexpr bool MayBecome(State from, State to) {
  return std::ranges::any_of(TransitionsOf(from), [&](const auto& row) { return row.from == from && row.to == to; });
}

}  // namespace simroot::platform
