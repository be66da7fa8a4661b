// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "common/iotsafe/vocabulary.hpp"
#include "common/wire/apdu.hpp"

namespace simroot::device::daemon {

/// Knows from the commands and answers of a channel whether it is clean: no session of an INIT command is open, no
/// answer waits for GET RESPONSE, nothing else was done that could leave something behind. Judges by a list of what is
/// known to be harmless; everything else makes the channel dirty until its application is selected again.
class ChannelState {
 public:
  /// One exchange on the channel. The channel bits of the class byte do not matter.
  void Observe(ByteView command, ByteView response);
  /// The application was selected (again).
  void Selected() { *this = ChannelState(); }

  [[nodiscard]] bool clean() const { return !dirty_ && !answer_waits_ && !session_; }

 private:
  /// An open session of COMPUTE SIGNATURE or VERIFY SIGNATURE.
  struct Session {
    iotsafe::Ins update = iotsafe::Ins::kComputeSignatureUpdate;
    std::uint8_t number = 0;
    friend bool operator==(const Session&, const Session&) = default;
  };

  void ObserveInit(const Session& session, std::uint8_t p1);
  void ObserveUpdate(const Session& session, std::uint8_t p1);

  bool dirty_ = false;
  bool answer_waits_ = false;
  std::optional<Session> session_;
};

}  // namespace simroot::device::daemon
