// SPDX-License-Identifier: Apache-2.0
/// Log lines from any thread to the broker's, the only one that may write the broker's log.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/middleware/middleware.hpp"

namespace simroot::server {

class LogQueue {
 public:
  /// Lines beyond a thousand that wait are dropped and counted.
  void Push(LogLevel level, const std::string& line) {
    const std::lock_guard lock(mutex_);
    if (lines_.size() < kMost) {
      lines_.emplace_back(level, line);
    } else {
      ++dropped_;
    }
  }
  void Drain(const std::function<void(LogLevel, const std::string&)>& write) {
    std::vector<std::pair<LogLevel, std::string>> lines;
    std::size_t dropped = 0;
    {
      const std::lock_guard lock(mutex_);
      lines.swap(lines_);
      dropped = std::exchange(dropped_, 0);
    }
    for (const auto& [level, line] : lines) {
      write(level, line);
    }
    if (dropped > 0) {
      write(LogLevel::kWarning, std::to_string(dropped) + " more lines were left out");
    }
  }

 private:
  static constexpr std::size_t kMost = 1000;
  std::mutex mutex_;
  std::vector<std::pair<LogLevel, std::string>> lines_;
  std::size_t dropped_ = 0;
};

}  // namespace simroot::server
