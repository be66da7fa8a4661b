// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "device/transport/transport.hpp"

namespace simroot::device {

/// Opens a `unix:PATH` URI: a card that a card daemon (`simroot carded`) owns and shares (docs/card-daemon.md).
///
/// Lock waits for this client's turn; everything else must happen under it. A channel is one of the daemon's, ready and
/// clean; it costs an exchange with the card only if the daemon has none for this application. The ICCID comes from the
/// daemon's memory. Channel 0 without session is for commands that name their channel themselves: the client can open
/// and close logical channels with MANAGE CHANNEL and use those, for the length of one transaction.
///
/// A transaction that lasts too long is taken away while others wait: the next call gives kTransport, and the client
/// opens the transport again. So does every trouble that the daemon has with its port.
[[nodiscard]] Result<std::unique_ptr<Transport>> OpenUnixTransport(const CardUri& uri, Deadline deadline);

}  // namespace simroot::device
