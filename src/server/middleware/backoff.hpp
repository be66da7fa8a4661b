// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace simroot::server {

/// Waiting times after failures: twice as long each time, up to a longest. Random by a quarter, so that the servers of
/// a platform that was away do not all come back in the same moment. One thread.
class Backoff {
 public:
  using Time = std::chrono::milliseconds;

  Backoff(Time first, Time longest) : first_(first), longest_(longest), next_(first), random_(std::random_device()()) {}

  [[nodiscard]] Time Next() {
    const Time base = next_;
    next_ = std::min(longest_, next_ * 2);
    return base - base / 4 + Time(std::uniform_int_distribution<Time::rep>(0, base.count() / 4)(random_));
  }
  void Reset() { next_ = first_; }

 private:
  Time first_;
  Time longest_;
  Time next_;
  std::minstd_rand random_;
};

}  // namespace simroot::server
