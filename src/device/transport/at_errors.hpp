// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/host/error.hpp"
#include "device/transport/at_response_parser.hpp"

namespace simroot::device {

/// True if the modem has no SIM that it can use, whatever the command: not inserted, PIN or PUK required, failure,
/// busy, wrong (+CME ERROR 5 to 7 and 10 to 18, 3GPP TS 27.007 9.2.1), as a number or in words.
[[nodiscard]] bool IsSimTrouble(const AtAnswer& answer);

/// True for +CME ERROR 22, "not found".
[[nodiscard]] bool IsNotFound(const AtAnswer& answer);

/// True for +CME ERROR 20, "memory full": no channel is free for another session.
[[nodiscard]] bool IsFull(const AtAnswer& answer);

/// The final result code as people read it: "ERROR", "+CME ERROR 10, SIM not inserted".
[[nodiscard]] std::string AnswerText(const AtAnswer& answer);

/// kTransport: `port` refused `verb` with `answer`, and what to do.
[[nodiscard]] tl::unexpected<Error> AtRefusal(const std::string& port, const std::string& verb, const AtAnswer& answer);

}  // namespace simroot::device
