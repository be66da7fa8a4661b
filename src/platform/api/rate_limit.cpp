// SPDX-License-Identifier: Apache-2.0
#include "platform/api/rate_limit.hpp"

#include <algorithm>
#include <cmath>

namespace simroot::platform {

bool RateLimiter::Take(const std::string& key, Time now) {
  const std::lock_guard lock(mutex_);
  Bucket& bucket = Find(key, now);
  if (bucket.tokens < 1) {
    return false;
  }
  bucket.tokens -= 1;
  return true;
}

unsigned RateLimiter::RetryAfter() const {
  return limit_.per_second > 0 ? static_cast<unsigned>(std::clamp(std::ceil(1 / limit_.per_second), 1.0, 3600.0))
                               : 3600;
}

void RateLimiter::Refill(Bucket& bucket, Time now) const {
  const double passed = std::chrono::duration<double>(now - bucket.filled).count();
  bucket.tokens = std::min(limit_.burst, bucket.tokens + std::max(passed, 0.0) * limit_.per_second);
  bucket.filled = now;
}

RateLimiter::Bucket& RateLimiter::Find(const std::string& key, Time now) {
  if (const auto found = buckets_.find(key); found != buckets_.end()) {
    Refill(found->second, now);
    return found->second;
  }
  if (buckets_.size() >= kKeys) {
    MakeRoom(now);
  }
  return buckets_.emplace(key, Bucket{limit_.burst, now}).first->second;
}

void RateLimiter::MakeRoom(Time now) {
  // Looking at all of them for each new key would be work that anybody can order.
  if (now >= next_sweep_) {
    next_sweep_ = now + std::chrono::seconds(1);
    for (auto one = buckets_.begin(); one != buckets_.end();) {
      Refill(one->second, now);
      one = one->second.tokens >= limit_.burst ? buckets_.erase(one) : std::next(one);
    }
  }
  if (buckets_.size() >= kKeys) {
    buckets_.erase(buckets_.begin());
  }
}

}  // namespace simroot::platform
