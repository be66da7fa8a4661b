// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands.hpp"

namespace simroot::app {

/// `simroot demo`: a device's life from the first switch-on to the revocation, with a platform, mosquitto, nginx, three
/// devices and an attacker. Prints a timeline, writes a page. @returns the exit status: 0 only if all was verified.
int RunStory(const DemoArguments& arguments);

}  // namespace simroot::app
