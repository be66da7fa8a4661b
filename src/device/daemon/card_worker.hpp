// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "common/host/unique_fd.hpp"
#include "device/daemon/card_holder.hpp"

namespace simroot::device::daemon {

/// The thread that talks to the card, so that the one that serves the sockets never waits for it. Does its jobs one
/// after the other, in the order in which they were posted; every job has a deadline of its own.
class CardWorker {
 public:
  /// Runs on the thread that serves the sockets, when the job is done.
  using Completion = std::function<void()>;
  using Job = std::function<Completion(CardHolder&)>;

  explicit CardWorker(HolderOptions options);
  CardWorker(const CardWorker&) = delete;
  CardWorker& operator=(const CardWorker&) = delete;
  /// Waits for the job that runs; those that wait are not begun.
  ~CardWorker();

  void Post(Job job);

  /// Readable when jobs are done.
  [[nodiscard]] int fd() const { return done_.get(); }
  /// Runs their completions, and reads the card's status after the last one.
  void RunCompletions();
  [[nodiscard]] const HolderStatus& status() const { return status_; }

 private:
  void Loop();

  CardHolder holder_;  // of the worker's thread
  UniqueFd done_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  std::deque<Completion> completions_;
  HolderStatus latest_;
  bool stop_ = false;
  HolderStatus status_;  // of the other thread
  std::thread thread_;
};

}  // namespace simroot::device::daemon
