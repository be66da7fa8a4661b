// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/host/deadline.hpp"
#include "common/host/error.hpp"
#include "common/host/unique_fd.hpp"

namespace simroot::device {

/// A tty in raw mode, read and written within deadlines. Works on serial lines, USB modems and pseudo terminals. All
/// errors are kTransport and name the port.
class SerialPort {
 public:
  /// True for the rates termios has, 1200 to 4000000 baud.
  [[nodiscard]] static bool KnowsBaud(unsigned baud);

  /// Opens `path` and sets 8N1, raw, no flow control, modem control lines ignored. Settings that are already so are not
  /// touched, because another process may be using the port.
  /// @param name how errors call the port.
  /// @returns not there; no rights (names the device's group); used exclusively by another program; no tty; settings
  /// refused.
  [[nodiscard]] static Result<std::unique_ptr<SerialPort>> Open(const std::string& path, unsigned baud,
                                                                std::string name);

  /// Writes all of `text`.
  [[nodiscard]] Result<void> Write(std::string_view text, Deadline deadline);

  /// Reads what is there, at least one character, into `memory`. @returns how many; 0 when the deadline passed first.
  [[nodiscard]] Result<std::size_t> Read(std::span<char> memory, Deadline deadline);

  /// Throws away what has arrived unasked; no more than 64 KiB, so that an endless stream does not hold it up.
  [[nodiscard]] Result<void> DiscardInput();

  /// Takes the advisory lock of the device (flock) if it is free; false if another process or object holds it.
  [[nodiscard]] Result<bool> TryLock();
  void Unlock();

 private:
  SerialPort(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  [[nodiscard]] Result<void> Configure(unsigned baud);
  [[nodiscard]] Result<bool> WaitFor(short events, Deadline deadline);
  [[nodiscard]] tl::unexpected<Error> Lost(int error_number) const;

  UniqueFd fd_;
  std::string name_;
};

}  // namespace simroot::device
