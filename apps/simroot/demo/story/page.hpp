// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "demo/story/recorder.hpp"

namespace simroot::app {

/// One HTML page that needs nothing else: summary, then the sequence of all acts drawn in lanes. Well-formed XML too.
/// @param failure why the story ended early; empty: all was verified.
[[nodiscard]] std::string StoryPage(const Recorder& recorder, const std::string& failure);

}  // namespace simroot::app
