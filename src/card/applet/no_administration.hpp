// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/applet/config.hpp"
#include "card/applet/key_maker.hpp"
#include "card/uicc/personalisable.hpp"

namespace simroot::card {

/// What stands in the place of Administration in an applet without it: nothing is personalised, so nothing is reported.
class NoAdministration {
 public:
  NoAdministration(ObjectStore& /*store*/, crypto::Crypto& /*crypto*/, KeyMaker& /*key_maker*/, AppletType /*type*/,
                   ByteView /*application_id*/) {}

  void UseIccid(ByteView /*iccid*/) {}
  [[nodiscard]] wire::StatusWord StoreData(const StoreDataBlock& /*block*/, KeyUnwrapper& /*keys*/,
                                           ByteWriter& /*response*/) {
    return wire::StatusWord::kUnknownInstruction;
  }
  void EndPersonalisation() {}
  [[nodiscard]] std::uint32_t epoch() const { return 0; }
  [[nodiscard]] bool HasChanged(ByteView /*command_data*/) const { return false; }
};

}  // namespace simroot::card
