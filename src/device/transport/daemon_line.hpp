// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "common/host/deadline.hpp"
#include "common/host/unique_fd.hpp"
#include "device/transport/daemon_protocol.hpp"
#include "device/transport/process_guard.hpp"

namespace simroot::device {

/// A client's connection to the card daemon: one request out, one reply in. After an error of domain kTransport of its
/// own (not one that the daemon reports) it is dead, and every later call repeats the error.
class DaemonLine {
 public:
  /// Connects and agrees on the version.
  /// @param name how errors call the daemon: its URI.
  /// @returns kUsage: the path is too long. kTransport: no socket, nobody there, no rights, or no answer. kProtocol:
  /// another protocol, or another version of it.
  [[nodiscard]] static Result<std::shared_ptr<DaemonLine>> Open(const std::string& path, std::string name,
                                                                Deadline deadline);
  DaemonLine(const DaemonLine&) = delete;
  DaemonLine& operator=(const DaemonLine&) = delete;

  /// Sends `request` and waits for the reply. The time limit in it is filled in: a little less than what is left, so
  /// that the daemon's own sentence arrives in time.
  /// @returns the body, borrowed until the next call; or the error that the daemon reports, its text beginning with the
  /// name; or an error of the connection.
  [[nodiscard]] Result<ByteView> Ask(DaemonRequest request, Deadline deadline);

  /// Ends the transaction without a reply. Never waits; a connection that takes no bytes dies, which ends it too.
  /// Keeps silent in a forked child.
  void Unlock();

 private:
  DaemonLine(UniqueFd socket, std::string name) : socket_(std::move(socket)), name_(std::move(name)) {}

  [[nodiscard]] Result<void> Greet(Deadline deadline);
  [[nodiscard]] Result<void> Send(ByteView frame, Deadline deadline);
  [[nodiscard]] Result<ByteView> Receive(Deadline deadline);
  [[nodiscard]] tl::unexpected<Error> Die(ErrorDomain domain, std::string message, std::string next_step);
  [[nodiscard]] tl::unexpected<Error> DieClosed(int error_number);
  [[nodiscard]] tl::unexpected<Error> DieSilent();

  UniqueFd socket_;
  std::string name_;
  ProcessGuard process_;
  std::optional<Error> death_;
  DaemonFrameBuffer buffer_{kMaxDaemonReply};
};

/// The status of the daemon behind the socket.
[[nodiscard]] Result<DaemonStatus> AskDaemonStatus(const std::string& path, const std::string& name, Deadline deadline);

}  // namespace simroot::device
