// SPDX-License-Identifier: Apache-2.0
#include "card/modem/command_table.hpp"

namespace simroot::card {

AtResult HandleManufacturer(AtContext& modem, const AtCommand& /*command*/) {
  modem.PutInformation(modem.identity.manufacturer);
  return kAtOk;
}

AtResult HandleModel(AtContext& modem, const AtCommand& /*command*/) {
  modem.PutInformation(modem.identity.model);
  return kAtOk;
}

AtResult HandleRevision(AtContext& modem, const AtCommand& /*command*/) {
  modem.PutInformation(modem.identity.revision);
  return kAtOk;
}

AtResult HandleSerialNumber(AtContext& modem, const AtCommand& /*command*/) {
  modem.PutInformation(modem.identity.serial_number);
  return kAtOk;
}

// Makers disagree about the name of the command; each answers under its own.
AtResult HandleIccid(AtContext& modem, const AtCommand& command) {
  if (modem.identity.iccid.empty()) {
    return AtFailure(CmeError::kSimFailure);
  }
  modem.PutInformation(std::string(command.name) + ": " + modem.identity.iccid);
  return kAtOk;
}

AtResult HandleSubscriber(AtContext& modem, const AtCommand& /*command*/) {
  if (modem.identity.imsi.empty()) {
    return AtFailure(CmeError::kSimFailure);
  }
  modem.PutInformation(modem.identity.imsi);
  return kAtOk;
}

AtResult HandlePin(AtContext& modem, const AtCommand& command) {
  if (command.form == AtForm::kSet) {
    return AtFailure(CmeError::kNotAllowed);  // the card waits for no PIN (27.007 8.3)
  }
  modem.PutInformation("+CPIN: READY");
  return kAtOk;
}

}  // namespace simroot::card
