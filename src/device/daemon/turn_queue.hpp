// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace simroot::device::daemon {

/// Names one connection for the life of the daemon; 0 is nobody.
using ClientId = std::uint64_t;
inline constexpr ClientId kNobody = 0;

/// Whose turn it is. One client at a time has the card; the others wait in order of arrival, each at most once. Who
/// comes back after its turn stands at the end. Pure: the caller brings the time, and keeps the number of clients
/// small.
class TurnQueue {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// @param limit how long a turn may last while others wait.
  explicit TurnQueue(std::chrono::milliseconds limit) : limit_(limit) {}

  struct Waiting {
    ClientId client = kNobody;
    Time since;
    Time until;
  };

  /// `client` waits until `until`. False if it waits already, or has the turn.
  [[nodiscard]] bool Wait(ClientId client, Time now, Time until);

  /// Gives the turn to the first who waits, if nobody has it. @returns who that is.
  [[nodiscard]] std::optional<Waiting> Next(Time now);

  /// `client` is gone, or has had its turn: it neither waits nor has the turn any more.
  void Leave(ClientId client);

  /// Takes out those who have waited too long.
  [[nodiscard]] std::vector<ClientId> TakeExpired(Time now);

  /// The holder, if its turn has lasted too long and somebody waits. The caller takes it away with Leave.
  [[nodiscard]] std::optional<ClientId> Overdue(Time now) const;

  /// When TakeExpired will have something to say.
  [[nodiscard]] std::optional<Time> NextExpiry() const;
  /// When Overdue will have something to say.
  [[nodiscard]] std::optional<Time> NextOverdue() const;

  [[nodiscard]] ClientId holder() const { return holder_; }
  [[nodiscard]] Time holder_since() const { return holder_since_; }
  [[nodiscard]] const std::deque<Waiting>& waiting() const { return waiting_; }

 private:
  std::chrono::milliseconds limit_;
  ClientId holder_ = kNobody;
  Time holder_since_;
  std::deque<Waiting> waiting_;
};

}  // namespace simroot::device::daemon
