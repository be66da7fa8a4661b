// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include "common/host/deadline.hpp"
#include "common/host/unique_fd.hpp"
#include "device/daemon/turn_queue.hpp"
#include "device/transport/daemon_protocol.hpp"

namespace simroot::device::daemon {

/// Who is at the other end of a socket, as the kernel says.
struct Peer {
  pid_t pid = 0;  ///< 0: in a container that shares no process numbers with us
  uid_t uid = 0;
};

/// One client's socket. Reads nothing while a request of the client is being served, and holds one request and one
/// reply at most; both are wiped.
class Connection {
 public:
  enum class State : std::uint8_t {
    kNew,      ///< has not said hello
    kIdle,     ///< nothing is being done for it
    kWaiting,  ///< for its turn
    kAsked,    ///< the card is at work for it
  };
  enum class Io : std::uint8_t { kOk, kEnded };
  using Time = Deadline::Clock::time_point;

  /// Takes a connected socket and asks the kernel who is there.
  Connection(ClientId id, UniqueFd socket);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  [[nodiscard]] ClientId id() const { return id_; }
  [[nodiscard]] const Peer& peer() const { return peer_; }
  [[nodiscard]] int fd() const { return socket_.get(); }
  /// Readable once the process that connected has ended, even if a child of it still has the socket; -1 if unknown.
  [[nodiscard]] int process_fd() const { return process_.get(); }

  /// What to wait for on fd().
  [[nodiscard]] short Events() const;
  /// Serves the events that have come. @returns kEnded: the client is gone.
  [[nodiscard]] Io Serve(short events);

  /// The next request, if none is being served and all is written; nothing if it is not whole.
  [[nodiscard]] std::optional<ByteView> Frame() const;
  void DropFrame() { in_.Drop(); }
  /// The client has sent something that no frame begins with.
  [[nodiscard]] bool Broken() const { return in_.Broken(); }

  /// Writes a frame, or what of it the socket takes now. Errors show at the next Serve.
  void Send(Bytes frame);

  /// Since when it has been in the middle of a request or a reply; nothing if it is not.
  [[nodiscard]] std::optional<Time> HalfDoneSince() const;

  State state = State::kNew;
  bool had_turn = false;    ///< ever: the card's side may know of it
  bool taken_away = false;  ///< its transaction was ended, and it has not been told
  Time last_active = Deadline::Clock::now();

 private:
  [[nodiscard]] Io Receive();
  [[nodiscard]] Io Flush();
  [[nodiscard]] bool MayRead() const;

  ClientId id_;
  UniqueFd socket_;
  UniqueFd process_;
  Peer peer_;
  DaemonFrameBuffer in_{kMaxDaemonRequest};
  Time in_since_;
  Bytes out_;
  std::size_t out_done_ = 0;
  Time out_since_;
};

}  // namespace simroot::device::daemon
