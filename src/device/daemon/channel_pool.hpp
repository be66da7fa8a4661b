// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>

#include "device/client/channel_ledger.hpp"
#include "device/daemon/channel_state.hpp"
#include "device/daemon/turn_queue.hpp"

namespace simroot::device::daemon {

/// A logical channel of the card that the daemon has opened.
struct PooledChannel {
  Channel channel;
  Bytes aid;
  ChannelState state;
  ClientId owner = kNobody;  ///< who left something on it that belongs together; nobody: for whoever comes
  std::uint8_t handle = 0;   ///< the owner's name for it
  Deadline::Clock::time_point last_used;
};

/// Whose a channel is to be: a client, and its name for the channel.
struct Claim {
  ClientId client = kNobody;
  std::uint8_t handle = 0;
};

/// The channels that the daemon keeps open, at most kMaxChannels. A channel is given to a client that has nothing on it
/// only while it is clean. All calls that talk to the card need the transport's lock. Every channel is noted in the
/// ledger, so that a later daemon finds what a killed one has left open.
class ChannelPool {
 public:
  static constexpr std::size_t kMaxChannels = 3;

  /// The port was opened: what was known of its channels is forgotten. Those of the daemon itself that may still be
  /// open on the card remain in the ledger.
  void Start(client::ChannelLedger ledger);

  /// The channel with what `claim` has left on it; nullptr if there is none (any more).
  [[nodiscard]] PooledChannel* Find(const Claim& claim);

  /// A clean channel to the application: one that is there, one that is made clean, or a new one. If there is no room,
  /// a channel that was not used for the longest time is closed; one on which a client has left something only if there
  /// is no other. @returns errors of the transport; kCard with 6A82 or 6A81.
  [[nodiscard]] Result<PooledChannel*> Acquire(Transport& transport, ByteView aid, ClientId client, Deadline deadline);

  /// Selects the application again; closes the channel if that fails. @returns errors of domain kTransport only.
  [[nodiscard]] Result<void> Clean(Transport& transport, PooledChannel& channel, Deadline deadline);
  /// Cleans all that belong to nobody and are not clean.
  [[nodiscard]] Result<void> CleanAll(Transport& transport, Deadline deadline);
  [[nodiscard]] bool NeedsCleaning() const;

  /// What `client` has left on channels belongs to nobody now.
  void Disown(ClientId client);
  void Disown(const Claim& claim);

  /// Closes the channels that belong to nobody: makes room for a client that opens its own.
  [[nodiscard]] Result<void> CloseFree(Transport& transport, Deadline deadline);
  /// Closes all.
  void CloseAll(Transport& transport, Deadline deadline);

  /// The card was reset, it seems: the channels are gone. The ledger keeps them, for CloseAbandoned if they are not.
  void Forget();

  /// Closes what the ledger says that processes which are gone have left open, and this one before an error. @returns
  /// how many.
  [[nodiscard]] Result<std::size_t> CloseAbandoned(Transport& transport, Deadline deadline);
  /// No channel is free: closes what such processes have left open, noted or not. False if that is nothing.
  [[nodiscard]] Result<bool> Reclaim(Transport& transport, Deadline deadline);

  /// A client is about to open a channel itself, or may be. EndForeign follows, before that NoteForeign if it has.
  void AnnounceForeign() { ledger_->Announce(); }
  void EndForeign(const Result<Bytes>& answer);
  /// A channel that a client has opened itself.
  void NoteForeign(std::uint8_t number);
  void DropForeign(std::uint8_t number);

  /// How many channels were opened so far.
  [[nodiscard]] std::uint64_t opened() const { return opened_; }

  [[nodiscard]] const std::list<PooledChannel>& channels() const { return channels_; }

 private:
  [[nodiscard]] Result<PooledChannel*> Open(Transport& transport, ByteView aid, ClientId client, Deadline deadline);
  [[nodiscard]] Result<Channel> OpenAnyhow(Transport& transport, ByteView aid, ClientId client, Deadline deadline);
  [[nodiscard]] Result<bool> CloseOne(Transport& transport, ClientId client, Deadline deadline);
  [[nodiscard]] Result<void> Close(Transport& transport, std::list<PooledChannel>::iterator channel, Deadline deadline);
  [[nodiscard]] bool IsOurs(const Channel& channel) const;

  std::optional<client::ChannelLedger> ledger_;
  std::list<PooledChannel> channels_;
  std::vector<std::uint8_t> foreign_;
  std::uint64_t opened_ = 0;
};

}  // namespace simroot::device::daemon
