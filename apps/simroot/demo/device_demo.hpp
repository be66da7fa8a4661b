// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands.hpp"

namespace simroot::app {

/// `simroot demo --device`: the device's side alone, a SIM in an emulated modem and unmodified programs that open TLS
/// with the key in it. @returns the exit status.
int RunDeviceDemo(const DemoArguments& arguments);

}  // namespace simroot::app
