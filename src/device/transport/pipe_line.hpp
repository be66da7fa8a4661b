// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/host/deadline.hpp"
#include "common/host/error.hpp"
#include "common/host/hex.hpp"
#include "common/host/unique_fd.hpp"
#include "common/wire/apdu.hpp"
#include "common/wire/byte_pipe.hpp"

namespace simroot::device {

/// The device's end of a byte pipe (docs/formats/byte-pipe.md) on a socket in the file system: one message out, one in.
/// After an error of domain kTransport or kProtocol it is dead, because where the next message begins is unknown; every
/// later call repeats the error.
class PipeLine {
 public:
  /// Connects, and asks for the answer to reset until the deadline: a card that serves another program answers late.
  /// @param name how errors call the card.
  /// @returns kTransport: no socket, nobody there, no rights, or no answer. kProtocol: another protocol is spoken
  /// there.
  [[nodiscard]] static Result<std::unique_ptr<PipeLine>> Open(const std::string& path, std::string name,
                                                              Deadline deadline);
  /// Wipes the last message: it may have been secret.
  ~PipeLine();
  PipeLine(const PipeLine&) = delete;
  PipeLine& operator=(const PipeLine&) = delete;

  /// Sends `body` and waits for the message that answers it. @returns its body, borrowed until the next call.
  [[nodiscard]] Result<ByteView> Exchange(ByteView body, Deadline deadline);

  /// Takes the power away and gives it back; returns when the card has answered with its answer to reset.
  [[nodiscard]] Result<void> Reset(Deadline deadline);

  /// Sends a product's own control code, and waits for the answer to reset. @returns kTransport if the card does not
  /// have it: it keeps silent.
  [[nodiscard]] Result<void> ProductControl(std::uint8_t code, Deadline deadline);

 private:
  PipeLine(UniqueFd socket, std::string name) : socket_(std::move(socket)), name_(std::move(name)) {}

  [[nodiscard]] Result<void> WaitForAtr(Deadline deadline);
  [[nodiscard]] Result<void> Send(ByteView body, Deadline deadline);
  [[nodiscard]] Result<ByteView> Receive(Deadline deadline);
  [[nodiscard]] Result<void> ReadExactly(ByteSpan out, Deadline deadline);
  [[nodiscard]] tl::unexpected<Error> Die(ErrorDomain domain, std::string message, std::string next_step);
  [[nodiscard]] tl::unexpected<Error> DieSilent();
  [[nodiscard]] tl::unexpected<Error> DieClosed(int error_number);

  UniqueFd socket_;
  std::string name_;
  std::optional<Error> death_;
  std::array<std::uint8_t, wire::kMaxResponse> body_{};
};

}  // namespace simroot::device
