// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/host/error.hpp"

namespace simroot::card {

/// Takes the exclusive flock of the open file `fd`, without waiting. @returns kStore, "... in use by pid N", if
/// somebody else has it; `path` is only for the message.
[[nodiscard]] Result<void> LockFile(int fd, const std::string& path);

/// "pid N" of the process that holds a flock on the file, as /proc/locks (its text is given) names it; "another
/// process" if it does not say, or if the process that took the lock is gone and a child of it holds on.
[[nodiscard]] std::string LockOwner(int fd, const std::string& proc_locks);

}  // namespace simroot::card
