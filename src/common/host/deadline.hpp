// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>

namespace simroot {

/// A moment on the steady clock after which waiting ends. Every wait in the project has one.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] static Deadline After(std::chrono::milliseconds from_now) { return Deadline(Clock::now() + from_now); }

  [[nodiscard]] bool Passed() const { return Clock::now() >= at_; }
  /// Milliseconds left for poll(): 0 if passed, rounded up so that a wait never spins.
  [[nodiscard]] int PollTimeoutMs() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(at_ - Clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, 3'600'000));
  }
  [[nodiscard]] Clock::time_point at() const { return at_; }
  [[nodiscard]] Deadline Earlier(Deadline other) const { return Deadline(std::min(at_, other.at_)); }

 private:
  explicit Deadline(Clock::time_point at) : at_(at) {}
  Clock::time_point at_;
};

}  // namespace simroot
