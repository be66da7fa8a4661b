// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/modem/at_command.hpp"
#include "card/modem/at_result.hpp"
#include "common/base/result.hpp"
#include "common/base/text.hpp"

namespace simroot::card {

/// Reads an argument of hexadecimal digits, quoted or not, of either case, into `out`.
/// @returns kTextTooLong: more bytes than `out` takes. kInvalidCharacters: not hexadecimal. kIncorrectParameters: an
/// odd number of digits, or a lone quote.
[[nodiscard]] inline Expected<void, CmeError> ReadHexArgument(const AtArgument& argument, ByteWriter& out) {
  if (!argument.well_formed || argument.text.size() % 2 != 0) {
    return Unexpected(CmeError::kIncorrectParameters);
  }
  if (argument.text.size() / 2 > out.free()) {
    return Unexpected(CmeError::kTextTooLong);
  }
  if (!ParseHex(argument.text, out)) {
    return Unexpected(CmeError::kInvalidCharacters);
  }
  return {};
}

}  // namespace simroot::card
