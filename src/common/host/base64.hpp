// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/host/hex.hpp"

namespace simroot {

/// RFC 4648 with padding, in one line.
[[nodiscard]] std::string ToBase64(ByteView bytes);

/// Bytes of base64 text with its padding; line breaks are skipped. Nothing if it is not base64.
[[nodiscard]] std::optional<Bytes> FromBase64(std::string_view text);

}  // namespace simroot
