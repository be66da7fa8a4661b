// SPDX-License-Identifier: Apache-2.0
/// The scripts of the folder scripts/, part of the program since it was built.
#pragma once

#include <span>
#include <string_view>

namespace simroot::conformance {

struct EmbeddedScript {
  std::string_view name;  ///< of the file: "random.apdu"
  std::string_view text;
};

/// All of them, in the order of their names.
[[nodiscard]] std::span<const EmbeddedScript> EmbeddedScripts();

}  // namespace simroot::conformance
