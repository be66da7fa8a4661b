// SPDX-License-Identifier: Apache-2.0
#include "server/directory/entry.hpp"

#include "common/base/check.hpp"
#include "common/base/text.hpp"

namespace simroot::server {
namespace {

constexpr std::uint8_t kMinIccid = 18;
// Bits of the flags.
constexpr unsigned kIsPsk = 0x01;
constexpr unsigned kHexName = 0x02;
constexpr unsigned kStateShift = 2;   // three bits
constexpr unsigned kDigitsShift = 5;  // two bits: 18 to 20

void PutNumber(std::int64_t value, std::size_t bytes, ByteWriter& out) {
  for (std::size_t i = bytes; i > 0; --i) {
    out.PutU8(LowByte(static_cast<std::uint64_t>(value) >> (8 * (i - 1))));
  }
}

std::int64_t ReadNumber(std::size_t bytes, ByteReader& in) {
  ByteView raw;
  SR_CHECK(in.ReadBytes(bytes, raw));
  std::uint64_t value = 0;
  for (const std::uint8_t byte : raw) {
    value = (value << 8U) | byte;
  }
  return static_cast<std::int64_t>(value);
}

bool IsUpperHex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

void PutIccid(const Entry& entry, TextWriter& out) {
  std::uint8_t left = entry.iccid_digits;
  for (const std::uint8_t byte : entry.iccid) {
    out.Put(static_cast<char>('0' + (byte >> 4U)));
    if (--left == 0) {
      return;
    }
    out.Put(static_cast<char>('0' + (byte & 0x0FU)));
    --left;
  }
}

void PutName(const Entry& entry, TextWriter& out) {
  if (entry.hex_name) {
    out.PutHex(entry.name);
  } else {
    out.Put(AsText(entry.name));
  }
}

}  // namespace

std::optional<PackedName> PackName(std::string_view name) {
  if (name.size() > kMaxName) {
    return std::nullopt;
  }
  PackedName packed;
  packed.hex = name.size() % 2 == 0 && std::ranges::all_of(name, IsUpperHex);
  ByteWriter out(packed.memory);
  if (packed.hex) {
    (void)ParseHex(name, out);
  } else {
    out.PutBytes(AsBytes(name));
  }
  packed.size = out.size();
  return packed;
}

std::optional<PackedIccid> PackIccid(std::string_view iccid) {
  const bool right = iccid.size() >= kMinIccid && iccid.size() <= kMaxIccid &&
                     std::ranges::all_of(iccid, [](char c) { return c >= '0' && c <= '9'; });
  if (!right) {
    return std::nullopt;
  }
  PackedIccid packed;
  packed.digits = static_cast<std::uint8_t>(iccid.size());
  ByteWriter out(packed.memory);
  for (; !iccid.empty(); iccid.remove_prefix(std::min<std::size_t>(2, iccid.size()))) {
    const unsigned low = iccid.size() > 1 ? static_cast<unsigned>(iccid[1] - '0') : 0x0FU;
    out.PutU8(LowByte((static_cast<unsigned>(iccid[0] - '0') << 4U) | low));
  }
  return packed;
}

Entry ReadEntry(ByteView memory, std::size_t& size) {
  ByteReader in(memory);
  Entry entry;
  entry.id = ReadNumber(8, in);
  entry.not_before = ReadNumber(5, in);
  entry.not_after = ReadNumber(5, in);
  entry.first_used = ReadNumber(5, in);
  entry.changed = ReadNumber(5, in);
  std::uint8_t flags = 0;
  std::uint8_t device = 0;
  std::uint8_t name = 0;
  std::uint8_t sealed = 0;
  SR_CHECK(in.ReadU8(flags) && in.ReadU8(device) && in.ReadU8(name) && in.ReadU8(sealed));
  entry.kind = (flags & kIsPsk) != 0 ? CredentialKind::kPsk : CredentialKind::kCertificate;
  entry.hex_name = (flags & kHexName) != 0;
  entry.state = static_cast<CredentialState>((flags >> kStateShift) & 0x07U);
  entry.iccid_digits = LowByte(kMinIccid + ((flags >> kDigitsShift) & 0x03U));
  SR_CHECK(in.ReadBytes((std::size_t{entry.iccid_digits} + 1) / 2, entry.iccid) &&
           (entry.kind == CredentialKind::kPsk ? in.ReadBytes(sealed, entry.sealed)
                                               : in.ReadBytes(Fingerprint{}.size(), entry.fingerprint)) &&
           in.ReadBytes(name, entry.name) && in.ReadBytes(device, entry.device));
  size = memory.size() - in.remaining();
  return entry;
}

ByteView WriteEntry(const Entry& entry, std::array<std::uint8_t, kMaxEntry>& memory) {
  const bool psk = entry.kind == CredentialKind::kPsk;
  ByteWriter out(memory);
  PutNumber(entry.id, 8, out);
  PutNumber(entry.not_before, 5, out);
  PutNumber(entry.not_after, 5, out);
  PutNumber(entry.first_used, 5, out);
  PutNumber(entry.changed, 5, out);
  out.PutU8(LowByte((psk ? kIsPsk : 0U) | (entry.hex_name ? kHexName : 0U) |
                    (static_cast<unsigned>(entry.state) << kStateShift) |
                    (static_cast<unsigned>(entry.iccid_digits - kMinIccid) << kDigitsShift)));
  out.PutU8(LowByte(entry.device.size()));
  out.PutU8(LowByte(entry.name.size()));
  out.PutU8(LowByte(psk ? entry.sealed.size() : 0));
  out.PutBytes(entry.iccid);
  out.PutBytes(psk ? entry.sealed : entry.fingerprint);
  out.PutBytes(entry.name);
  out.PutBytes(entry.device);
  SR_CHECK(out.ok());
  return out.written();
}

Found ToFound(const Entry& entry) {
  Found found{.id = entry.id,
              .kind = entry.kind,
              .state = entry.state,
              .not_before = entry.not_before,
              .not_after = entry.not_after,
              .first_used = entry.first_used,
              .changed = entry.changed};
  TextWriter iccid(found.iccid);
  PutIccid(entry, iccid);
  TextWriter device(found.device);
  device.Put(AsText(entry.device));
  TextWriter name(found.name);
  PutName(entry, name);
  return found;
}

Credential ToCredential(const Entry& entry) {
  const Found found = ToFound(entry);
  Credential credential{.id = entry.id,
                        .kind = entry.kind,
                        .state = entry.state,
                        .name = found.name.data(),
                        .iccid = found.iccid.data(),
                        .device = found.device.data(),
                        .not_before = entry.not_before,
                        .not_after = entry.not_after,
                        .first_used = entry.first_used,
                        .changed = entry.changed};
  if (!entry.fingerprint.empty()) {
    (void)CopyBytes(entry.fingerprint, credential.fingerprint);
  }
  return credential;
}

}  // namespace simroot::server
