// SPDX-License-Identifier: Apache-2.0
/// The folder, the files and the programs of one demo run.
#pragma once

#include <string>

#include "process.hpp"

namespace simroot::app {

/// A folder of its own under TMPDIR, mode 0700, removed at the end unless kept:
///   card/    the virtual SIM (the only place where the private key is)
///   device/  what a device has: configuration, wrapper file, certificates, cache
///   ca/      the throw-away certificate authority and the server's key
class Workshop {
 public:
  [[nodiscard]] static Result<Workshop> Create(bool keep);
  Workshop(Workshop&& other) noexcept : root_(std::exchange(other.root_, {})), keep_(other.keep_) {}
  Workshop& operator=(Workshop&&) = delete;
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;
  ~Workshop();

  [[nodiscard]] const std::string& root() const { return root_; }
  [[nodiscard]] std::string Card(const std::string& file) const { return root_ + "/card/" + file; }
  [[nodiscard]] std::string Device(const std::string& file) const { return root_ + "/device/" + file; }
  [[nodiscard]] std::string Ca(const std::string& file) const { return root_ + "/ca/" + file; }

  /// Writes the device's openssl.cnf for the card behind `port`.
  [[nodiscard]] Result<void> WriteDeviceConfiguration(const std::string& provider_folder,
                                                      const std::string& card) const;
  /// A call of a program as the device runs it: with that configuration and nothing else of simroot's.
  [[nodiscard]] ProgramCall OnDevice(std::vector<std::string> arguments) const;
  /// A call of a program on the other side, which knows nothing of cards.
  [[nodiscard]] ProgramCall Elsewhere(std::vector<std::string> arguments) const;

  /// Makes the CA and the server's key and certificate for localhost.
  [[nodiscard]] Result<void> MakeCaAndServer(int stop_fd) const;
  /// Has the CA sign device/device.csr into device/device.pem.
  [[nodiscard]] Result<void> SignDeviceRequest(int stop_fd) const;

 private:
  Workshop(std::string root, bool keep) : root_(std::move(root)), keep_(keep) {}
  std::string root_;
  bool keep_;
};

/// Runs a program and fails with its output unless it ends with status 0.
[[nodiscard]] Result<std::string> RunChecked(const ProgramCall& call, int stop_fd);

}  // namespace simroot::app
