// SPDX-License-Identifier: Apache-2.0
/// The way to a card's security domain that nobody between can read or change. It makes and judges bytes; whoever uses
/// it carries them, many commands before the first answer if he likes. SCP03 over a relay is the first; secured packets
/// (SCP80) over short messages fit the same seam.
#pragma once

#include <optional>

#include "platform/domain/failure.hpp"
#include "platform/ota/card_command.hpp"

namespace simroot::platform {

class SecuredChannel {
 public:
  virtual ~SecuredChannel() = default;

  /// The command as it goes to the card. Answers are opened in the order of the commands.
  [[nodiscard]] virtual Outcome<Bytes> Secure(const CardCommand& command) = 0;
  /// The plain data of the answer to the oldest command without one. kDenied: it is not what the card has said, and the
  /// channel is over. A refusal (not 90XX, 62XX, 63XX) is vouched for by nobody and has no data.
  [[nodiscard]] virtual Outcome<Bytes> Open(ByteView data, std::uint16_t sw) = 0;
  /// Under the data encryption key of the card: padded with zeros to whole blocks, AES-CBC.
  [[nodiscard]] virtual Outcome<Bytes> EncipherKey(ByteView clear) = 0;
};

/// Three AES keys of one length, as the vault keeps them: ENC, MAC, DEK one after the other.
struct CardKeyBytes {
  ByteView enc;
  ByteView mac;
  ByteView dek;
};
/// @returns nothing unless `all` is three AES keys.
[[nodiscard]] std::optional<CardKeyBytes> SplitCardKeys(ByteView all);

/// PUT KEY for a whole set and the answer that confirms it (GlobalPlatform Amendment D, 7.2).
struct PutKeyCommand {
  CardCommand command;
  Bytes expected;
};

}  // namespace simroot::platform
