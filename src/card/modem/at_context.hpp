// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "card/modem/at_command.hpp"
#include "card/modem/at_result.hpp"
#include "card/modem/modem_config.hpp"
#include "card/modem/sim_slot.hpp"

namespace simroot::card {

inline constexpr char kCarriageReturn = 13;  ///< S3, ends a command line
inline constexpr char kLineFeed = 10;        ///< S4, ignored in commands
inline constexpr char kBackspace = 8;        ///< S5, takes back the last character

/// What a client can change; ATZ and AT&F bring the initial values back.
struct ModemSettings {
  bool echo = true;        ///< ATE
  bool verbose = true;     ///< ATV
  bool quiet = false;      ///< ATQ
  unsigned cme_level = 0;  ///< AT+CMEE: 0 ERROR, 1 number, 2 text
};

/// What the handlers of commands work with: one modem's settings, its card and the answer so far.
struct AtContext {
  AtContext(wire::CardEndpoint& card, ModemIdentity its_identity, ModemConfig its_config)
      : config(std::move(its_config)), identity(std::move(its_identity)), sim(card) {
    settings.echo = config.echo;
  }

  /// Adds one line of an information response, framed as ATV asks (V.250 5.7.1).
  void PutInformation(std::string_view text) {
    output.append(settings.verbose ? "\r\n" : "").append(text).append("\r\n");
  }
  void RestoreSettings() {
    settings = ModemSettings{};
    settings.echo = config.echo;
  }

  const ModemConfig config;
  const ModemIdentity identity;
  ModemSettings settings;
  SimSlot sim;
  std::string output;  ///< for the client, not yet taken
};

}  // namespace simroot::card
