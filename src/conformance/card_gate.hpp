// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/wire/card_endpoint.hpp"
#include "conformance/card_link.hpp"
#include "conformance/card_pin.hpp"

namespace simroot::conformance {

/// Stands between the cases and a card that others use too.
///
/// Channels: a case counts its channels 1, 2, 3. If another program holds some of the card's, the gate puts the numbers
/// of free ones into the class byte and into MANAGE CHANNEL, and puts the case's numbers into the answers.
/// A command for a channel that is not free does not get through.
/// Changes: without leave, no command that can change something on the card gets through.
/// User PIN: where the card refuses a command because it has forgotten the PIN, after a reset for example, the gate
/// gives it again and repeats the command. A case therefore never sees that the card has a PIN, if it was given.
class CardGate final : public wire::CardEndpoint {
 public:
  /// `link` and `pin`, which may be empty, are borrowed.
  CardGate(CardLink& link, bool may_change, ByteView pin = {})
      : link_(link), may_change_(may_change), pin_(link, pin) {}

  /// Finds the free channels by opening them, and closes them again; first of all. @returns their number, 0 to 3.
  std::size_t FindChannels();
  /// Closes what the cases have left open.
  void CloseChannels();

  void Reset() override;
  [[nodiscard]] ByteView Atr() const override { return link_.Atr(); }
  /// A command that is held back is answered 6985 and remembered: see TakeHeldBack().
  [[nodiscard]] std::size_t Transmit(ByteView command, ByteSpan response) override;

  /// True if a command was held back since the last call.
  [[nodiscard]] bool TakeHeldBack();

  /// Asks for the user PIN on a channel where the applet is selected, and gives it if the card wants it.
  /// @param cla class byte of a case's command.
  [[nodiscard]] Result<PinState> OpenPin(std::uint8_t cla);
  [[nodiscard]] PinState pin_state() const { return pin_.state(); }
  /// True if the card has refused something since the last call because it wants the PIN and was not given it.
  [[nodiscard]] bool TakeGuarded();
  /// A PIN that could not be given again; no command gets through afterwards.
  [[nodiscard]] Result<void> PinTrouble() const;

 private:
  [[nodiscard]] bool IsOurs(std::uint8_t channel) const;
  [[nodiscard]] std::uint8_t ToCard(std::uint8_t channel) const;
  [[nodiscard]] std::uint8_t ToCase(std::uint8_t channel) const;
  void Remember(ByteView command, ByteSpan answer);
  [[nodiscard]] bool OpensPinFor(ByteView command, ByteView answer);

  CardLink& link_;
  bool may_change_;
  CardPin pin_;
  std::optional<Error> pin_trouble_;
  bool held_back_ = false;
  bool guarded_ = false;
  std::vector<std::uint8_t> free_;  ///< numbers of the card's free channels; the case's channel 1 is the first
  std::set<std::uint8_t> open_;     ///< of the card, opened by cases
};

/// True if the instruction can change an object, or use up an attempt of a PIN.
[[nodiscard]] bool CanChange(ByteView command);

}  // namespace simroot::conformance
