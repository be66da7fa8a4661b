// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "device/transport/in_process.hpp"
#include "device/transport/transport.hpp"

namespace simroot::device {

/// Opens a `sim:FILE` URI: the virtual UICC kept in FILE, in this process. Its file is locked while it is open, so
/// Lock() has nothing to do. While another process has the card (kStore, "in use by pid N") it tries again until the
/// deadline, then returns that error; every other error is returned at once.
[[nodiscard]] Result<std::unique_ptr<Transport>> OpenInProcessTransport(const CardUri& uri, Deadline deadline);

}  // namespace simroot::device
