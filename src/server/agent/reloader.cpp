// SPDX-License-Identifier: Apache-2.0
#include "server/agent/reloader.hpp"

#include <algorithm>

namespace simroot::server {
namespace {

constexpr unsigned kMostDoublings = 6;
constexpr std::chrono::seconds kLongestPause{60};

[[nodiscard]] std::chrono::seconds PauseAfter(unsigned failures) {
  return std::min(kLongestPause, std::chrono::seconds(1U << std::min(failures - 1, kMostDoublings)));
}

}  // namespace

Reloader::Reloader(const std::vector<Command>& commands, std::chrono::milliseconds limit, LogFunction log)
    : limit_(limit), log_(std::move(log)) {
  for (const Command& command : commands) {
    tasks_.push_back({command});
  }
  if (!tasks_.empty()) {
    thread_ = std::thread([this] { Run(); });
  }
}

Reloader::~Reloader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Reloader::Trigger() {
  {
    const std::lock_guard lock(mutex_);
    for (Task& task : tasks_) {
      task.due = Clock::now();
      task.failures = 0;
    }
  }
  changed_.notify_all();
}

Reloader::Task* Reloader::WaitForTask(std::unique_lock<std::mutex>& lock) {
  const auto now = Clock::now();
  auto wake = now + kLongestPause;
  for (Task& task : tasks_) {
    if (task.due && *task.due <= now) {
      return &task;
    }
    wake = std::min(wake, task.due.value_or(wake));
  }
  changed_.wait_until(lock, wake);
  return nullptr;
}

void Reloader::Run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    Task* const task = WaitForTask(lock);
    if (task == nullptr) {
      continue;
    }
    task->due.reset();
    lock.unlock();
    const auto done = RunCommand(task->command, limit_, stop_);
    lock.lock();
    if (stop_) {
      break;
    }
    if (done) {
      task->failures = 0;
      log_(LogLevel::kInfo, "reloaded command=\"" + TextOf(task->command) + "\" status=0");
      continue;
    }
    ++task->failures;
    const auto pause = PauseAfter(task->failures);
    if (!task->due) {  // else a change came meanwhile, which is tried at once
      task->due = Clock::now() + pause;
    }
    log_(LogLevel::kError, done.error().Text() + "; again in " + std::to_string(pause.count()) + " s");
  }
}

Result<void> Reloader::RunAll(const std::vector<Command>& commands, std::chrono::milliseconds limit,
                              const std::atomic<bool>& stop) {
  Result<void> all{};
  for (const Command& command : commands) {
    auto done = RunCommand(command, limit, stop);
    if (!done && all) {
      all = std::move(done);
    }
  }
  return all;
}

}  // namespace simroot::server
