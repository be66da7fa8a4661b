// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>

#include "device/daemon/channel_pool.hpp"
#include "device/daemon/command_rules.hpp"
#include "device/daemon/pin_guard.hpp"
#include "device/transport/daemon_protocol.hpp"

namespace simroot::device::daemon {

struct HolderOptions {
  CardUri card;
  std::function<Result<std::unique_ptr<Transport>>(const CardUri&, Deadline)> open_transport = OpenTransport;
  std::string runtime_directory;                ///< of what ends with the machine; empty: none is kept
  std::string ledger_directory;                 ///< of the channel ledger; empty: runtime_directory
  std::function<void(const std::string&)> log;  ///< takes one line, from any thread; may be empty
  TransportObserver* observer = nullptr;        ///< borrowed; called from the thread that uses the holder
  std::chrono::milliseconds first_pause{100};   ///< after the port could not be opened; doubles each time
  std::chrono::milliseconds longest_pause{5000};
  /// While the port is closed, a client's request tries it again, but not sooner than this after the last attempt.
  std::chrono::milliseconds shortest_pause{250};
};

/// What is told about the card without asking it.
struct HolderStatus {
  bool open = false;
  std::string trouble;
  std::string iccid;
  std::uint32_t openings = 0;
  std::uint32_t exchanges = 0;
  struct Channel {
    std::uint8_t number = 0;
    bool clean = false;
    ClientId owner = kNobody;
    Bytes aid;
  };
  std::vector<Channel> channels;
  /// When Tidy() will have something to do; nothing: when something else has happened.
  std::optional<Deadline::Clock::time_point> tidy_at;
};

/// The card and everything that is kept of it between transactions: port, channels, who may what. Used by one thread.
/// Knows nothing of sockets and turns: its caller gives one client at a time a transaction, Begin to End, and makes all
/// calls for that client between them.
///
/// After an error of domain kTransport the port is closed; channels, and what clients had on them, are gone. The next
/// Begin, or Tidy, opens it again.
class CardHolder {
 public:
  explicit CardHolder(HolderOptions options);

  /// Opens the port if it is closed, and locks it against other processes. @returns why there is no card.
  [[nodiscard]] Result<void> Begin(Deadline deadline);
  /// Closes the channels that the client has opened itself, and unlocks the port.
  void End();
  /// `client` is gone: what it has left on channels is to be cleaned.
  void Forget(ClientId client);

  /// @returns a name for a channel of `client` to the application, 1 to kMaxDaemonChannel. kUsage: it has too many.
  [[nodiscard]] Result<std::uint8_t> OpenChannel(ClientId client, ByteView aid, Deadline deadline);
  [[nodiscard]] Result<void> CloseChannel(ClientId client, std::uint8_t handle);
  /// The card's answer; 6881 if the channel is gone, because the card was reset or another client needed it; 6982 if
  /// another client has given the PIN and this one has not. @returns kUsage: not allowed on such a channel.
  [[nodiscard]] Result<Bytes> Transmit(ClientId client, std::uint8_t handle, ByteView command, Deadline deadline);
  [[nodiscard]] Result<std::string> Iccid(Deadline deadline);

  /// Between transactions: opens the port, cleans channels, opens one to the application that was used last.
  void Tidy(Deadline deadline);
  /// Closes channels and port.
  void Shutdown(Deadline deadline);

  [[nodiscard]] HolderStatus Status() const;

 private:
  using Time = Deadline::Clock::time_point;
  /// A client's channel: an application, and what the client may have on a channel of the card.
  struct Lease {
    Bytes aid;
    std::uint64_t generation = 0;  ///< of the card, when it was opened
    bool has_state = false;        ///< the client has left something on the card's channel
  };
  using LeaseKey = std::pair<ClientId, std::uint8_t>;
  struct UnknownAid {
    Bytes aid;
    Time until;
  };

  [[nodiscard]] Result<void> EnsureOpen(Deadline deadline, std::chrono::milliseconds pause);
  void Drop(const Error& error);
  void NextGeneration();
  template <typename T>
  [[nodiscard]] Result<T> Watched(Result<T> result) {
    if (!result && result.error().domain == ErrorDomain::kTransport) {
      Drop(result.error());
    }
    return result;
  }

  [[nodiscard]] Result<PooledChannel*> Resolve(const LeaseKey& key, const Lease& lease, Deadline deadline);
  [[nodiscard]] Result<PooledChannel*> AcquireKnown(ByteView aid, ClientId client, Deadline deadline);
  [[nodiscard]] Result<void> AskForPin(const PooledChannel& channel, Deadline deadline);
  [[nodiscard]] Result<Bytes> TransmitOnLease(const LeaseKey& key, Lease& lease, ByteView command, Deadline deadline);
  [[nodiscard]] Result<Bytes> TransmitRaw(ClientId client, ByteView command, Deadline deadline);
  [[nodiscard]] Result<Bytes> OpenRaw(ByteView command, Deadline deadline);
  void NotePin(ClientId client, const Bytes& aid, ByteView command, const Result<Bytes>& answer);
  void PinWasGiven(ClientId client, const Bytes& aid);
  void NoteRaw(std::uint8_t number);
  void DropRaw(std::uint8_t number);
  void YieldToPool();
  void NoteSelected(const RawCommand& raw, ByteView command, ByteView answer);
  [[nodiscard]] Bytes SelectedOn(std::uint8_t number) const;
  [[nodiscard]] bool MayUseRaw(const RawCommand& raw) const;
  [[nodiscard]] Result<Bytes> Send(const Channel& channel, ByteView command, Deadline deadline);
  [[nodiscard]] Result<void> Warm(Deadline deadline);

  HolderOptions options_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<TransportLock> lock_;
  ChannelPool pool_;
  PinGuard pin_{false};
  std::map<LeaseKey, Lease> leases_;
  std::vector<std::uint8_t> raw_channels_;  ///< opened by the client whose transaction it is
  std::vector<std::uint8_t> raw_was_free_;  ///< those that it has found free so far
  std::map<std::uint8_t, Bytes> raw_aids_;  ///< what it has selected on them, where that is certain
  bool raw_has_room_ = false;               ///< our own free channels were closed for it
  std::vector<UnknownAid> unknown_aids_;
  std::uint64_t generation_ = 1;  ///< of everything that a reset of the card ends
  std::uint64_t warm_generation_ = 0;
  Bytes warm_aid_;
  std::optional<std::string> iccid_;
  std::optional<Error> trouble_;
  bool ledger_was_searched_ = false;
  std::chrono::milliseconds pause_{0};
  Time last_attempt_;
  std::uint32_t openings_ = 0;
  std::uint64_t closed_exchanges_ = 0;
};

}  // namespace simroot::device::daemon
