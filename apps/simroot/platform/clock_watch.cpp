// SPDX-License-Identifier: Apache-2.0
#include "platform/clock_watch.hpp"

#include <cstdlib>
#include <ctime>
#include <utility>

namespace simroot::app {
namespace {

constexpr std::int64_t kLargestStep = 3600;
constexpr std::int64_t kHold = 86400;

[[nodiscard]] bool IsJump(std::int64_t seconds) {
  return std::abs(seconds) > kLargestStep;
}

}  // namespace

ClockWatch::ClockWatch(Seconds wall, Seconds running, std::function<void(const std::string&)> log)
    : wall_(std::move(wall)), running_(std::move(running)), log_(std::move(log)) {
  Begin();
}

void ClockWatch::Begin() {
  began_ = wall_() - running_();
  held_ = false;
}

void ClockWatch::Hold(std::int64_t offset, std::int64_t now) {
  held_ = true;
  held_offset_ = offset;
  held_since_ = now;
  log_(
      "the clock was set by more than an hour; nothing expires and no renewal begins for a day: check the clock, and "
      "start the platform again if it is right");
}

bool ClockWatch::IsTrusted() {
  const std::int64_t now = running_();
  const std::int64_t offset = wall_() - now - began_;
  if (!IsJump(offset)) {
    if (std::exchange(held_, false)) {
      log_("the clock is as it was; expiry and renewals go on");
    }
    return true;
  }
  if (!held_ || IsJump(offset - held_offset_)) {
    Hold(offset, now);
  }
  if (now - held_since_ > kHold) {
    log_("the clock has kept its new time for a day; expiry and renewals go on");
    Begin();
  }
  return !held_;
}

std::int64_t SecondsSinceBoot() {
  std::timespec time{};
  static_cast<void>(::clock_gettime(CLOCK_BOOTTIME, &time));  // fails for no clock that exists
  return time.tv_sec;
}

}  // namespace simroot::app
