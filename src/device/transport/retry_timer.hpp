// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>

#include <algorithm>
#include <string>

#include "common/host/deadline.hpp"

namespace simroot::device {

/// Paces attempts at something that another process holds and that the kernel cannot announce: waits of 1, 2, 4 ms and
/// so on up to the longest one, until the deadline. Who gives a lock back often takes it again at once: an attempt has
/// to fall into the gap, so there must be many of them. Attempts that cost the other side something are made seldom.
class RetryTimer {
 public:
  static constexpr int kOftenMs = 4;
  static constexpr int kSeldomMs = 32;

  explicit RetryTimer(Deadline deadline, int longest_wait_ms = kOftenMs)
      : deadline_(deadline), longest_wait_ms_(longest_wait_ms) {}

  /// False, without waiting, once the deadline has passed.
  [[nodiscard]] bool Wait() {
    if (deadline_.Passed()) {
      return false;
    }
    ::poll(nullptr, 0, std::min(wait_ms_, deadline_.PollTimeoutMs()));  // a signal only makes the next attempt earlier
    wait_ms_ = std::min(wait_ms_ * 2, longest_wait_ms_);
    return true;
  }

 private:
  Deadline deadline_;
  int longest_wait_ms_;
  int wait_ms_ = 1;
};

/// How long something has lasted, for error texts: "350 ms", "10 s", "2.5 s".
class Stopwatch {
 public:
  [[nodiscard]] std::chrono::microseconds Elapsed() const {
    return std::chrono::duration_cast<std::chrono::microseconds>(Deadline::Clock::now() - start_);
  }
  [[nodiscard]] std::string Text() const {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(Elapsed()).count();
    if (ms < 1000) {
      return std::to_string(ms) + " ms";
    }
    const auto tenths = ms / 100;
    const std::string fraction = tenths % 10 == 0 ? std::string() : "." + std::to_string(tenths % 10);
    return std::to_string(tenths / 10) + fraction + " s";
  }

 private:
  Deadline::Clock::time_point start_ = Deadline::Clock::now();
};

}  // namespace simroot::device
