// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/write_queue.hpp"

#include <algorithm>

namespace simroot::platform::sqlite {

Outcome<void> WriteQueue::Submit(const Work& work, Deadline begin_by) {
  Ticket ticket(work);
  std::unique_lock lock(mutex_);
  if (closed_) {
    return Refuse(FailureKind::kUnavailable, "the database is closed");
  }
  waiting_.push_back(&ticket);
  filled_.notify_one();
  const auto answered = [&] { return ticket.answered; };
  if (!ticket.ready.wait_until(lock, begin_by.at(), answered)) {
    const auto place = std::ranges::find(waiting_, &ticket);
    if (place != waiting_.end()) {
      waiting_.erase(place);
      return Refuse(FailureKind::kUnavailable, "the database is too busy, nothing was changed", "try again later");
    }
    // It has begun: only the writer knows whether it will be on the disk, and SQLite's waits all have an end.
    ticket.ready.wait(lock, answered);
  }
  return std::move(ticket.outcome);
}

std::vector<WriteQueue::Ticket*> WriteQueue::Take(unsigned limit) {
  std::unique_lock lock(mutex_);
  filled_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(limit, waiting_.size()));
  std::vector<Ticket*> taken(waiting_.begin(), end);
  waiting_.erase(waiting_.begin(), end);
  return taken;
}

void WriteQueue::Answer(const std::vector<Ticket*>& tickets) {
  // Under the lock: a caller that wakes up ends the life of its ticket.
  const std::scoped_lock lock(mutex_);
  for (Ticket* const ticket : tickets) {
    ticket->answered = true;
    ticket->ready.notify_one();
  }
}

void WriteQueue::Close() {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  filled_.notify_all();
}

}  // namespace simroot::platform::sqlite
