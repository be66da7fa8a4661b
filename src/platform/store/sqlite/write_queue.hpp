// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

#include "common/host/deadline.hpp"
#include "platform/domain/store.hpp"

namespace simroot::platform::sqlite {

using Work = std::function<Outcome<void>(StoreWriter&)>;

/// Works that wait for the writer's thread, and their callers who wait for the answer. Safe for any number of threads.
class WriteQueue {
 public:
  /// A caller who waits. Lives on the caller's stack until it is answered or taken back.
  struct Ticket {
    explicit Ticket(const Work& what) : work(what) {}
    const Work& work;
    Outcome<void> outcome;
    bool answered = false;
    std::condition_variable ready;
  };

  /// Queues `work` and waits for its answer. A work that nobody has begun by then is taken back: kUnavailable.
  [[nodiscard]] Outcome<void> Submit(const Work& work, Deadline begin_by);

  /// Up to `limit` works, the oldest first. Waits until there is one. Empty after Close when none is left.
  [[nodiscard]] std::vector<Ticket*> Take(unsigned limit);
  /// Lets the callers go on. The tickets are theirs again.
  void Answer(const std::vector<Ticket*>& tickets);

  /// Nothing is taken in from now on.
  void Close();

 private:
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<Ticket*> waiting_;
  bool closed_ = false;
};

}  // namespace simroot::platform::sqlite
