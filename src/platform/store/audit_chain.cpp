// SPDX-License-Identifier: Apache-2.0
#include "platform/store/audit_chain.hpp"

#include <string_view>

namespace simroot::platform {
namespace {

/// Says what the hash is of, so that it is never the hash of something else.
constexpr std::string_view kDomain = "simroot audit 1";

std::array<std::uint8_t, 8> BigEndian(std::int64_t number) {
  std::array<std::uint8_t, 8> bytes{};
  ByteWriter writer(bytes);
  writer.PutU32(static_cast<std::uint32_t>(static_cast<std::uint64_t>(number) >> 32U));
  writer.PutU32(static_cast<std::uint32_t>(static_cast<std::uint64_t>(number) & 0xFFFFFFFFU));
  return bytes;
}

}  // namespace

std::optional<AuditHash> ChainAuditEntry(crypto::Crypto& crypto, ByteView previous, const AuditEntry& entry) {
  crypto::HashState state;
  AuditHash hash{};
  bool ok = crypto.HashBegin(crypto::HashAlgorithm::kSha256, state) && crypto.HashUpdate(state, AsBytes(kDomain)) &&
            crypto.HashUpdate(state, previous);
  for (const std::int64_t number : {entry.number, entry.time, entry.tenant}) {
    ok = ok && crypto.HashUpdate(state, BigEndian(number));
  }
  for (const std::string_view text : {std::string_view(entry.actor), std::string_view(entry.action),
                                      std::string_view(entry.object), std::string_view(entry.detail)}) {
    // With its length in front, no text can take bytes from its neighbour.
    ok = ok && crypto.HashUpdate(state, BigEndian(static_cast<std::int64_t>(text.size()))) &&
         crypto.HashUpdate(state, AsBytes(text));
  }
  if (!ok) {
    crypto.HashAbort(state);
    return std::nullopt;
  }
  return crypto.HashFinish(state, hash) ? std::optional(hash) : std::nullopt;
}

}  // namespace simroot::platform
