// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/fixed_bytes.hpp"
#include "common/secure/scp03_session.hpp"

namespace simroot::secure {

/// The off-card end of a secured session: Begin, Authenticate, then commands out and answers in. Makes and judges
/// bytes; whoever uses it carries them to the card. A failure of Authenticate or Unwrap ends the session.
///
/// Without memory for pending commands each answer belongs to the command that was wrapped last. With it, a batch of
/// commands may be wrapped before the first answer is seen (the device carries them to the card in one round trip);
/// the answers are then unwrapped strictly in the order of the commands, each once.
class Scp03Host {
 public:
  explicit Scp03Host(crypto::Crypto& crypto) : Scp03Host(crypto, {}) {}
  /// @param pending memory of the owner, one place for each command that may await its answer; outlives the object.
  Scp03Host(crypto::Crypto& crypto, std::span<Scp03Pending> pending) : session_(crypto), pending_(pending) {}

  /// Begins anew and writes INITIALIZE UPDATE. @param key_version 00: whatever the card takes as its default.
  /// @param host_challenge drawn at random, never used before: 8 bytes, or 16 for S16; copied.
  [[nodiscard]] Expected<void, Scp03Error> Begin(std::uint8_t key_version, ByteView host_challenge,
                                                 ByteWriter& command);

  /// Judges the card by its answer to INITIALIZE UPDATE and writes EXTERNAL AUTHENTICATE. After the card has answered
  /// 9000 the session is open. @param answer the data of the card's answer. @param keys the static keys that the answer
  /// names. @returns kState, kMalformed, kUnsupported if the card cannot do `level` or answers for another key version,
  /// kNotAuthentic if the card's cryptogram is wrong: it is not the card, or its keys are others.
  [[nodiscard]] Expected<void, Scp03Error> Authenticate(const Scp03Keys& keys, ByteView answer, SecurityLevel level,
                                                        ByteWriter& command);

  /// Secures a plain command; its class byte gets the bit of secure messaging, Le is kept. @returns kState (also if
  /// every place of the pending memory is taken), or kLength if the data does not fit a short APDU: nothing has
  /// happened then. kExhausted, kCrypto, or kLength because the memory of `command` is too small: the session has
  /// ended.
  [[nodiscard]] Expected<void, Scp03Error> Wrap(const wire::CommandApdu& plain, ByteWriter& command);

  /// Checks the whole answer (61LL and 6CLL are dealt with) and takes secure messaging off. It answers the command that
  /// was wrapped last, or with pending memory the oldest one without an answer, which is then answered; kState if there
  /// is none. The result lies in `memory` (256 bytes always suffice) or borrows from `data`. An answer with another
  /// status word than 90XX, 62XX or 63XX carries no check: nobody vouches for it, and its data is refused.
  [[nodiscard]] Expected<ByteView, Scp03Error> Unwrap(ByteView data, wire::StatusWord sw, ByteSpan memory);

  /// Ends the session and wipes its keys.
  void End();
  [[nodiscard]] bool is_open() const { return state_ == State::kOpen; }
  /// Commands in the pending memory that await their answers.
  [[nodiscard]] std::size_t pending() const { return pending_count_; }
  [[nodiscard]] SecurityLevel level() const { return level_; }

 private:
  enum class State : std::uint8_t { kIdle, kBegun, kOpen };

  [[nodiscard]] Expected<void, Scp03Error> JudgeCard(const Scp03Keys& keys, ByteView answer, SecurityLevel level);
  [[nodiscard]] Expected<void, Scp03Error> PutAuthentication(SecurityLevel level, ByteWriter& command);
  [[nodiscard]] Expected<ByteView, Scp03Error> CheckAnswer(ByteView data, wire::StatusWord sw, ByteSpan memory);
  [[nodiscard]] Expected<Scp03Pending, Scp03Error> TakePending();
  void AddPending();
  [[nodiscard]] Expected<void, Scp03Error> Secure(const wire::CommandApdu& plain, ByteWriter& command);
  [[nodiscard]] Expected<void, Scp03Error> PutSecured(wire::CommandApdu command, ByteView data, ByteWriter& out);

  Scp03Session session_;
  std::span<Scp03Pending> pending_;  ///< a ring
  std::size_t pending_first_ = 0;
  std::size_t pending_count_ = 0;
  FixedBytes<kFullMacSize> host_challenge_;
  std::uint8_t key_version_ = 0;
  SecurityLevel level_ = SecurityLevel::kCMac;
  State state_ = State::kIdle;
};

}  // namespace simroot::secure
