// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/host/secret_bytes.hpp"
#include "platform/domain/failure.hpp"

namespace simroot::platform {

/// SHA-256, 32 bytes.
[[nodiscard]] Outcome<Bytes> Sha256(ByteView bytes);
/// `prefix` and 43 characters of base64url that stand for 32 random bytes.
[[nodiscard]] Outcome<SecretBytes> RandomToken(std::string_view prefix);

}  // namespace simroot::platform
