// SPDX-License-Identifier: Apache-2.0
#include "platform/ota/card_command.hpp"

#include "common/base/bytes.hpp"

namespace simroot::platform {

CardCommand InstallForPersonalisation(ByteView aid) {
  constexpr std::uint8_t kInstall = 0xE6;
  constexpr std::uint8_t kForPersonalisation = 0x20;
  CardCommand command{.ins = kInstall, .p1 = kForPersonalisation, .data = {}, .what = {}};
  command.data = {0x00, 0x00, LowByte(aid.size())};  // no load file, no module
  command.data.insert(command.data.end(), aid.begin(), aid.end());
  command.data.insert(command.data.end(), {0x00, 0x00, 0x00});  // no privileges, no parameters, no token
  command.what = "INSTALL [for personalization] " + ToHex(aid);
  return command;
}

}  // namespace simroot::platform
