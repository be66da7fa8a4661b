// SPDX-License-Identifier: Apache-2.0
/// What an emulated modem is, how it behaves, and what it counts.
#pragma once

#include <cstdint>
#include <string>

namespace simroot::card {

/// Where the modem slips an unsolicited line in, to test that clients live with it.
enum class UnsolicitedPlace : std::uint8_t {
  kNowhere,
  kBeforeAnswer,  ///< after the echo, before the first line of the answer
  kInsideAnswer,  ///< after the information lines, before the final result code
  kAfterAnswer,   ///< after the final result code, as a registration report between two commands
};

/// Behaviour of the modem. The defaults are those of a plain 3GPP TS 27.007 modem on a T=0 card.
struct ModemConfig {
  bool echo = true;                      ///< ATE1 at start and after ATZ, AT&F
  bool automatic_get_response = false;   ///< the modem itself follows 61LL on AT+CSIM and AT+CGLA with GET RESPONSE
  bool unquoted_answers = false;         ///< +CSIM: 4,9000 as Sequans modems answer, instead of +CSIM: 4,"9000"
  bool open_channel_1_at_start = false;  ///< wolfSSL uses logical channel 1 without ever opening it
  bool sim_present = true;               ///< false: every command that needs the card fails, SIM not inserted (10)
  UnsolicitedPlace unsolicited_place = UnsolicitedPlace::kNowhere;
  std::string unsolicited_line = "+CREG: 1";  ///< sent once for each command line at `unsolicited_place`
};

/// What the modem says about itself and about the card in it.
struct ModemIdentity {
  std::string manufacturer = "simroot";
  std::string model = "Virtual modem";
  std::string revision = "1";
  std::string serial_number = "004999010640000";  ///< AT+CGSN; the default is the IMEI 3GPP reserves for tests
  std::string iccid;                              ///< 18 to 20 digits; empty: AT+CCID fails with SIM failure (13)
  std::string imsi;                               ///< up to 15 digits; empty: AT+CIMI fails with SIM failure (13)
};

/// What has gone through the modem since it was made or its counters were reset.
struct ModemCounters {
  std::uint64_t command_lines = 0;   ///< lines that were answered, A/ and lines that were too long included
  std::uint64_t apdus = 0;           ///< commands given to the card, those the modem makes itself included
  std::uint64_t characters_in = 0;   ///< characters from the client
  std::uint64_t characters_out = 0;  ///< characters to the client, echo included

  friend bool operator==(const ModemCounters&, const ModemCounters&) = default;
  /// What was counted since `earlier`, a snapshot of the same modem.
  [[nodiscard]] ModemCounters Since(const ModemCounters& earlier) const {
    return {command_lines - earlier.command_lines, apdus - earlier.apdus, characters_in - earlier.characters_in,
            characters_out - earlier.characters_out};
  }
};

}  // namespace simroot::card
