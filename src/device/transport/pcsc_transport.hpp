// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "device/transport/pcsc_api.hpp"
#include "device/transport/transport.hpp"

namespace simroot::device {

/// Opens a `pcsc:[part of the reader's name]` URI with a context and a shared connection of its own. Waits for a card
/// until the deadline.
///
/// Lock is SCardBeginTransaction. pcsc-lite has no time limit for that call, for SCardConnect nor for SCardTransmit, so
/// all calls are made by a thread of the transport; when the caller's deadline passes, the call is left behind, the
/// transport is dead, and what it holds is given back when the call returns (BoundedWorker).
///
/// If another program resets the card, the next call gives kTransport: all channels are gone, open the transport again.
/// In a forked child the object refuses to work, and its destruction there leaves the inherited context alone.
/// @param api borrowed by nobody else than this transport and its thread; tests give their own.
[[nodiscard]] Result<std::unique_ptr<Transport>> OpenPcscTransport(const CardUri& uri, Deadline deadline,
                                                                   std::shared_ptr<PcscApi> api);

/// The same over the system's pcsc-lite.
[[nodiscard]] Result<std::unique_ptr<Transport>> OpenPcscTransport(const CardUri& uri, Deadline deadline);

}  // namespace simroot::device
