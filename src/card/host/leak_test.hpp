// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/base/secret.hpp"
#include "common/host/error.hpp"
#include "common/iotsafe/objects.hpp"

namespace simroot::card {

/// Reads a private scalar out of a virtual card's file, so that a test can prove that it is nowhere else. Only who can
/// read the file can call it, and he has the key already. The card must not be open.
[[nodiscard]] Result<void> CopyPrivateKeyForLeakTest(const std::string& file, const iotsafe::ObjectRef& key,
                                                     SecretArray<32>& scalar);

}  // namespace simroot::card
