// SPDX-License-Identifier: Apache-2.0
/// The attacker's tools: a relay that listens, and a key file that pretends to belong to a stolen certificate.
#pragma once

#include "common/net/http_client.hpp"
#include "common/wire/status_word.hpp"
#include "demo/story/platform_host.hpp"
#include "demo/story/story_device.hpp"

namespace simroot::app {

/// One message of the relay and the platform's reply, as whoever has got into the device sees them.
struct HeardMessage {
  std::string target;
  std::string body;
  int status = 0;
  std::string reply;
};
/// All messages of a switch-on.
struct Recording {
  std::vector<HeardMessage> messages;
  [[nodiscard]] std::size_t Size() const;
  /// Everything that was heard, to be searched; bytes are hexadecimal in it.
  [[nodiscard]] std::string Text() const;
};

/// What a switch-on came to, by whatever program.
struct SwitchedOn {
  std::string message;
  unsigned commands = 0;
  unsigned round_trips = 0;
};

/// A switch-on as `simroot device switch-on` does it, in this process, with everything recorded.
[[nodiscard]] Result<SwitchedOn> SwitchOnAndListen(const Stage& stage, const PlatformHost& platform,
                                                   const StoryDevice& device, Recording& heard);

/// The platform's HTTP statuses.
struct PlatformReplay {
  int hello = 0;   ///< to the recorded hello, with the session that the SIM has begun
  int answer = 0;  ///< to the SIM's recorded answer, where the platform has begun a session itself
};
[[nodiscard]] Result<PlatformReplay> ReplayToPlatform(const PlatformHost& platform, const std::string& iccid,
                                                      const Recording& heard);

/// How the SIM took recorded commands.
struct CardReplay {
  std::size_t sent = 0;
  std::size_t refused = 0;
  std::string first_refusal;  ///< command and status word
};
/// Begins a session with the device's SIM as the recording does, which anybody may, and sends the recorded commands.
[[nodiscard]] Result<CardReplay> ReplayToCard(const StoryDevice& device, const Recording& heard);

/// Writes a private key (PEM) whose public part is the certificate's and whose private part is made up: what programs
/// check before a handshake fits, the signature cannot. @param certificate path of a PEM file with a P-256 key.
[[nodiscard]] Result<void> ForgeKeyFor(const std::string& certificate, const std::string& out);

}  // namespace simroot::app
