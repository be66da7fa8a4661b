// SPDX-License-Identifier: Apache-2.0
/// The virtual card with the objects that the conformance scripts name, in memory.
#pragma once

#include <memory>
#include <string_view>

#include "card/applet/config.hpp"
#include "common/wire/card_endpoint.hpp"
#include "conformance/expression.hpp"

namespace simroot::conformance {

/// One card with a store of its own, made anew from the image of its kind (README.md, "stores").
class ReferenceCard {
 public:
  /// @param store one of the names in README.md; another name stops the program.
  ReferenceCard(std::string_view store, const card::CompatibilityConfig& config);
  ~ReferenceCard();
  ReferenceCard(const ReferenceCard&) = delete;
  ReferenceCard& operator=(const ReferenceCard&) = delete;

  [[nodiscard]] wire::CardEndpoint& Endpoint();
  /// The non-volatile memory of a new card with this store, for a card that runs elsewhere.
  [[nodiscard]] static Bytes Image(std::string_view store);
  /// What the scripts know of the content of this store.
  [[nodiscard]] static Variables Given(std::string_view store);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace simroot::conformance
