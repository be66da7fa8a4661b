// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands.hpp"

namespace simroot::app {

/// `simroot demo --psk`: a SIM with pre-shared keys in an emulated modem, and unmodified programs that open TLS with a
/// handle in their place. @returns the exit status.
int RunPskDemo(const DemoArguments& arguments);

}  // namespace simroot::app
