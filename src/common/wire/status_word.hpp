// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "common/base/bytes.hpp"

namespace simroot::wire {

/// Status words SW1 SW2 of ISO/IEC 7816-4, ETSI TS 102 221 and GSMA IoT.05. Any other value may come from a card: the
/// enum is open, nothing switches over it exhaustively.
enum class StatusWord : std::uint16_t {
  kOk = 0x9000,
  kMoreDataAvailable = 0x6300,     ///< GET DATA: repeat with P2 = 01
  kMoreEntries = 0x6310,           ///< GET STATUS: more entries, ask for the next (GlobalPlatform)
  kOkAfterRemoteSession = 0x63CF,  ///< success, and a remote administration session has completed since
  kIntegrityIssue = 0x6400,        ///< damage found in the applet's store
  kWrongLength = 0x6700,
  kChannelNotSupported = 0x6881,  ///< logical channel closed or not supported
  kSecureMessagingNotSupported = 0x6882,
  kIncompatibleFile = 0x6981,  ///< command incompatible with file structure
  kSecurityNotSatisfied = 0x6982,
  kAuthenticationBlocked = 0x6983,      ///< no attempt left
  kReferencedDataInvalidated = 0x6984,  ///< a remote session that updates the object is in progress
  kConditionsNotSatisfied = 0x6985,
  kCommandNotAllowed = 0x6986,  ///< no EF selected
  kCapacityReached = 0x6989,    ///< maximum of sessions or objects, or changed by a remote session
  kIncorrectData = 0x6A80,
  kFunctionNotSupported = 0x6A81,  ///< MANAGE CHANNEL: no free channel
  kFileNotFound = 0x6A82,
  kRecordNotFound = 0x6A83,
  kInsufficientMemory = 0x6A84,
  kIncorrectP1P2 = 0x6A86,
  kReferencedDataNotFound = 0x6A88,
  kWrongOffset = 0x6B00,  ///< READ BINARY: offset outside the EF
  kUnknownInstruction = 0x6D00,
  kSignatureMismatch = 0x6D01,  ///< VERIFY SIGNATURE: does not match. Not an unknown instruction!
  kUnknownClass = 0x6E00,
  kOtherError = 0x6F00,
  kAlgorithmNotSupported = 0x9484,  ///< PUT KEY: key type (GlobalPlatform)
  kInvalidKeyCheckValue = 0x9485,   ///< PUT KEY (GlobalPlatform)
};

[[nodiscard]] constexpr std::uint8_t Sw1(StatusWord sw) {
  return LowByte(static_cast<std::uint16_t>(sw) >> 8U);
}
[[nodiscard]] constexpr std::uint8_t Sw2(StatusWord sw) {
  return LowByte(static_cast<std::uint16_t>(sw));
}
[[nodiscard]] constexpr StatusWord MakeStatusWord(std::uint8_t sw1, std::uint8_t sw2) {
  return static_cast<StatusWord>(static_cast<std::uint16_t>(sw1 << 8U) | sw2);
}
/// 61LL: `count` response bytes wait for GET RESPONSE; 256 or more is coded 00 (ISO/IEC 7816-4).
[[nodiscard]] constexpr StatusWord BytesWaiting(std::size_t count) {
  return MakeStatusWord(0x61, count >= 256 ? std::uint8_t{0} : LowByte(count));
}

struct StatusWordName {
  StatusWord sw;
  std::string_view meaning;
};

/// Sorted by value; read by `simroot decode`, the traces and the documentation.
inline constexpr std::array kStatusWordNames{
    StatusWordName{StatusWord::kMoreDataAvailable, "more data available, repeat with P2=01"},
    StatusWordName{StatusWord::kMoreEntries, "more entries, ask for the next"},
    StatusWordName{StatusWord::kOkAfterRemoteSession, "done, a remote administration session has completed since"},
    StatusWordName{StatusWord::kIntegrityIssue, "integrity issue in the applet's store"},
    StatusWordName{StatusWord::kWrongLength, "wrong length"},
    StatusWordName{StatusWord::kChannelNotSupported, "logical channel closed or not supported"},
    StatusWordName{StatusWord::kSecureMessagingNotSupported, "secure messaging not supported"},
    StatusWordName{StatusWord::kIncompatibleFile, "command incompatible with file structure"},
    StatusWordName{StatusWord::kSecurityNotSatisfied, "security status not satisfied"},
    StatusWordName{StatusWord::kAuthenticationBlocked, "blocked, no attempt left"},
    StatusWordName{StatusWord::kReferencedDataInvalidated, "object is being updated by a remote session"},
    StatusWordName{StatusWord::kConditionsNotSatisfied, "conditions of use not satisfied"},
    StatusWordName{StatusWord::kCommandNotAllowed, "command not allowed, no EF selected"},
    StatusWordName{StatusWord::kCapacityReached, "maximum capacity reached, or object changed by a remote session"},
    StatusWordName{StatusWord::kIncorrectData, "incorrect data"},
    StatusWordName{StatusWord::kFunctionNotSupported, "function not supported, or no free logical channel"},
    StatusWordName{StatusWord::kFileNotFound, "file or application not found"},
    StatusWordName{StatusWord::kRecordNotFound, "record not found"},
    StatusWordName{StatusWord::kInsufficientMemory, "insufficient memory"},
    StatusWordName{StatusWord::kIncorrectP1P2, "incorrect P1 P2"},
    StatusWordName{StatusWord::kReferencedDataNotFound, "referenced data not found"},
    StatusWordName{StatusWord::kWrongOffset, "offset outside the file"},
    StatusWordName{StatusWord::kUnknownInstruction, "unknown instruction"},
    StatusWordName{StatusWord::kSignatureMismatch, "signature does not match"},
    StatusWordName{StatusWord::kUnknownClass, "unknown class"},
    StatusWordName{StatusWord::kOtherError, "other error"},
    StatusWordName{StatusWord::kOk, "done"},
    StatusWordName{StatusWord::kAlgorithmNotSupported, "algorithm or key type not supported"},
    StatusWordName{StatusWord::kInvalidKeyCheckValue, "key check value does not match the key"},
};
static_assert(std::ranges::is_sorted(kStatusWordNames, {}, &StatusWordName::sw));

/// What `sw` means in words; transport values 61LL, 6CLL and 91LL included. "unknown status word" for the rest.
[[nodiscard]] std::string_view Describe(StatusWord sw);

}  // namespace simroot::wire
