// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/host/error.hpp"
#include "common/host/hex.hpp"

namespace simroot::device {

/// One block of STORE DATA and the line of the script it came from.
struct ScriptBlock {
  std::size_t line = 0;
  Bytes data;
};

/// Reads a script: one block a line in hexadecimal, spaces between bytes allowed; `#` begins a comment, empty lines are
/// skipped. @param name how errors call the script. @returns kUsage with the line that is not understood or too long
/// (more than secure::kMaxPlainCommand bytes), or if there is no block at all. Errors never repeat what the line says.
[[nodiscard]] Result<std::vector<ScriptBlock>> ParsePersonalisationScript(std::string_view text,
                                                                          const std::string& name);

}  // namespace simroot::device
