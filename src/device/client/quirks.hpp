// SPDX-License-Identifier: Apache-2.0
/// What is known of real cards before the first command is sent. Deviations live here and never in a parser.
#pragma once

#include "common/iotsafe/vocabulary.hpp"

namespace simroot::device::client {

/// The two class bytes under which the applet's commands are known (spec 1.3): 8c and 0c, c being the channel.
enum class ClassForm : std::uint8_t { kProprietary, kInterindustry };

/// How one card is spoken to. Starts as the quirks table says and is corrected by what the card answers.
struct Dialect {
  ClassForm command_class = ClassForm::kProprietary;         ///< tried first; the other one after 6E00
  ClassForm get_response_class = ClassForm::kInterindustry;  ///< tried first; the other one after 6E00
  std::uint8_t read_block = 255;                             ///< Le of READ FILE, 1 to 255 bytes
  bool one_byte_signature_length = false;                    ///< VERIFY SIGNATURE: 33 40 instead of 33 00 40

  friend constexpr bool operator==(const Dialect&, const Dialect&) = default;
};

/// The dialect of the applet behind `aid`, the ordinary one if nothing is known of it. Keyed by AID because that costs
/// no command; a proprietary identifier would cost one before the first signature.
[[nodiscard]] Dialect DialectOf(ByteView aid);

}  // namespace simroot::device::client
