// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "server/middleware/middleware.hpp"

namespace simroot::server {

struct MetricValues {
  std::array<std::uint64_t, kRefusals.size()> handshakes{};  ///< by Refusal
  MiddlewareStatus status;
  std::int64_t age_s = -1;  ///< since the platform was heard; -1: never
  std::uint64_t changes = 0;
  std::uint64_t sync_errors = 0;
  std::uint64_t uses_reported = 0;
  std::size_t uses_queued = 0;
  std::ptrdiff_t live = 0;
};
/// Prometheus text format 0.0.4.
[[nodiscard]] std::string ToPrometheus(const MetricValues& values);

}  // namespace simroot::server
