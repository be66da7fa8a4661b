// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "device/transport/transport.hpp"

namespace simroot::device {

/// Opens a `pipe:PATH` URI: a card that listens on a socket in the file system and speaks the byte pipe, for example
/// `simroot card run FILE --pipe PATH` or the firmware in an emulator. The connection is the lock: one program at a
/// time has the card, for as long as the transport lives, so Lock() has nothing to do. Waits for its turn until the
/// deadline.
[[nodiscard]] Result<std::unique_ptr<Transport>> OpenPipeTransport(const CardUri& uri, Deadline deadline);

}  // namespace simroot::device
