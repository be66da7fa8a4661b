// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "common/host/deadline.hpp"
#include "platform/domain/store.hpp"

namespace simroot::platform::sqlite {

using Work = std::function<Outcome<void>(StoreWriter&)>;

/// Works that wait for the writer's thread, and their callers who wait for the answer. Safe for any number of threads.
class WriteQueue {
 public:
  /// A caller who waits.
  struct Ticket {
    explicit Ticket(const Work& what) : work(what) {}
    const Work& work;  ///< of the caller: not to be used once `answered`
    Outcome<void> outcome;
    bool answered = false;
    std::condition_variable ready;
  };
  using Tickets = std::vector<std::shared_ptr<Ticket>>;

  /// Queues `work` and waits for its answer. A work that nobody has begun by then is taken back: kUnavailable.
  [[nodiscard]] Outcome<void> Submit(const Work& work, Deadline begin_by);

  /// Up to `limit` works, the oldest first. Waits until there is one; where several were written together of late, it
  /// waits for as many again, for kLongestWait at most. Empty after Close when none is left.
  [[nodiscard]] Tickets Take(std::size_t limit);
  /// Lets the callers go on.
  void Answer(const Tickets& tickets);

  /// Nothing is taken in from now on.
  void Close();

  /// A commit costs as much as ten works, and takes some milliseconds on most disks: where many write, who waits this
  /// long for others waits less in the end. A caller alone never waits, or once where others have been just now.
  static constexpr std::chrono::milliseconds kLongestWait{8};

 private:
  static constexpr std::size_t kForgotten = 5;  ///< a fifth of the company is forgotten with each smaller batch

  void WaitForCompany(std::unique_lock<std::mutex>& lock, std::size_t limit);

  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<std::shared_ptr<Ticket>> waiting_;
  bool closed_ = false;
  std::size_t company_ = 0;  ///< works that were written together of late
  std::size_t enough_ = 0;   ///< so many end the wait of the writer; 0: it does not wait for company
};

}  // namespace simroot::platform::sqlite
