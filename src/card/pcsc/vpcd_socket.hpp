// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "common/base/bytes.hpp"
#include "common/host/deadline.hpp"
#include "common/host/error.hpp"
#include "common/host/unique_fd.hpp"

namespace simroot::card {

/// A TCP connection to vpcd, tuned for its habits. vpcd writes the length and the body of a message separately; with
/// the usual delayed acknowledgement its kernel keeps the body back for some 40 ms. So this end acknowledges at once:
/// TCP_QUICKACK, which the kernel forgets again and again, is set before every read.
class VpcdSocket {
 public:
  /// @param host an IPv4 or IPv6 address, or "localhost"; names are not looked up, because that wait has no deadline.
  /// @param allow_remote false: only loopback addresses.
  /// @returns kUsage: bad or refused address. kTransport: nobody answers there, and what to do.
  [[nodiscard]] static Result<VpcdSocket> Connect(const std::string& host, std::uint16_t port, bool allow_remote,
                                                  Deadline deadline);

  [[nodiscard]] int fd() const { return fd_.get(); }

  /// Reads what is there, without waiting. @returns the number of bytes, 0 if nothing is there. kTransport: the
  /// connection has ended.
  [[nodiscard]] Result<std::size_t> Receive(ByteSpan memory);

  /// Writes all of `bytes`, at once if the kernel takes them. @returns kTransport: ended, or the deadline has passed.
  [[nodiscard]] Result<void> Send(ByteView bytes, Deadline deadline);

 private:
  explicit VpcdSocket(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace simroot::card
