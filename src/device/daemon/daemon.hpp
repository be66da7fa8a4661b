// SPDX-License-Identifier: Apache-2.0
/// The card daemon: one thread that serves sockets, one that talks to the card (README.md of this folder).
#pragma once

#include <poll.h>

#include "device/daemon/card_worker.hpp"
#include "device/daemon/connection.hpp"

namespace simroot::device::daemon {

struct DaemonOptions {
  HolderOptions holder;
  std::size_t max_clients = 64;                         ///< connections
  std::size_t max_clients_of_user = 48;                 ///< of one user
  std::chrono::milliseconds transaction_limit{30'000};  ///< after it, a transaction is taken away if others wait
  std::chrono::milliseconds half_done_limit{10'000};    ///< for the rest of a request or a reply that has begun
  /// For one request at the card. A client that waits less does not end it: its exchange with the card is finished, so
  /// that the next one finds the port in step.
  std::chrono::milliseconds min_exchange{10'000};
  std::chrono::milliseconds max_exchange{60'000};
  std::chrono::milliseconds max_wait{600'000};  ///< for a turn, whatever the client asks for
  std::function<void(const std::string&)> log;  ///< takes one line; may be empty
  std::function<void()> on_stop;                ///< the daemon begins to stop; may be empty
};

/// Serves the clients of one listening socket.
class Daemon {
 public:
  /// @param listener a listening socket, not blocking; borrowed for the life of the daemon.
  Daemon(DaemonOptions options, int listener);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon();

  /// Serves until `stop_fd` becomes readable. Then clients that wait are told, what the card is doing is finished, its
  /// channels are closed. @returns kTransport if the listening socket fails.
  [[nodiscard]] Result<void> Run(int stop_fd);

 private:
  using Time = Deadline::Clock::time_point;
  using State = Connection::State;

  // daemon.cpp: sockets, time, turns
  void Accept();
  [[nodiscard]] bool MakeRoomFor(const Peer& peer);
  void ServeConnections(std::span<const pollfd> events);
  void Remove(ClientId id, const std::string& why);
  void Log(const std::string& line) const;
  void LogOfClients(const std::string& line);
  [[nodiscard]] int PollTimeoutMs() const;
  void WatchTime();
  void Stop();
  void StartNext();
  void EndTurn(ClientId id);
  void StartTidy();
  [[nodiscard]] Connection* Find(ClientId id);
  [[nodiscard]] bool CardIsBusy() const { return ending_ || tidying_; }

  // requests.cpp: what clients ask for
  void ServeFrames(ClientId id);
  /// False: the client breaks the protocol.
  [[nodiscard]] bool ServeRequest(Connection& client, const DaemonRequest& request);
  [[nodiscard]] bool Greet(Connection& client, const DaemonRequest& request);
  void Lock(Connection& client, const DaemonRequest& request);
  void AskCard(Connection& client, const DaemonRequest& request);
  void Refuse(Connection& client, const Error& error) { client.Send(EncodeDaemonError(error)); }
  void Answer(ClientId id, Bytes frame);
  [[nodiscard]] Error BusyError() const;
  [[nodiscard]] Error NoTurnError(const Connection& client) const;
  [[nodiscard]] DaemonStatus Status() const;
  [[nodiscard]] DaemonStatus::Peer PeerOf(ClientId id, Time since) const;
  [[nodiscard]] std::chrono::milliseconds ExchangeTime(std::uint32_t timeout_ms) const;

  DaemonOptions options_;
  int listener_;
  std::map<ClientId, std::unique_ptr<Connection>> clients_;
  ClientId last_id_ = kNobody;
  TurnQueue turns_;
  bool ending_ = false;  ///< a turn is over, the card is being given back
  bool tidying_ = false;
  bool stopping_ = false;
  bool stopped_ = false;
  Time started_ = Deadline::Clock::now();
  std::uint32_t transactions_ = 0;
  std::uint32_t taken_away_ = 0;
  Time lines_since_;
  std::uint32_t lines_ = 0;  ///< that clients have caused since then
  CardWorker worker_;
};

}  // namespace simroot::device::daemon
