// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/write_queue.hpp"

#include <algorithm>

namespace simroot::platform::sqlite {

Outcome<void> WriteQueue::Submit(const Work& work, Deadline begin_by) {
  const auto ticket = std::make_shared<Ticket>(work);
  std::unique_lock lock(mutex_);
  if (closed_) {
    return Refuse(FailureKind::kUnavailable, "the database is closed");
  }
  waiting_.push_back(ticket);
  if (waiting_.size() == 1 || waiting_.size() == enough_) {  // in between the writer has no use for being woken
    filled_.notify_one();
  }
  const auto answered = [&] { return ticket->answered; };
  if (!ticket->ready.wait_until(lock, begin_by.at(), answered)) {
    const auto place = std::ranges::find(waiting_, ticket);
    if (place != waiting_.end()) {
      waiting_.erase(place);
      return Refuse(FailureKind::kUnavailable, "the database is too busy, nothing was changed", "try again later");
    }
    // It has begun: only the writer knows whether it will be on the disk, and SQLite's waits all have an end.
    ticket->ready.wait(lock, answered);
  }
  return std::move(ticket->outcome);
}

WriteQueue::Tickets WriteQueue::Take(std::size_t limit) {
  std::unique_lock lock(mutex_);
  do {
    filled_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
    WaitForCompany(lock, limit);
  } while (!closed_ && waiting_.empty());  // all were taken back
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(limit, waiting_.size()));
  Tickets taken(waiting_.begin(), end);
  waiting_.erase(waiting_.begin(), end);
  const bool alone = taken.size() < 2;
  company_ = alone ? 0 : std::max(taken.size(), company_ - (company_ + kForgotten - 1) / kForgotten);
  return taken;
}

void WriteQueue::WaitForCompany(std::unique_lock<std::mutex>& lock, std::size_t limit) {
  if (company_ < 2) {
    return;
  }
  enough_ = std::min(company_, limit);
  filled_.wait_for(lock, kLongestWait, [&] { return closed_ || waiting_.size() >= enough_; });
  enough_ = 0;
}

void WriteQueue::Answer(const Tickets& tickets) {
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& ticket : tickets) {
      ticket->answered = true;
    }
  }
  for (const auto& ticket : tickets) {  // without the lock, which each of them wants first of all
    ticket->ready.notify_one();
  }
}

void WriteQueue::Close() {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  filled_.notify_all();
}

}  // namespace simroot::platform::sqlite
