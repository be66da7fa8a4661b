// SPDX-License-Identifier: Apache-2.0
#include "demo/device_demo.hpp"
#include "demo/psk_demo.hpp"
#include "demo/story/story.hpp"

namespace simroot::app {

int RunDemo(const DemoArguments& arguments) {
  return arguments.psk ? RunPskDemo(arguments) : arguments.device ? RunDeviceDemo(arguments) : RunStory(arguments);
}

}  // namespace simroot::app
