// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "device/transport/transport.hpp"

namespace simroot::device {

/// Opens an `at:PORT` URI: a card behind a modem's AT commands (3GPP TS 27.007).
///
/// Mode csim: MANAGE CHANNEL and SELECT over AT+CSIM (8.17). Mode cgla: AT+CCHO, AT+CGLA, AT+CCHC (8.45, 8.43, 8.46);
/// the modem owns the channel and sets its number in the class byte. Mode auto: AT+CCHO first; if the modem does not
/// have it, csim for the life of the transport, at the price of one exchange.
///
/// Nothing is sent while opening. Before its first command, and whenever another process held the port just before, the
/// transport sends ATE0 and waits for its OK: what an interrupted command left in the modem is not taken for an answer.
/// When the modem does not answer in time, or is unplugged, the transport is dead and says so at every later call.
///
/// Lock: flock on the port. Echo on or off, numeric or verbose result codes, unsolicited lines at any place between
/// lines are all understood; no initialisation is sent.
[[nodiscard]] Result<std::unique_ptr<Transport>> OpenAtTransport(const CardUri& uri, Deadline deadline);

}  // namespace simroot::device
