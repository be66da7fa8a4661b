// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "common/host/error.hpp"
#include "common/host/unique_fd.hpp"
#include "device/transport/transport.hpp"

namespace simroot::device::daemon {

struct ListenerOptions {
  std::string path;
  mode_t mode = 0660;
  std::string group = {};  ///< name or number; empty: the process's own
};

/// The listening socket. One that was made here is removed from the file system at the end; one from the service
/// manager belongs to it.
class Listener {
 public:
  /// Makes the socket with its final rights before anybody can connect. A socket at the path on which nobody listens is
  /// replaced. @returns kUsage: path too long, or no such group. kStore: somebody listens there, or it cannot be made.
  [[nodiscard]] static Result<Listener> Make(const ListenerOptions& options);

  /// The socket that systemd hands over (sd_listen_fds(3)), if there is one; takes the variables out of the
  /// environment. @returns kUsage if what is handed over is not one listening stream socket in the file system.
  [[nodiscard]] static Result<std::optional<Listener>> FromServiceManager();

  Listener(Listener&& other) noexcept = default;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  Listener(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  UniqueFd fd_;
  std::string path_;
  bool made_here_ = false;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// Keeps a second daemon off the same port, for as long as it lives; a killed process leaves nothing that stands in the
/// way.
class PortClaim {
 public:
  /// @param directory private to this user; made if it is missing. @returns kStore: another daemon has the port, or the
  /// file for it cannot be made.
  [[nodiscard]] static Result<PortClaim> Take(const std::string& directory, const CardUri& card);

 private:
  explicit PortClaim(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

/// RUNTIME_DIRECTORY, which systemd sets, else XDG_RUNTIME_DIR/simroot, else /run/simroot-carded for root, else a
/// directory of this user below /tmp.
[[nodiscard]] std::string DefaultDaemonDirectory();

/// Tells the service manager about a change (sd_notify(3)): "READY=1", "STOPPING=1". Nothing happens without one.
void NotifyServiceManager(std::string_view state);

}  // namespace simroot::device::daemon
