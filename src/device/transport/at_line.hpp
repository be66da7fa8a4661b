// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "device/transport/at_response_parser.hpp"
#include "device/transport/process_guard.hpp"
#include "device/transport/serial_port.hpp"

namespace simroot::device {

/// One command line out, one answer in: the conversation with a modem, kept in step. After an error of domain
/// kTransport it is dead: every later call repeats that it is.
class AtLine {
 public:
  /// @param name how errors call the port.
  AtLine(std::shared_ptr<SerialPort> port, std::string name) : port_(std::move(port)), name_(std::move(name)) {}

  /// Sends `command` (without line end) and waits for its final result code, whichever it is.
  /// @returns the answer, borrowed until the next call. kTransport: silent, gone, dead, or another process.
  /// kProtocol: a line longer than any answer, or a final OK without the information line the command has.
  [[nodiscard]] Result<AtAnswer> Exchange(std::string_view command, AtInformation wanted, Deadline deadline);

  /// Another program may have left a command running: say ATE0 before the next one.
  void LoseStep() { in_step_ = false; }

  /// @returns kTransport if the line is dead or the process is not the one that opened it.
  [[nodiscard]] Result<void> Usable() const;

  [[nodiscard]] std::uint64_t characters_sent() const { return characters_sent_; }
  [[nodiscard]] std::uint64_t characters_received() const { return characters_received_; }

 private:
  [[nodiscard]] Result<void> GetInStep(Deadline deadline);
  [[nodiscard]] Result<bool> Send(std::string_view command, AtInformation wanted, Deadline deadline);
  [[nodiscard]] Result<bool> Receive(AtInformation wanted, Deadline deadline);
  [[nodiscard]] bool IsStrayOk(AtInformation wanted);
  [[nodiscard]] tl::unexpected<Error> Die(Error error);
  [[nodiscard]] tl::unexpected<Error> DieSilent(std::string_view command, const std::string& waited);

  std::shared_ptr<SerialPort> port_;
  std::string name_;
  ProcessGuard process_;
  AtResponseParser parser_;
  std::string unread_;  // received behind the last line that the parser took
  std::optional<Error> death_;
  bool in_step_ = false;
  unsigned stray_oks_ = 0;  // OKs that unanswered ATs may still bring
  std::uint64_t characters_sent_ = 0;
  std::uint64_t characters_received_ = 0;
};

/// The verb of a command line, for errors: "AT+CSIM". Never its arguments, which may be secret.
[[nodiscard]] std::string VerbOf(std::string_view command);

}  // namespace simroot::device
