// SPDX-License-Identifier: Apache-2.0
/// The mechanisms, as one table, and the parameters applications give with them.
#pragma once

#include "device/pkcs11/token.hpp"

namespace simroot::pkcs11 {

enum class Family : std::uint8_t {
  kEcdsa,
  kRsaPkcs1,
  kRsaPss,
  kCmac,
  kDigest,
  kAesCbcPad,
  kAesCtr,
  kAesGcm,
  kRsaOaep,
  kEcdh,
  kEcGenerate,
  kRsaGenerate,
};

struct MechanismRow {
  CK_MECHANISM_TYPE type;
  Family family;
  std::optional<iotsafe::HashAlgorithm> hash;  ///< the module hashes the text; nothing: it is given a digest
  CK_ULONG min_key_size;                       ///< bits; bytes for AES
  CK_ULONG max_key_size;
  CK_FLAGS flags;
};

/// All of them, whatever the card can.
[[nodiscard]] std::span<const MechanismRow> AllMechanisms();
/// True if this card can do it, with some key at least.
[[nodiscard]] bool IsOffered(const MechanismRow& row, const TokenContent& token);

/// One that an application has asked for, with its parameters, copied.
struct Mechanism {
  const MechanismRow* row = nullptr;
  /// PSS: the hash of padding and digest.
  iotsafe::HashAlgorithm pss_hash = iotsafe::HashAlgorithm::kSha256;
  Bytes nonce;  ///< CBC: initialisation vector; CTR: counter block; GCM: nonce
  Bytes aad;    ///< GCM

  [[nodiscard]] Family family() const { return row->family; }
};

/// Reads what an application gives with C_*Init. @param use the CKF_ flag of what it is for. @param token nullptr for
/// what needs no card.
/// @returns CKR_ARGUMENTS_BAD, CKR_MECHANISM_INVALID (unknown, not for this use, or not on this card),
/// CKR_MECHANISM_PARAM_INVALID.
[[nodiscard]] RvOr<Mechanism> ParseMechanism(const CK_MECHANISM* mechanism, CK_FLAGS use, const TokenContent* token);

}  // namespace simroot::pkcs11
