// SPDX-License-Identifier: Apache-2.0
/// The commands that make a server read its files again. Started without a shell: nothing that a device or the platform
/// says is ever part of one, and no shell can take a word apart in another way than it was meant.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "common/host/error.hpp"

namespace simroot::server {

/// Program, looked up in PATH, and its arguments. Not empty.
using Command = std::vector<std::string>;

/// Words of a line as a person writes it: separated by blanks; "..." and '...' keep blanks together, \ takes the next
/// character as it is (not in '...'). Nothing else has a meaning. kUsage: no word, an open quote, or a \ at the end.
[[nodiscard]] Result<Command> SplitCommand(std::string_view line);

/// For messages.
[[nodiscard]] std::string TextOf(const Command& command);

/// Runs it to its end, stdin empty, in a process group of its own.
/// @param stop the group is killed within 100 ms when it becomes true.
/// @returns kTransport: it cannot be started, ended with another status than 0, or did not end within `limit` and was
/// killed with all of its group. The error holds the last line that it printed.
[[nodiscard]] Result<void> RunCommand(const Command& command, std::chrono::milliseconds limit,
                                      const std::atomic<bool>& stop);

}  // namespace simroot::server
