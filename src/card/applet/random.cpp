// SPDX-License-Identifier: Apache-2.0
#include "card/applet/applet.hpp"

namespace simroot::card {

// GET RANDOM (2.18): Le bytes, without an element around them.
wire::StatusWord Applet::GetRandom(const Call& call) {
  if (!call.command.le) {
    return Sw::kWrongLength;
  }
  const ByteSpan out = call.response.Reserve(std::min(*call.command.le, call.response.free()));
  return crypto_.Random(out) ? Sw::kOk : Sw::kOtherError;
}

}  // namespace simroot::card
