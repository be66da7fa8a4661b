// SPDX-License-Identifier: Apache-2.0
/// Applets with one defect each, to prove that the cases find what they are there to find.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string_view>

#include "card/applet/config.hpp"
#include "common/host/hex.hpp"
#include "conformance/card_link.hpp"

namespace simroot::conformance {

/// What a defect works with: the correct card behind it, and a memory of its own.
struct DefectBed {
  wire::CardEndpoint& card;
  std::map<std::string, Bytes> memory = {};
  std::size_t count = 0;

  /// The answer of the correct card.
  [[nodiscard]] Bytes Send(const Bytes& command);
};

/// One defect as data.
struct Defect {
  std::string_view name;
  std::string_view what;  ///< is wrong
  Bytes (*transmit)(DefectBed& bed, const Bytes& command);
  bool t0 = false;  ///< the card announces its answers; the others answer directly
  void (*configure)(card::CompatibilityConfig& config) = nullptr;  ///< where a switch of the applet is the defect
  std::string_view store = "reference";                            ///< what is on the card (README.md)
};

/// Defects in selection, random numbers, descriptions, files and transport; and in what is done with keys.
[[nodiscard]] std::span<const Defect> ObjectDefects();
[[nodiscard]] std::span<const Defect> KeyDefects();
/// Defects in what only some cards have: RSA, other curves, AES and HASH.
[[nodiscard]] std::span<const Defect> ServiceDefects();
/// All of them. Names are unique.
[[nodiscard]] std::vector<Defect> Defects();

/// A correct card that a defect stands in front of; without one it is the correct card itself. `card` is borrowed.
class DefectiveCard final : public CardLink {
 public:
  DefectiveCard(wire::CardEndpoint& card, const Defect* defect) : bed_{card}, defect_(defect) {}

  void Reset() override;
  [[nodiscard]] ByteView Atr() const override { return bed_.card.Atr(); }
  [[nodiscard]] std::size_t Transmit(ByteView command, ByteSpan response) override;
  [[nodiscard]] bool CanReset() const override { return true; }
  [[nodiscard]] bool CarriesFragments() const override { return true; }
  [[nodiscard]] std::string Broken() const override { return {}; }

 private:
  DefectBed bed_;
  const Defect* defect_;
};

}  // namespace simroot::conformance
