// SPDX-License-Identifier: Apache-2.0
/// One credential as few bytes.
#pragma once

#include <optional>

#include "server/directory/directory.hpp"

namespace simroot::server {

constexpr std::size_t kMaxEntry = 384;
constexpr std::size_t kMaxSealed = 8 + kMaxPsk + 16;

/// A name in the form it is kept in: upper-case hexadecimal as bytes, everything else as it is. Equal names have equal
/// forms.
struct PackedName {
  bool hex = false;
  std::array<std::uint8_t, kMaxName> memory{};
  std::size_t size = 0;

  [[nodiscard]] ByteView bytes() const { return ByteView(memory).first(size); }
};
/// Nothing if the name is too long.
[[nodiscard]] std::optional<PackedName> PackName(std::string_view name);

/// Two digits a byte, the last one filled up with F. Nothing unless there are 18 to 20 digits.
struct PackedIccid {
  std::array<std::uint8_t, kMaxIccid / 2> memory{};
  std::uint8_t digits = 0;

  [[nodiscard]] ByteView bytes() const { return ByteView(memory).first((std::size_t{digits} + 1) / 2); }
};
[[nodiscard]] std::optional<PackedIccid> PackIccid(std::string_view iccid);

/// An entry taken apart; views borrow its bytes.
struct Entry {
  CredentialId id = 0;
  CredentialKind kind = CredentialKind::kCertificate;
  CredentialState state = CredentialState::kPending;
  UnixTime not_before = 0;
  UnixTime not_after = 0;
  UnixTime first_used = 0;
  UnixTime changed = 0;
  bool hex_name = false;
  std::uint8_t iccid_digits = 0;
  ByteView iccid{};  ///< packed
  ByteView device{};
  ByteView name{};         ///< packed
  ByteView fingerprint{};  ///< of a certificate
  ByteView sealed{};       ///< the sealed key of a PSK; may be empty
};

/// The entry at the start of `memory` (which the arena has and nobody else writes), and its size.
[[nodiscard]] Entry ReadEntry(ByteView memory, std::size_t& size);
/// Bytes of at most kMaxEntry. The times must be 0 to kMaxTime.
constexpr UnixTime kMaxTime = (UnixTime{1} << 40U) - 1;
[[nodiscard]] ByteView WriteEntry(const Entry& entry, std::array<std::uint8_t, kMaxEntry>& memory);

[[nodiscard]] Found ToFound(const Entry& entry);
/// All but the key.
[[nodiscard]] Credential ToCredential(const Entry& entry);

}  // namespace simroot::server
