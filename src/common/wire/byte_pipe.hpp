// SPDX-License-Identifier: Apache-2.0
/// The byte pipe: a card behind a stream of bytes (docs/formats/byte-pipe.md). A message is its length in two bytes,
/// big endian, and as many bytes. One byte is a control code; everything longer is a command APDU towards the card and
/// a response APDU, or an answer to reset, from it.
#pragma once

#include "common/base/bytes.hpp"

namespace simroot::wire {

inline constexpr std::size_t kPipeLengthSize = 2;

/// Control codes, as in vpcd's protocol. The first three have no answer. Codes that a card does not know, and empty
/// messages, are passed over.
enum class PipeControl : std::uint8_t {
  kPowerOff = 0x00,
  kPowerOn = 0x01,
  kReset = 0x02,
  kGetAtr = 0x04,
};

/// Codes from here on are a product's own. One that the product knows is answered with the answer to reset when it has
/// been carried out.
inline constexpr std::uint8_t kFirstProductControl = 0x80;

}  // namespace simroot::wire
