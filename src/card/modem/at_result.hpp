// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace simroot::card {

/// Errors of the mobile equipment, 3GPP TS 27.007 9.2.
enum class CmeError : std::uint8_t {
  kNotAllowed = 3,
  kNotSupported = 4,
  kSimNotInserted = 10,
  kSimFailure = 13,
  kSimBusy = 14,
  kMemoryFull = 20,
  kInvalidIndex = 21,
  kNotFound = 22,
  kTextTooLong = 24,
  kInvalidCharacters = 25,
  kIncorrectParameters = 50,
};

struct CmeErrorText {
  CmeError error;
  std::string_view text;
};

/// Texts of AT+CMEE=2, sorted by number (27.007 9.2.1).
inline constexpr std::array kCmeErrorTexts{
    CmeErrorText{CmeError::kNotAllowed, "operation not allowed"},
    CmeErrorText{CmeError::kNotSupported, "operation not supported"},
    CmeErrorText{CmeError::kSimNotInserted, "SIM not inserted"},
    CmeErrorText{CmeError::kSimFailure, "SIM failure"},
    CmeErrorText{CmeError::kSimBusy, "SIM busy"},
    CmeErrorText{CmeError::kMemoryFull, "memory full"},
    CmeErrorText{CmeError::kInvalidIndex, "invalid index"},
    CmeErrorText{CmeError::kNotFound, "not found"},
    CmeErrorText{CmeError::kTextTooLong, "text string too long"},
    CmeErrorText{CmeError::kInvalidCharacters, "invalid characters in text string"},
    CmeErrorText{CmeError::kIncorrectParameters, "incorrect parameters"},
};
static_assert(std::ranges::is_sorted(kCmeErrorTexts, {}, &CmeErrorText::error));

/// How a command ended: its final result code.
struct AtResult {
  enum class Kind : std::uint8_t { kOk, kError, kCmeError };

  Kind kind = Kind::kOk;
  CmeError cme = CmeError::kNotSupported;  ///< kCmeError only

  friend bool operator==(const AtResult&, const AtResult&) = default;
};

inline constexpr AtResult kAtOk{};
/// The line is not a command this modem knows (V.250 5.7.1); +CMEE has no say in it.
inline constexpr AtResult kAtError{AtResult::Kind::kError};
/// The command is known but failed: ERROR, +CME ERROR: 50 or +CME ERROR: incorrect parameters, as +CMEE asks.
[[nodiscard]] constexpr AtResult AtFailure(CmeError error) {
  return {AtResult::Kind::kCmeError, error};
}

}  // namespace simroot::card
