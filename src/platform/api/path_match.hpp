// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace simroot::platform {

/// Compares a decoded path with a pattern like "/v1/cards/{iccid}/device". A part in braces takes one part of 1 to 200
/// characters without control characters. @returns the parts taken, in their order; nothing if the path is another.
[[nodiscard]] std::optional<std::vector<std::string>> MatchPath(std::string_view pattern, std::string_view path);

/// A decimal number of 0 or more without leading zeros. Nothing for anything else.
[[nodiscard]] std::optional<std::int64_t> ParseNumber(std::string_view text);

}  // namespace simroot::platform
