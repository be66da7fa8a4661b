// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/secure/remote_apdu.hpp"

namespace simroot::secure {

/// Who executes remote commands: a card, seen from its remote application.
class CommandExecutor {
 public:
  /// Runs one command and gives its answer with the status word, borrowed until the next call. Fewer than 2 bytes count
  /// as 6F00. `command` is what the script holds; in a compact list it has no Le after data.
  [[nodiscard]] virtual ByteView Run(ByteView command) = 0;

 protected:
  ~CommandExecutor() = default;
};

/// Runs an expanded script and writes its response, coded as the script is. A script that is not understood as a whole
/// is not begun: the response says why, and is definite if not even its coding is known. The list ends early at an
/// error (ContinuesScript), or with 62F1 instead of an answer that has no room any more. Script chaining and immediate
/// actions are not supported: the list ends there and the response says so; error actions are passed over.
/// @param memory for the answers; at most 5 bytes less than `response` has free, or the response may not fit.
void RunScript(ByteView script, CommandExecutor& executor, ByteSpan memory, ByteWriter& response);

/// Runs a compact list and writes its response. The list ends early at an error, and at a command that is cut short,
/// which the format has no way to report; if it is the first, the status word is 6700.
void RunCompactList(ByteView list, RemoteManagement management, CommandExecutor& executor, ByteWriter& response);

}  // namespace simroot::secure
