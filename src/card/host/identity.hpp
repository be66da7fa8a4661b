// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "card/applet/config.hpp"
#include "card/port/nvm.hpp"

namespace simroot::card {

/// Who the card is: written once, when the card is made.
struct CardIdentity {
  AppletType applet_type = AppletType::kTypeI;
  std::array<std::uint8_t, 10> iccid{};  ///< content of EF.ICCID: digits in pairs, swapped, filled with F (TS 102 221)
  std::array<std::uint8_t, 9> imsi{};    ///< content of EF.IMSI: length, then parity and digits (TS 31.102)
};

/// Bytes at the start of the NVM that hold the identity (docs/formats/nvm.md).
inline constexpr std::size_t kIdentitySize = 64;
/// Layout of the whole memory that this program reads and writes.
inline constexpr std::uint16_t kIdentityLayout = 2;

[[nodiscard]] bool WriteIdentity(Nvm& nvm, const CardIdentity& identity);
/// The layout that the memory claims to have; nothing if it is no card's.
[[nodiscard]] std::optional<std::uint16_t> ReadLayoutVersion(Nvm& nvm);
/// Nothing if the NVM does not begin with a valid identity block of our layout.
[[nodiscard]] std::optional<CardIdentity> ReadIdentity(Nvm& nvm);

/// 18 to 20 digits to EF.ICCID; nothing for anything else. The check digit is not judged.
[[nodiscard]] std::optional<std::array<std::uint8_t, 10>> EncodeIccid(std::string_view digits);
[[nodiscard]] std::string DecodeIccid(const std::array<std::uint8_t, 10>& iccid);
/// 15 digits to EF.IMSI.
[[nodiscard]] std::optional<std::array<std::uint8_t, 9>> EncodeImsi(std::string_view digits);
[[nodiscard]] std::string DecodeImsi(const std::array<std::uint8_t, 9>& imsi);
/// `digits` with the Luhn check digit of ITU-T E.118 appended.
[[nodiscard]] std::string WithCheckDigit(std::string digits);

}  // namespace simroot::card
