// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <unordered_map>

#include "platform/api/api.hpp"

namespace simroot::platform {

/// A bucket of tokens for each key. Knows at most 10,000 keys: beyond, full buckets are forgotten (looked for once a
/// second), else any one. Safe for any number of threads.
class RateLimiter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit RateLimiter(RateLimit limit) : limit_(limit) {}

  /// Takes one. False: there is none.
  [[nodiscard]] bool Take(const std::string& key, Time now);
  /// Seconds until there is one again, at least 1.
  [[nodiscard]] unsigned RetryAfter() const;

 private:
  static constexpr std::size_t kKeys = 10'000;
  struct Bucket {
    double tokens = 0;
    Time filled;
  };
  void Refill(Bucket& bucket, Time now) const;
  Bucket& Find(const std::string& key, Time now);
  void MakeRoom(Time now);

  RateLimit limit_;
  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;
  Time next_sweep_{};
};

}  // namespace simroot::platform
