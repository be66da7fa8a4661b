// SPDX-License-Identifier: Apache-2.0
/// The words of the personalisation commands of simroot's applet (docs/formats/personalisation.md): what the data of a
/// STORE DATA command is made of. One table for the applet, the platform and the decoder.
#pragma once

#include <string_view>

#include "common/iotsafe/vocabulary.hpp"

namespace simroot::iotsafe {

/// Version of the command set that BEGIN names.
inline constexpr std::uint8_t kPersonalisationVersion = 1;

/// One command is one BER-TLV with this tag; what it needs are elements inside, each at most once, in any order.
enum class AdminCommand : std::uint8_t {
  kBegin = 0xE0,
  kCommit = 0xE1,
  kAbort = 0xE2,
  kCreate = 0xE3,
  kSetInfo = 0xE4,
  kGenerate = 0xE5,
  kLoadKey = 0xE6,
  kLoadSecret = 0xE7,
  kWriteFile = 0xE8,
  kDelete = 0xE9,
  kDeleteContent = 0xEA,
  kRead = 0xEB,
  kList = 0xEC,
  kMakeCsr = 0xED,
  kAttest = 0xEE,
  kSetPin = 0xEF,
  kUnblockPin = 0xF0,
};

/// Elements inside commands and answers, beside the references (73 to 76, 83 to 86), the information structures (C1 to
/// C4) and the public key data (34) of IoT.05. Lengths are BER.
enum class AdminField : std::uint8_t {
  kVersion = 0x40,        ///< 1 byte
  kChangeCounter = 0x41,  ///< 4 bytes
  kOffset = 0x42,         ///< 2 bytes: of a piece in the whole; of an object in the list
  kContent = 0x43,        ///< a piece of a file, of public key data or of a result
  kTotalSize = 0x44,      ///< 2 bytes: the whole, in clear and without padding
  kKeyCheckValue = 0x45,  ///< 3 bytes
  kIssuerId = 0x46,       ///< 0 to 20 bytes: the public key that must have signed what the device writes to a file
  kEncipheredKey = 0x47,  ///< a piece of a key, a secret or a PIN under the data encryption key
  kOrigin = 0x48,         ///< 1 byte: KeyOrigin
  kAttestingKey = 0x4D,   ///< 1 to 20 bytes: identifier of a private key
  kApplicationId = 0x4F,  ///< AID of the applet
  kSubject = 0x50,        ///< X.501 Name in DER
  kAttributes = 0x51,     ///< attributes of PKCS#10 in DER, with their tag A0
  kCsr = 0x52,            ///< CertificationRequest in DER
  kNonce = 0x53,          ///< 8 to 32 bytes
  kIccid = 0x5A,          ///< as in EF.ICCID
  kStatement = 0x70,      ///< what an attestation signature covers, with its tag and length
};

[[nodiscard]] constexpr std::uint8_t Code(AdminCommand command) {
  return static_cast<std::uint8_t>(command);
}
[[nodiscard]] constexpr std::uint8_t Code(AdminField field) {
  return static_cast<std::uint8_t>(field);
}

/// Where the value of a key came from.
enum class KeyOrigin : std::uint8_t {
  kLoaded = 0x00,      ///< from outside
  kMadeOnCard = 0x01,  ///< by GENERATE KEY PAIR of either side: it has never been anywhere else
};

/// In front of the statement when it is signed, so that an attesting key's signature means nothing else anywhere.
inline constexpr std::array<std::uint8_t, 22> kAttestationPrefix{'s', 'i', 'm', 'r', 'o', 'o', 't', ' ', 'a', 't', 't',
                                                                 'e', 's', 't', 'a', 't', 'i', 'o', 'n', ' ', '1', 0};

inline constexpr std::size_t kKeyCheckValueSize = 3;
inline constexpr std::size_t kMinNonceSize = 8;
inline constexpr std::size_t kMaxNonceSize = 32;
/// Bytes of a secret key that LOAD SECRET takes.
inline constexpr std::size_t kMaxSecretSize = 256;
/// Bytes of one enciphered piece: whole blocks of 16.
inline constexpr std::size_t kMaxEncipheredPiece = 256;

struct AdminCommandName {
  AdminCommand command;
  std::string_view name;
};
inline constexpr std::array kAdminCommandNames{
    AdminCommandName{AdminCommand::kBegin, "BEGIN"},
    AdminCommandName{AdminCommand::kCommit, "COMMIT"},
    AdminCommandName{AdminCommand::kAbort, "ABORT"},
    AdminCommandName{AdminCommand::kCreate, "CREATE"},
    AdminCommandName{AdminCommand::kSetInfo, "SET INFO"},
    AdminCommandName{AdminCommand::kGenerate, "GENERATE"},
    AdminCommandName{AdminCommand::kLoadKey, "LOAD KEY"},
    AdminCommandName{AdminCommand::kLoadSecret, "LOAD SECRET"},
    AdminCommandName{AdminCommand::kWriteFile, "WRITE FILE"},
    AdminCommandName{AdminCommand::kDelete, "DELETE"},
    AdminCommandName{AdminCommand::kDeleteContent, "DELETE CONTENT"},
    AdminCommandName{AdminCommand::kRead, "READ"},
    AdminCommandName{AdminCommand::kList, "LIST"},
    AdminCommandName{AdminCommand::kMakeCsr, "CSR"},
    AdminCommandName{AdminCommand::kAttest, "ATTEST"},
    AdminCommandName{AdminCommand::kSetPin, "SET PIN"},
    AdminCommandName{AdminCommand::kUnblockPin, "UNBLOCK PIN"},
};
static_assert(std::ranges::is_sorted(kAdminCommandNames, {}, &AdminCommandName::command));

struct AdminFieldRule {
  AdminField field;
  std::string_view name;
  std::size_t min;  ///< bytes of the value
  std::size_t max;
  ValueKind kind;
};
inline constexpr std::array kAdminFieldRules{
    AdminFieldRule{AdminField::kVersion, "version", 1, 1, ValueKind::kNumber},
    AdminFieldRule{AdminField::kChangeCounter, "change counter", 4, 4, ValueKind::kNumber},
    AdminFieldRule{AdminField::kOffset, "offset", 2, 2, ValueKind::kNumber},
    AdminFieldRule{AdminField::kContent, "content", 0, 0xFFFF, ValueKind::kHex},
    AdminFieldRule{AdminField::kTotalSize, "total size", 2, 2, ValueKind::kNumber},
    AdminFieldRule{AdminField::kKeyCheckValue, "key check value", kKeyCheckValueSize, kKeyCheckValueSize,
                   ValueKind::kHex},
    AdminFieldRule{AdminField::kIssuerId, "issuer's public key", 0, kMaxIdSize, ValueKind::kHex},
    AdminFieldRule{AdminField::kEncipheredKey, "enciphered key", 16, kMaxEncipheredPiece, ValueKind::kSecret},
    AdminFieldRule{AdminField::kOrigin, "origin", 1, 1, ValueKind::kNumber},
    AdminFieldRule{AdminField::kAttestingKey, "attesting key", 1, kMaxIdSize, ValueKind::kHex},
    AdminFieldRule{AdminField::kApplicationId, "AID", 5, 16, ValueKind::kHex},
    AdminFieldRule{AdminField::kSubject, "subject", 2, 0xFFFF, ValueKind::kHex},
    AdminFieldRule{AdminField::kAttributes, "attributes", 2, 0xFFFF, ValueKind::kHex},
    AdminFieldRule{AdminField::kCsr, "certificate request", 1, 0xFFFF, ValueKind::kHex},
    AdminFieldRule{AdminField::kNonce, "nonce", kMinNonceSize, kMaxNonceSize, ValueKind::kHex},
    AdminFieldRule{AdminField::kIccid, "ICCID", 1, 10, ValueKind::kHex},
    AdminFieldRule{AdminField::kStatement, "statement", 0, 0xFFFF, ValueKind::kTlvs},
};
static_assert(std::ranges::is_sorted(kAdminFieldRules, {}, &AdminFieldRule::field));

/// The row of a command or field, or nullptr.
[[nodiscard]] constexpr const AdminCommandName* FindAdminCommand(std::uint16_t tag) {
  const auto* const row =
      std::ranges::find(kAdminCommandNames, tag, [](const AdminCommandName& r) { return Code(r.command); });
  return row != kAdminCommandNames.end() ? row : nullptr;
}
[[nodiscard]] constexpr const AdminFieldRule* FindAdminField(std::uint16_t tag) {
  const auto* const row =
      std::ranges::find(kAdminFieldRules, tag, [](const AdminFieldRule& r) { return Code(r.field); });
  return row != kAdminFieldRules.end() ? row : nullptr;
}

}  // namespace simroot::iotsafe
