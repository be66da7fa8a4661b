// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace simroot::platform {

/// Seconds since 1970, UTC.
using UnixTime = std::int64_t;

/// The platform's wall clock; tests turn it. It may jump either way at any moment.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual UnixTime Now() = 0;
};

}  // namespace simroot::platform
