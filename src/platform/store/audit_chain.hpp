// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>

#include "common/crypto/port.hpp"
#include "platform/domain/records.hpp"

namespace simroot::platform {

inline constexpr std::size_t kAuditHashSize = 32;
using AuditHash = std::array<std::uint8_t, kAuditHashSize>;

/// The hash of an entry from the hash of the one in front of it and everything the entry says but its own hash
/// (docs/formats/audit-log.md). @param previous 32 bytes; all zero in front of entry 1. Nothing if the crypto fails.
[[nodiscard]] std::optional<AuditHash> ChainAuditEntry(crypto::Crypto& crypto, ByteView previous,
                                                       const AuditEntry& entry);

}  // namespace simroot::platform
