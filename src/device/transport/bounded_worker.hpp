// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "common/host/deadline.hpp"

namespace simroot::device {

/// A thread for calls that cannot be given a time limit, on behalf of a caller that has one.
///
/// A call that outlasts the caller's deadline cannot be stopped: it is left behind with the thread, which ends when the
/// call does. The module this code lives in then stays loaded for good, so that the thread never returns into unmapped
/// code (a provider is unloaded by its program).
class BoundedWorker {
 public:
  BoundedWorker();
  BoundedWorker(const BoundedWorker&) = delete;
  BoundedWorker& operator=(const BoundedWorker&) = delete;
  /// Ends the thread; never waits for a job that was left behind. Not in a forked child, where there is no thread:
  /// leak the object there.
  ~BoundedWorker();

  /// Runs `job` on the thread. @returns true if it has ended before the deadline. False: it was left behind, will be
  /// destroyed on the thread when it ends, and this worker takes no more jobs (every later call is false). `job` must
  /// own all that it touches.
  [[nodiscard]] bool Run(std::function<void()> job, Deadline deadline);

 private:
  struct Shared;
  static void Loop(const std::shared_ptr<Shared>& shared);

  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace simroot::device
