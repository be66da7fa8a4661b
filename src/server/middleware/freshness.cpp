// SPDX-License-Identifier: Apache-2.0
#include "server/middleware/freshness.hpp"

#include <time.h>

#include <algorithm>

namespace simroot::server {
namespace {

constexpr UnixTime kTolerance = 3600;  ///< by which two wall clocks, or one before and after it was set, may differ

std::int64_t SystemSteady() {
  timespec now{};
  (void)::clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec;
}

}  // namespace

Clocks Clocks::Complete(std::function<UnixTime()> wall, std::function<std::int64_t()> steady) {
  if (!steady) {
    steady = wall ? wall : SystemSteady;
  }
  if (!wall) {
    wall = [] { return static_cast<UnixTime>(::time(nullptr)); };
  }
  return {std::move(wall), std::move(steady)};
}

void Freshness::Restore(UnixTime contact) {
  const UnixTime now = clocks_.wall();
  if (contact <= 0 || contact > now + kTolerance) {
    return;
  }
  last_contact_.store(contact, std::memory_order_relaxed);
  heard_.store(clocks_.steady() - std::max<UnixTime>(0, now - contact), std::memory_order_relaxed);
}

void Freshness::Heard() {
  last_contact_.store(clocks_.wall(), std::memory_order_relaxed);
  heard_.store(clocks_.steady(), std::memory_order_relaxed);
}

std::int64_t Freshness::Age() const {
  return std::max<std::int64_t>(0, clocks_.steady() - heard_.load(std::memory_order_relaxed));
}

}  // namespace simroot::server
