// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "server/agent/command.hpp"
#include "server/middleware/middleware.hpp"

namespace simroot::server {

/// Runs all commands after each change of the files, one at a time, on a thread of its own: a command that hangs does
/// not keep the files from being written. One that fails is tried again after 1, 2, 4 ... 60 seconds until it works.
class Reloader {
 public:
  using Clock = std::chrono::steady_clock;

  Reloader(const std::vector<Command>& commands, std::chrono::milliseconds limit, LogFunction log);
  /// Kills a command that runs.
  ~Reloader();
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  /// The files have changed: each command runs soon, and once more if it is running just now.
  void Trigger();
  /// Each once, now, in the caller's thread. The first error; the others run all the same.
  [[nodiscard]] static Result<void> RunAll(const std::vector<Command>& commands, std::chrono::milliseconds limit,
                                           const std::atomic<bool>& stop);

 private:
  struct Task {
    Command command;
    std::optional<Clock::time_point> due{};
    unsigned failures = 0;
  };

  void Run();
  /// The next that is due, or nullptr after waiting for a while.
  [[nodiscard]] Task* WaitForTask(std::unique_lock<std::mutex>& lock);

  std::vector<Task> tasks_;
  std::chrono::milliseconds limit_;
  LogFunction log_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace simroot::server
