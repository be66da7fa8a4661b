// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace simroot::net {

/// Threads that run tasks in the order they came. Signals of the process are not delivered to them.
class WorkerPool {
 public:
  explicit WorkerPool(unsigned threads);
  ~WorkerPool() { Stop(); }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// `task` must not throw. Ignored after Stop.
  void Submit(std::function<void()> task);
  /// Forgets what has not begun and waits for what has.
  void Stop();

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

/// Starts a thread to which no signal of the process is delivered.
[[nodiscard]] std::thread StartQuietThread(std::function<void()> body);

}  // namespace simroot::net
