// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/secure/scp80_security.hpp"

namespace simroot::secure {

/// What a card says of a command.
struct Scp80Verdict {
  Scp80Status status = Scp80Status::kUnidentifiedError;
  ByteView data;           ///< of the application that was meant; empty unless the status is kOk
  bool authentic = false;  ///< the answer carried a cryptographic check under the key set, and it was right
};

/// The sender's end of one command, that is the platform's: makes the packet, later judges the answer. The counter is
/// the caller's, who has reserved it where it survives everything, and never gives the same one twice.
class Scp80Sender {
 public:
  explicit Scp80Sender(crypto::Crypto& crypto) : crypto_(crypto) {}

  /// Writes the packet of `command`. @returns the errors of PacketSecurity::PutCommand; kCounter also for the value
  /// that would block the card's counter for ever. Nothing is awaited after an error.
  [[nodiscard]] Expected<void, Scp80Error> Send(const Scp80Agreement& agreement, const Scp80Command& command,
                                                Scp80Form form, ByteWriter& out);

  /// Judges an answer to the command that was sent last; how often, and when to give up, is the caller's business. The
  /// data lies in `memory` (as many bytes as the packet has always suffice) or borrows from `packet`.
  ///
  /// An answer secured as the command asked is the card's; its counter must be the command's. A card that could not
  /// authenticate the command answers without security, so a bare packet is taken as well if it reports an error and
  /// has no data: nobody vouches for that (`authentic` is false), so it is a reason to try again, not a proof.
  /// After that, and after an error, the answer is still awaited: somebody may have sent rubbish before the card's own
  /// arrives. So it is after 0B and 0C, which say that the answer itself comes another way. @returns kState if no
  /// answer is awaited, kNotAuthentic, kMalformed, kCiphering, kLength, kCrypto.
  [[nodiscard]] Expected<Scp80Verdict, Scp80Error> Judge(const Scp80Agreement& agreement, ByteView packet,
                                                         ByteSpan memory);

  [[nodiscard]] bool is_awaiting() const { return awaiting_; }

 private:
  [[nodiscard]] Expected<Scp80Verdict, Scp80Error> JudgeBareError(const Scp80ResponsePacket& packet) const;

  crypto::Crypto& crypto_;
  Scp80Header header_;
  std::uint64_t counter_ = 0;
  Scp80Form form_ = Scp80Form::kSms;
  bool awaiting_ = false;
};

}  // namespace simroot::secure
