// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/bytes.hpp"

namespace simroot::card {

/// Told of every APDU that goes to the card and of its answer; installed for --trace. The emulated modem and the link
/// to vpcd both use it. Called from the thread that runs them; must not call back into them.
class ModemObserver {
 public:
  virtual ~ModemObserver() = default;
  /// @param command the APDU as the card received it. @param response data and status word. Both are borrowed.
  virtual void OnExchange(ByteView command, ByteView response) = 0;
};

}  // namespace simroot::card
