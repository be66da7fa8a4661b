// SPDX-License-Identifier: Apache-2.0
/// Finds out what a card has, so that cases can ask for what they need instead of presupposing it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/crypto/port.hpp"
#include "common/host/error.hpp"
#include "common/iotsafe/objects.hpp"
#include "common/wire/card_endpoint.hpp"
#include "conformance/apdu_script.hpp"
#include "conformance/card_pin.hpp"
#include "conformance/expression.hpp"

namespace simroot::conformance {

/// One word of the option `needs`.
struct Need {
  std::string_view name;
  std::string_view meaning;  ///< what must be there, to follow "needs"
};
/// All words there are, with their meaning (README.md, docs/conformance.md).
[[nodiscard]] std::span<const Need> Needs();

/// A line of what was found, for the report.
struct Fact {
  std::string name;
  std::string text;
};

/// What a card has. Objects that cases use are variables: {sig} is the reference of a private key as it stands in a
/// command, {sig.label} the same by label, {sig.public} and {sig.public.label} those of its public half, {sig.info} its
/// information structure. {unknown} is an identifier that no object has, with its length; {aid} the application.
struct Capabilities {
  TransportModel model = TransportModel::kT0;
  PinState pin = PinState::kNone;
  bool wrapped = true;  ///< information structures come in C1 to C4
  iotsafe::ApplicationInfo application;
  std::vector<iotsafe::ObjectInfo> objects;
  Variables variables;
  std::map<std::string, std::string, std::less<>> missing;  ///< need -> why the card does not have it
  std::vector<Fact> facts;

  /// Empty if the card has it, else why not, as a sentence without full stop.
  [[nodiscard]] std::string WhyNot(std::string_view need) const;
};

struct DiscoveryOptions {
  bool may_change = false;   ///< cases may change the content of containers
  bool can_reset = false;    ///< the card can be reset
  bool fragments = true;     ///< commands of fewer than four bytes reach it
  std::size_t channels = 3;  ///< free channels besides the basic one
  /// Asks for the user PIN, and gives it, on the channel of a class byte. Empty: it is only asked for.
  std::function<Result<PinState>(std::uint8_t cla)> open_pin = {};
};

/// Opens channel 1, selects the applet under the AIDs that are known, and reads everything it says of itself; each key
/// that should sign makes one signature, which shows whose public half is which. Changes nothing on the card, but gives
/// its user PIN if it wants one. @returns kCard: the PIN is wrong or could not be given. kUsage: no application under
/// any known AID. kProtocol: the applet says nothing that can be understood.
[[nodiscard]] Result<Capabilities> Discover(wire::CardEndpoint& card, crypto::Crypto& crypto,
                                            const DiscoveryOptions& options);

}  // namespace simroot::conformance
