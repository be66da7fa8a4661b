// SPDX-License-Identifier: Apache-2.0
#include "card/modem/command_table.hpp"

#include <algorithm>
#include <array>

namespace simroot::card {
namespace {

constexpr unsigned kExecute = static_cast<unsigned>(AtForm::kExecute);
constexpr unsigned kRead = static_cast<unsigned>(AtForm::kRead);
constexpr unsigned kTest = static_cast<unsigned>(AtForm::kTest);
constexpr unsigned kSet = static_cast<unsigned>(AtForm::kSet);
constexpr bool kNeedsSim = true;

constexpr std::array kRules{
    AtRule{"&F", HandleRestore, kExecute},
    AtRule{"+CCHC", HandleCloseSession, kSet | kTest, kNeedsSim},
    AtRule{"+CCHO", HandleOpenSession, kSet | kTest, kNeedsSim},
    AtRule{"+CCID", HandleIccid, kExecute | kRead | kTest, kNeedsSim},
    AtRule{"+CGLA", HandleSessionAccess, kSet | kTest, kNeedsSim},
    AtRule{"+CGMI", HandleManufacturer, kExecute | kTest},
    AtRule{"+CGMM", HandleModel, kExecute | kTest},
    AtRule{"+CGMR", HandleRevision, kExecute | kTest},
    AtRule{"+CGSN", HandleSerialNumber, kExecute | kTest},
    AtRule{"+CIMI", HandleSubscriber, kExecute | kTest, kNeedsSim},
    AtRule{"+CMEE", HandleErrorLevel, kRead | kSet | kTest, !kNeedsSim, "+CMEE: (0-2)"},
    AtRule{"+CPIN", HandlePin, kRead | kSet | kTest, kNeedsSim},
    AtRule{"+CRSM", HandleRestrictedAccess, kSet | kTest, kNeedsSim},
    AtRule{"+CSIM", HandleGenericAccess, kSet | kTest, kNeedsSim},
    AtRule{"+GMI", HandleManufacturer, kExecute | kTest},
    AtRule{"+GMM", HandleModel, kExecute | kTest},
    AtRule{"+GMR", HandleRevision, kExecute | kTest},
    AtRule{"+GSN", HandleSerialNumber, kExecute | kTest},
    AtRule{"+ICCID", HandleIccid, kExecute | kRead | kTest, kNeedsSim},
    AtRule{"E", HandleEcho, kExecute},
    AtRule{"I", HandleInformation, kExecute},
    AtRule{"Q", HandleQuiet, kExecute},
    AtRule{"S", HandleParameter, kExecute},
    AtRule{"V", HandleVerbose, kExecute},
    AtRule{"Z", HandleRestore, kExecute},
};
static_assert(std::ranges::is_sorted(kRules, {}, &AtRule::name));

}  // namespace

std::span<const AtRule> CommandTable() {
  return kRules;
}

const AtRule* FindCommand(std::string_view name) {
  const auto rule = std::ranges::lower_bound(kRules, name, {}, &AtRule::name);
  return rule != kRules.end() && rule->name == name ? &*rule : nullptr;
}

}  // namespace simroot::card
