// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/secret.hpp"
#include "device/client/card.hpp"

namespace simroot::device::client {

using UserPin = SecretArray<kMaxUserPinSize>;

/// Reads the first line of a file, 1 to kMaxUserPinSize bytes without its end. @returns kUsage if there is no such
/// file, others than its owner may read or write it, or it holds anything else.
[[nodiscard]] Result<void> ReadPinFile(const std::string& path, UserPin& pin);

}  // namespace simroot::device::client
