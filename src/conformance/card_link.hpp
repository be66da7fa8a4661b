// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/wire/card_endpoint.hpp"

namespace simroot::conformance {

/// The way to a card under judgement, whatever lies between. Given by the program that has the transports.
class CardLink : public wire::CardEndpoint {
 public:
  virtual ~CardLink() = default;

  /// True if Reset() reaches the card. Otherwise Reset() must not be called.
  [[nodiscard]] virtual bool CanReset() const = 0;

  /// Why no command reaches the card any more, as one sentence; empty as long as they do. Transmit then returns 0.
  [[nodiscard]] virtual std::string Broken() const = 0;

  /// True if commands of fewer than four bytes reach the card.
  [[nodiscard]] virtual bool CarriesFragments() const = 0;
};

}  // namespace simroot::conformance
