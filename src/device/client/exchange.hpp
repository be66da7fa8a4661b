// SPDX-License-Identifier: Apache-2.0
/// One command and all of its answer: class byte, 6Cxx and 61xx are dealt with here and nowhere else.
#pragma once

#include "device/client/quirks.hpp"
#include "device/transport/transport.hpp"

namespace simroot::device::client {

/// A command of the applet without its class byte. `data` borrows.
struct Command {
  iotsafe::Ins ins = iotsafe::Ins::kGetData;
  std::uint8_t p1 = 0;
  std::uint8_t p2 = 0;
  ByteView data;                  ///< 0 to 255 bytes
  std::optional<std::size_t> le;  ///< 1 to 256 for commands that return data
};
/// Le of commands that return data of unknown length: coded 00. T=1 readers need it, T=0 never sees it (spec 1.4).
inline constexpr std::size_t kAnyLength = 256;

/// The whole answer to a command. 61xx and 6Cxx never remain in `sw`.
struct Reply {
  Bytes data;
  wire::StatusWord sw = wire::StatusWord::kOtherError;
  bool was_accepted = false;  ///< the card answered 61xx first: the command has been carried out, whatever came then
};

/// True for 9000, 91xx (a proactive command waits, the modem's affair) and 63CF (a remote session has completed).
[[nodiscard]] bool IsSuccess(wire::StatusWord sw);

/// Sends the commands of one transaction. Everything given is borrowed and outlives it.
class Exchange {
 public:
  static constexpr std::size_t kMaxGetResponses = 32;                   ///< for one command
  static constexpr std::size_t kMaxLengthCorrections = 2;               ///< 6Cxx in a row
  static constexpr std::size_t kMaxReplySize = wire::kMaxExtendedData;  ///< bytes of one answer

  Exchange(Transport& transport, const Channel& channel, Dialect& dialect, Deadline deadline)
      : transport_(transport), channel_(channel), dialect_(dialect), deadline_(deadline) {}

  /// Any status word is a result; the caller judges it. A class byte refused with 6E00 is replaced by the other form,
  /// and the dialect remembers which one was understood. @returns kTransport, or kProtocol for an answer without end.
  [[nodiscard]] Result<Reply> Send(const Command& command);

  /// Commands sent so far, repetitions not counted.
  [[nodiscard]] std::size_t commands() const { return commands_; }
  /// True once a command may have been carried out although its answer was lost or was a refusal after 61xx.
  [[nodiscard]] bool outcome_unknown() const { return outcome_unknown_; }
  /// True once a 63CF was seen.
  [[nodiscard]] bool remote_session_completed() const { return remote_session_completed_; }

 private:
  [[nodiscard]] Result<Reply> SendWithClass(ClassForm form, const Command& command);
  [[nodiscard]] Result<CardResponse> TransmitCorrected(wire::CommandApdu command);
  [[nodiscard]] Result<void> CollectPending(Reply& reply);
  [[nodiscard]] Result<CardResponse> GetResponse(std::size_t count);
  [[nodiscard]] Result<void> Append(ByteView data, Reply& reply) const;

  Transport& transport_;
  const Channel& channel_;
  Dialect& dialect_;
  Deadline deadline_;
  std::size_t commands_ = 0;
  bool outcome_unknown_ = false;
  bool remote_session_completed_ = false;
};

}  // namespace simroot::device::client
