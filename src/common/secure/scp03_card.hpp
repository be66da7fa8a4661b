// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/secure/scp03_session.hpp"

namespace simroot::secure {

/// The card's end of a secured session: INITIALIZE UPDATE, EXTERNAL AUTHENTICATE, then commands in and answers out.
/// Every failure ends the session, wipes its keys, and looks alike from outside: the caller answers one status word.
class Scp03Card {
 public:
  /// What the card says of itself in its answer to INITIALIZE UPDATE.
  struct Offer {
    ByteView diversification;  ///< kDiversificationSize bytes
    std::uint8_t key_version = 0;
    std::uint32_t sequence = 0;  ///< already stored as used: never the same twice under one key
    ByteView aid;                ///< of the security domain
  };

  explicit Scp03Card(crypto::Crypto& crypto) : session_(crypto) {}

  /// Begins anew and writes the answer to INITIALIZE UPDATE; i is 70, or 71 for a host challenge of 16 bytes.
  /// @returns kMalformed for a challenge of neither 8 nor 16 bytes, kLength if the answer does not fit, kCrypto.
  [[nodiscard]] Expected<void, Scp03Error> Begin(const Scp03Keys& keys, const Offer& offer, ByteView host_challenge,
                                                 ByteWriter& answer);

  /// Judges EXTERNAL AUTHENTICATE. @returns kState before Begin, kMalformed for class, level or length, kNotAuthentic.
  [[nodiscard]] Expected<void, Scp03Error> Authenticate(const wire::CommandApdu& command);

  /// Checks a command and takes secure messaging off: the result has the plain data, which lies in `memory` (255 bytes
  /// always suffice) or borrows from `command`, and keeps the class byte. @returns kState, kMalformed if the class does
  /// not announce secure messaging or lengths are extended, kNotAuthentic, kExhausted, kCrypto.
  [[nodiscard]] Expected<wire::CommandApdu, Scp03Error> Unwrap(const wire::CommandApdu& command, ByteSpan memory);

  /// Secures the answer to the command that was unwrapped last. A status word that is neither 90XX, 62XX nor 63XX goes
  /// out bare and without data (Amendment D, 6.2.5). @param plain must not lie in the memory of `out`.
  [[nodiscard]] Expected<void, Scp03Error> Wrap(wire::StatusWord sw, ByteView plain, ByteWriter& out);

  /// Ends the session and wipes its keys.
  void End();

  /// True between Begin and Authenticate.
  [[nodiscard]] bool is_begun() const { return state_ == State::kBegun; }
  [[nodiscard]] bool is_authenticated() const { return state_ == State::kAuthenticated; }
  /// Of the authenticated session.
  [[nodiscard]] SecurityLevel level() const { return level_; }

 private:
  enum class State : std::uint8_t { kIdle, kBegun, kAuthenticated };

  [[nodiscard]] Expected<SecurityLevel, Scp03Error> CheckAuthentication(const wire::CommandApdu& command);
  [[nodiscard]] Expected<wire::CommandApdu, Scp03Error> CheckCommand(const wire::CommandApdu& command, ByteSpan memory);
  [[nodiscard]] Expected<ByteView, Scp03Error> CheckMac(const wire::CommandApdu& command);

  Scp03Session session_;
  State state_ = State::kIdle;
  SecurityLevel level_ = SecurityLevel::kCMac;
};

}  // namespace simroot::secure
