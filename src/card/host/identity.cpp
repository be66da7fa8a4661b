// SPDX-License-Identifier: Apache-2.0
#include "card/host/identity.hpp"

#include "common/base/crc32.hpp"

namespace simroot::card {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic{'S', 'R', 'I', 'D'};
constexpr std::uint8_t kFiller = 0x0F;

constexpr std::uint8_t Code(AppletType type) {
  return static_cast<std::uint8_t>(type);
}

bool AreDigits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// Digit `i` as a nibble, the filler past the end.
std::uint8_t Nibble(std::string_view digits, std::size_t i) {
  return i < digits.size() ? static_cast<std::uint8_t>(digits[i] - '0') : kFiller;
}

void AppendNibble(std::string& digits, unsigned nibble) {
  if (nibble < 10) {
    digits.push_back(static_cast<char>('0' + nibble));
  }
}

}  // namespace

bool WriteIdentity(Nvm& nvm, const CardIdentity& identity) {
  std::array<std::uint8_t, kIdentitySize> raw{};
  ByteWriter writer(raw);
  writer.PutBytes(kMagic);
  writer.PutU16(kIdentityLayout);
  writer.PutU8(Code(identity.applet_type));
  writer.PutBytes(identity.iccid);
  writer.PutBytes(identity.imsi);
  Crc32 crc;
  crc.Add(writer.written());
  writer.PutU32(crc.value());
  return writer.ok() && nvm.Write(0, raw) && nvm.Sync();
}

std::optional<std::uint16_t> ReadLayoutVersion(Nvm& nvm) {
  std::array<std::uint8_t, kMagic.size() + sizeof(std::uint16_t)> raw{};
  ByteReader reader(raw);
  ByteView magic;
  std::uint16_t version = 0;
  if (nvm.Size() < raw.size() || !nvm.Read(0, raw) || !reader.ReadBytes(kMagic.size(), magic) ||
      !SameBytes(magic, kMagic) || !reader.ReadU16(version)) {
    return std::nullopt;
  }
  return version;
}

std::optional<CardIdentity> ReadIdentity(Nvm& nvm) {
  std::array<std::uint8_t, kIdentitySize> raw{};
  if (nvm.Size() < kIdentitySize || !nvm.Read(0, raw)) {
    return std::nullopt;
  }
  CardIdentity identity;
  ByteReader reader(raw);
  ByteView magic;
  ByteView iccid;
  ByteView imsi;
  std::uint16_t version = 0;
  std::uint8_t type = 0;
  std::uint32_t stored_crc = 0;
  if (!reader.ReadBytes(kMagic.size(), magic) || !reader.ReadU16(version) || !reader.ReadU8(type) ||
      !reader.ReadBytes(identity.iccid.size(), iccid) || !reader.ReadBytes(identity.imsi.size(), imsi)) {
    return std::nullopt;
  }
  Crc32 crc;
  crc.Add(ByteView(raw).first(raw.size() - reader.remaining()));
  if (!reader.ReadU32(stored_crc) || stored_crc != crc.value() || !SameBytes(magic, kMagic) ||
      version != kIdentityLayout || (type != Code(AppletType::kTypeI) && type != Code(AppletType::kTypeII)) ||
      !CopyBytes(iccid, identity.iccid) || !CopyBytes(imsi, identity.imsi)) {
    return std::nullopt;
  }
  identity.applet_type = static_cast<AppletType>(type);
  return identity;
}

std::optional<std::array<std::uint8_t, 10>> EncodeIccid(std::string_view digits) {
  if (digits.size() < 18 || digits.size() > 20 || !AreDigits(digits)) {
    return std::nullopt;
  }
  std::array<std::uint8_t, 10> iccid{};
  for (std::size_t i = 0; i < iccid.size(); ++i) {
    iccid[i] = LowByte(Nibble(digits, 2 * i) | Nibble(digits, 2 * i + 1) << 4U);
  }
  return iccid;
}

std::string DecodeIccid(const std::array<std::uint8_t, 10>& iccid) {
  std::string digits;
  for (const std::uint8_t byte : iccid) {
    AppendNibble(digits, byte & 0x0FU);
    AppendNibble(digits, byte >> 4U);
  }
  return digits;
}

std::optional<std::array<std::uint8_t, 9>> EncodeImsi(std::string_view digits) {
  constexpr std::uint8_t kOddParity = 0x09;  // an odd number of digits, identity type IMSI
  if (digits.size() != 15 || !AreDigits(digits)) {
    return std::nullopt;
  }
  std::array<std::uint8_t, 9> imsi{8, LowByte(kOddParity | Nibble(digits, 0) << 4U)};
  ByteWriter rest(ByteSpan(imsi).last(7));
  for (std::size_t i = 0; i < 7; ++i) {
    rest.PutU8(LowByte(Nibble(digits, 2 * i + 1) | Nibble(digits, 2 * i + 2) << 4U));
  }
  return imsi;
}

std::string DecodeImsi(const std::array<std::uint8_t, 9>& imsi) {
  std::string digits;
  AppendNibble(digits, imsi[1] >> 4U);
  for (const std::uint8_t byte : ByteView(imsi).last(7)) {
    AppendNibble(digits, byte & 0x0FU);
    AppendNibble(digits, byte >> 4U);
  }
  return digits;
}

std::string WithCheckDigit(std::string digits) {
  unsigned sum = 0;
  bool doubled = true;  // counted from the right, the digit next to the check digit is doubled
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, doubled = !doubled) {
    const unsigned value = static_cast<unsigned>(*digit - '0') * (doubled ? 2U : 1U);
    sum += value / 10 + value % 10;
  }
  digits.push_back(static_cast<char>('0' + (10 - sum % 10) % 10));
  return digits;
}

}  // namespace simroot::card
