// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <string>
#include <unordered_map>

#include "platform/domain/clock.hpp"

namespace simroot::platform {

/// Counts how often somebody says hello in a minute. Known and unknown cards are counted alike.
class HelloLimits {
 public:
  HelloLimits(unsigned per_source, unsigned per_card) : per_source_(per_source), per_card_(per_card) {}

  /// False: one too many in this minute.
  [[nodiscard]] bool Take(const std::string& source, const std::string& iccid, UnixTime now) {
    const std::lock_guard lock(mutex_);
    constexpr UnixTime kMinute = 60;
    constexpr std::size_t kMost = 200'000;  // entries; a flood from many addresses begins a new count
    if (now / kMinute != minute_ || sources_.size() + cards_.size() > kMost) {
      minute_ = now / kMinute;
      sources_.clear();
      cards_.clear();
    }
    return ++sources_[source] <= per_source_ && ++cards_[iccid] <= per_card_;
  }

 private:
  const unsigned per_source_;
  const unsigned per_card_;
  std::mutex mutex_;
  UnixTime minute_ = 0;
  std::unordered_map<std::string, unsigned> sources_;
  std::unordered_map<std::string, unsigned> cards_;
};

}  // namespace simroot::platform
