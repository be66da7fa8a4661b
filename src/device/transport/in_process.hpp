// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "common/host/error.hpp"
#include "common/wire/card_endpoint.hpp"

namespace simroot::device {

/// A card that lives in this process, owned by the transport.
class InProcessCard {
 public:
  virtual ~InProcessCard() = default;
  [[nodiscard]] virtual wire::CardEndpoint& Endpoint() = 0;
};

/// Opens the virtual UICC kept in `file`. The device side does not know the card's code: each product links one
/// definition of this function (apps/wiring), or one that says that this build has no virtual card.
[[nodiscard]] Result<std::unique_ptr<InProcessCard>> OpenInProcessCard(const std::string& file);

}  // namespace simroot::device
