// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/bytes.hpp"

namespace simroot::wire {

/// What every way into a card talks to: power, answer to reset, one APDU in and one out. The UICC implements it; the
/// emulated modem, the link to vpcd and the in-process transport use it. Not safe for several threads at once.
class CardEndpoint {
 public:
  /// Warm or cold reset: all volatile state (channels, selection, sessions, volatile keys on a cold reset) is gone.
  virtual void Reset() = 0;

  /// The answer to reset (ISO/IEC 7816-3), 2 to 33 bytes, borrowed for the life of the endpoint.
  [[nodiscard]] virtual ByteView Atr() const = 0;

  /// Runs one command APDU. Always answers: the result counts response data and status word, 2 or more bytes.
  /// @param response at least kMaxShortResponse bytes; kMaxResponse if extended commands are used.
  [[nodiscard]] virtual std::size_t Transmit(ByteView command, ByteSpan response) = 0;

 protected:
  ~CardEndpoint() = default;
};

}  // namespace simroot::wire
