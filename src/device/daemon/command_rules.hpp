// SPDX-License-Identifier: Apache-2.0
/// What a client of the daemon may send, judged by the bytes of the command alone.
#pragma once

#include <string>

#include "common/host/error.hpp"
#include "common/host/hex.hpp"
#include "common/wire/apdu.hpp"

namespace simroot::device::daemon {

/// For a channel of the daemon: the class byte has no channel bits (the daemon sets them) and names none of the further
/// channels, and the command is neither SELECT nor MANAGE CHANNEL nor one of the card application toolkit. @returns
/// kUsage otherwise.
[[nodiscard]] Result<void> CheckOnChannel(ByteView command);

/// For commands that name their channel themselves.
struct RawCommand {
  std::uint8_t channel = 0;        ///< 0 to 3
  bool toolkit = false;            ///< of the card application toolkit
  bool selects = false;            ///< SELECT by AID
  bool opens = false;              ///< MANAGE CHANNEL open
  bool closes = false;             ///< MANAGE CHANNEL close
  bool odd = false;                ///< MANAGE CHANNEL, but neither of them
  std::uint8_t other_channel = 0;  ///< of MANAGE CHANNEL: P2
};
/// Nothing if the class byte names one of the further channels, or the command is too short.
[[nodiscard]] std::optional<RawCommand> ParseRaw(ByteView command);

/// True if the command uses a private or secret key, which a user PIN guards.
[[nodiscard]] bool UsesKeys(ByteView command);

/// True for VERIFY with the user PIN in it, in the one form that every card reads alike: no chaining, no secure
/// messaging, a short length. Only this proves that a client knows the PIN.
[[nodiscard]] bool GivesPin(ByteView command);

/// True for any VERIFY but the short question: after it, the PIN may be given to the card.
[[nodiscard]] bool MayGivePin(ByteView command);

/// The status word of an answer; kOtherError if there is none.
[[nodiscard]] wire::StatusWord StatusOf(ByteView response);

/// The command with `number` in the channel bits of its class byte. The caller wipes it.
[[nodiscard]] Bytes OnChannel(ByteView command, std::uint8_t number);

/// The answer that consists of a status word.
[[nodiscard]] Bytes StatusOnly(wire::StatusWord sw);

}  // namespace simroot::device::daemon
