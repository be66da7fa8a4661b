// SPDX-License-Identifier: Apache-2.0
/// The commands of the security domain; a part of its implementation.
#pragma once

#include "card/security_domain/security_domain.hpp"

namespace simroot::card {

/// What must be true before a command is run.
enum class Needs : std::uint8_t {
  kNothing,
  kSession,            ///< a secured session of any level
  kEncipheredSession,  ///< one that enciphers commands: they carry keys
};

struct SecurityDomain::CommandRow {
  std::uint8_t ins;
  Sw (SecurityDomain::*run)(const Call& call);
  Needs needs;
};

struct SecurityDomain::CommandTable {
  static constexpr std::array kRows{
      CommandRow{0xCA, &SecurityDomain::GetData, Needs::kNothing},
      CommandRow{0xD8, &SecurityDomain::PutKey, Needs::kEncipheredSession},
      CommandRow{0xE2, &SecurityDomain::StoreData, Needs::kSession},
      CommandRow{0xE6, &SecurityDomain::Install, Needs::kSession},
      CommandRow{0xF2, &SecurityDomain::GetStatus, Needs::kSession},
  };
  static_assert(std::ranges::is_sorted(kRows, {}, &CommandRow::ins));

  [[nodiscard]] static const CommandRow* Find(std::uint8_t ins) {
    const auto* const row = std::ranges::lower_bound(kRows, ins, {}, &CommandRow::ins);
    return row != kRows.end() && row->ins == ins ? row : nullptr;
  }
};

/// The status word for a change that the store has refused.
[[nodiscard]] constexpr wire::StatusWord StatusOf(StoreError error) {
  switch (error) {
    case StoreError::kFull:
      return wire::StatusWord::kInsufficientMemory;
    case StoreError::kMemory:
      return wire::StatusWord::kIntegrityIssue;
    default:
      return wire::StatusWord::kConditionsNotSatisfied;
  }
}

}  // namespace simroot::card
