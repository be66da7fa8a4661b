// SPDX-License-Identifier: Apache-2.0
/// What the transports over a socket of the file system share.
#pragma once

#include <string>

#include "common/host/deadline.hpp"

namespace simroot::device {

/// Connects the socket `fd` (AF_UNIX) to `path`; waits while the listener's queue is full, until the deadline. @returns
/// 0, or the error number why there is no connection: ENAMETOOLONG for a path that no socket can have.
[[nodiscard]] int ConnectUnixSocket(int fd, const std::string& path, Deadline deadline);

/// Waits for `events` of poll(2). False if the deadline passes before, or if the descriptor is none.
[[nodiscard]] bool WaitForEvents(int fd, short events, Deadline deadline);

}  // namespace simroot::device
