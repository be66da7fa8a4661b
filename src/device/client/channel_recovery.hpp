// SPDX-License-Identifier: Apache-2.0
/// Gets back the logical channels that killed programs have left open. All calls need the transport's lock: two
/// processes that want the same do it one after the other.
#pragma once

#include <functional>

#include "device/client/channel_ledger.hpp"

namespace simroot::device::client {

/// True for 6A81.
[[nodiscard]] bool IsNoChannelFree(const Error& error);

/// True if opening may have failed because no channel is free. AT+CCHO does not tell why it failed: it ends like that
/// for an unknown application, too.
[[nodiscard]] bool MayBeFull(const Error& error, const Transport& transport);

/// Closes the noted channels of processes that are gone, and those of this process that `is_lost` names; takes them out
/// of the ledger even if the card says that they were not open. A channel whose number a living process has noted is
/// left alone, be the one a session and the other not: a modem may call a session by the number of its channel.
/// @returns how many were taken out; errors of domain kTransport only: then the others are still in it.
[[nodiscard]] Result<std::size_t> CloseAbandoned(Transport& transport, const ChannelLedger& ledger,
                                                 const std::function<bool(const Channel&)>& is_lost, Deadline deadline);

/// If a process was killed while it opened a channel: closes one channel that no living process has noted. It may be
/// that of a program which does not keep the ledger, so this is for a card on which no channel is free, and one at a
/// time. At most as many as there are intents of killed processes are closed in all. @returns whether one was closed;
/// errors of domain kTransport only: then the intents stay.
[[nodiscard]] Result<bool> CloseUnnoted(Transport& transport, const ChannelLedger& ledger, Deadline deadline);

/// Calls `open`; as long as it fails because no channel may be free, and others can be got back, does that and calls it
/// again. @param is_lost as for CloseAbandoned.
[[nodiscard]] Result<Channel> OpenAnyhow(Transport& transport, const ChannelLedger& ledger,
                                         const std::function<Result<Channel>()>& open,
                                         const std::function<bool(const Channel&)>& is_lost, Deadline deadline);

}  // namespace simroot::device::client
