// SPDX-License-Identifier: Apache-2.0
/// The optional user PIN of a card under judgement (VERIFY, ISO/IEC 7816-4).
#pragma once

#include "common/host/error.hpp"
#include "common/wire/card_endpoint.hpp"

namespace simroot::conformance {

/// What a card says of its user PIN.
enum class PinState : std::uint8_t {
  kNone,      ///< it has none, or none that can be asked about
  kWanted,    ///< there is one, and it has not been given
  kVerified,  ///< it has been given
  kBlocked,   ///< no try is left
};

/// Asks a card for its PIN, and gives the one that the user has named: never the last try, and never a second time
/// after the card refused it.
class CardPin {
 public:
  static constexpr std::size_t kMaxSize = 8;

  /// Both are borrowed. @param pin at most kMaxSize bytes; empty: there is none to give.
  CardPin(wire::CardEndpoint& card, ByteView pin) : card_(card), pin_(pin) {}

  /// Asks, on the channel of class byte `cla` where the applet is selected, and gives the PIN if the card wants it.
  /// @returns kCard if the PIN is wrong, or one try is left and it was not given.
  [[nodiscard]] Result<PinState> Open(std::uint8_t cla);
  /// What the card said last; kNone if it was never asked.
  [[nodiscard]] PinState state() const { return state_; }
  /// A PIN that the card took, each time counted.
  [[nodiscard]] unsigned times_given() const { return times_given_; }

 private:
  [[nodiscard]] std::uint16_t Verify(std::uint8_t cla, ByteView field);
  [[nodiscard]] Result<PinState> Give(std::uint8_t cla);

  wire::CardEndpoint& card_;
  ByteView pin_;
  PinState state_ = PinState::kNone;
  unsigned times_given_ = 0;
  bool refused_ = false;
};

/// True for the question (VERIFY without data), which changes nothing and costs no try.
[[nodiscard]] bool IsPinQuestion(ByteView command);

}  // namespace simroot::conformance
