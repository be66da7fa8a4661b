// SPDX-License-Identifier: Apache-2.0
/// The answers to reset of the virtual UICC (ISO/IEC 7816-3 clause 8, ETSI TS 102 221 6.3).
#pragma once

#include <array>

#include "common/base/bytes.hpp"

namespace simroot::card {

/// The XOR of all bytes after TS; 0 for a whole answer to reset whose TCK is right.
[[nodiscard]] constexpr std::uint8_t AtrChecksum(ByteView after_ts) {
  std::uint8_t checksum = 0;
  for (const std::uint8_t byte : after_ts) {
    checksum = LowByte(checksum ^ byte);
  }
  return checksum;
}

/// True if `atr` is complete and consistent: TS is 3B, every TDi announces what follows, the historical bytes are as
/// many as T0 says, TCK is present and right (it must be, because T=15 is offered), nothing comes after it.
[[nodiscard]] constexpr bool AtrIsConsistent(ByteView atr) {
  constexpr std::uint8_t kDirectConvention = 0x3B;
  ByteReader reader(atr);
  std::uint8_t ts = 0;
  if (!reader.ReadU8(ts) || ts != kDirectConvention || AtrChecksum(reader.rest()) != 0) {
    return false;
  }
  std::uint8_t format = 0;
  if (!reader.ReadU8(format)) {
    return false;
  }
  const std::size_t historical_size = format & 0x0FU;
  bool more = true;
  while (more) {
    for (const unsigned interface_byte : {0x10U, 0x20U, 0x40U}) {  // TAi, TBi, TCi
      if ((format & interface_byte) != 0 && !reader.Skip(1)) {
        return false;
      }
    }
    more = (format & 0x80U) != 0;  // TDi
    if (more && !reader.ReadU8(format)) {
      return false;
    }
  }
  constexpr std::size_t kTckSize = 1;
  return reader.remaining() == historical_size + kTckSize;
}

/// Offered when the card answers as over T=0: TA1 96 (F 512, D 32), TD1 80 (T=0), TD2 1F (T=15), TA3 C7 (clock may
/// stop, classes A to C). T=1 is not offered, because pcsc-lite and most readers' drivers take T=1 whenever a card
/// offers both and the program allows both.
/// Historical bytes: 31 E0 (selection by full and partial DF name, EF.DIR present), 73 F6 21 5B (selection methods,
/// short file identifiers, record numbers; extended lengths; four logical channels, numbered by either side),
/// 67 "simroot" (pre-issuing data).
inline constexpr std::array<std::uint8_t, 22> kAtrT0{0x3B, 0x9F, 0x96, 0x80, 0x1F, 0xC7, 0x80, 0x31, 0xE0, 0x73, 0xF6,
                                                     0x21, 0x5B, 0x67, 's',  'i',  'm',  'r',  'o',  'o',  't',  0xE9};
static_assert(AtrIsConsistent(kAtrT0));

/// Offered when the card answers directly: the same with T=0 first and T=1 second (TD2 91, TA3 FE: 254 bytes a block).
inline constexpr std::array<std::uint8_t, 24> kAtrT0AndT1{0x3B, 0x9F, 0x96, 0x80, 0x91, 0xFE, 0x1F, 0xC7,
                                                          0x80, 0x31, 0xE0, 0x73, 0xF6, 0x21, 0x5B, 0x67,
                                                          's',  'i',  'm',  'r',  'o',  'o',  't',  0x86};
static_assert(AtrIsConsistent(kAtrT0AndT1));

}  // namespace simroot::card
