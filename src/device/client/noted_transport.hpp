// SPDX-License-Identifier: Apache-2.0
/// For programs that talk to a card without a Card: their channels are in the ledger, too.
#pragma once

#include "device/transport/transport.hpp"

namespace simroot::device::client {

/// As OpenTransport. Notes every channel in the user's ledger, and gets back what killed programs have left open where
/// no channel is free. Opening and closing channels needs the transport's lock.
[[nodiscard]] Result<std::unique_ptr<Transport>> OpenNotedTransport(const CardUri& uri, Deadline deadline);

/// The same around any transport. @param directory of the ledger; empty: none is kept.
[[nodiscard]] std::unique_ptr<Transport> NoteChannels(std::unique_ptr<Transport> transport,
                                                      const std::string& directory, const CardUri& uri);

}  // namespace simroot::device::client
