// SPDX-License-Identifier: Apache-2.0
/// Every command the modem knows, in one sorted table, and the functions behind it.
#pragma once

#include <span>
#include <string_view>

#include "card/modem/at_context.hpp"

namespace simroot::card {

/// Runs one command in one of the forms its rule allows, never the test form.
using AtHandler = AtResult (*)(AtContext& modem, const AtCommand& command);

struct AtRule {
  std::string_view name;  ///< "+CSIM", "E", "&F"
  AtHandler handler = nullptr;
  unsigned forms = 0;              ///< AtForm bits; any other form fails with operation not supported (4)
  bool needs_sim = false;          ///< fails with SIM not inserted (10) when there is none
  std::string_view test_answer{};  ///< information line of the test form; empty: OK alone

  [[nodiscard]] constexpr bool Has(AtForm form) const { return (forms & static_cast<unsigned>(form)) != 0; }
};

/// All rules, sorted by name.
[[nodiscard]] std::span<const AtRule> CommandTable();
/// The rule of `name`, upper case; nullptr if there is none.
[[nodiscard]] const AtRule* FindCommand(std::string_view name);

// v250.cpp: the modem itself, ITU-T V.250.
[[nodiscard]] AtResult HandleEcho(AtContext& modem, const AtCommand& command);         ///< ATE
[[nodiscard]] AtResult HandleInformation(AtContext& modem, const AtCommand& command);  ///< ATI
[[nodiscard]] AtResult HandleQuiet(AtContext& modem, const AtCommand& command);        ///< ATQ
[[nodiscard]] AtResult HandleParameter(AtContext& modem, const AtCommand& command);    ///< ATS
[[nodiscard]] AtResult HandleVerbose(AtContext& modem, const AtCommand& command);      ///< ATV
[[nodiscard]] AtResult HandleRestore(AtContext& modem, const AtCommand& command);      ///< ATZ, AT&F
[[nodiscard]] AtResult HandleErrorLevel(AtContext& modem, const AtCommand& command);   ///< AT+CMEE, 27.007 9.1

// identity.cpp: who modem and card are, 27.007 5.1 to 5.4, 5.6, 8.3.
[[nodiscard]] AtResult HandleManufacturer(AtContext& modem, const AtCommand& command);  ///< AT+CGMI, AT+GMI
[[nodiscard]] AtResult HandleModel(AtContext& modem, const AtCommand& command);         ///< AT+CGMM, AT+GMM
[[nodiscard]] AtResult HandleRevision(AtContext& modem, const AtCommand& command);      ///< AT+CGMR, AT+GMR
[[nodiscard]] AtResult HandleSerialNumber(AtContext& modem, const AtCommand& command);  ///< AT+CGSN, AT+GSN
[[nodiscard]] AtResult HandleIccid(AtContext& modem, const AtCommand& command);         ///< AT+CCID, AT+ICCID
[[nodiscard]] AtResult HandleSubscriber(AtContext& modem, const AtCommand& command);    ///< AT+CIMI
[[nodiscard]] AtResult HandlePin(AtContext& modem, const AtCommand& command);           ///< AT+CPIN

// sim_access.cpp: APDUs, 27.007 8.17, 8.43, 8.45, 8.46.
[[nodiscard]] AtResult HandleGenericAccess(AtContext& modem, const AtCommand& command);  ///< AT+CSIM
[[nodiscard]] AtResult HandleOpenSession(AtContext& modem, const AtCommand& command);    ///< AT+CCHO
[[nodiscard]] AtResult HandleSessionAccess(AtContext& modem, const AtCommand& command);  ///< AT+CGLA
[[nodiscard]] AtResult HandleCloseSession(AtContext& modem, const AtCommand& command);   ///< AT+CCHC

// sim_files.cpp: files, 27.007 8.18.
[[nodiscard]] AtResult HandleRestrictedAccess(AtContext& modem, const AtCommand& command);  ///< AT+CRSM

}  // namespace simroot::card
