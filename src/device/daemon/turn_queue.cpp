// SPDX-License-Identifier: Apache-2.0
#include "device/daemon/turn_queue.hpp"

#include <algorithm>

namespace simroot::device::daemon {

bool TurnQueue::Wait(ClientId client, Time now, Time until) {
  if (client == holder_ || std::ranges::find(waiting_, client, &Waiting::client) != waiting_.end()) {
    return false;
  }
  waiting_.push_back({client, now, until});
  return true;
}

std::optional<TurnQueue::Waiting> TurnQueue::Next(Time now) {
  if (holder_ != kNobody || waiting_.empty()) {
    return std::nullopt;
  }
  const Waiting first = waiting_.front();
  waiting_.pop_front();
  holder_ = first.client;
  holder_since_ = now;
  return first;
}

void TurnQueue::Leave(ClientId client) {
  if (holder_ == client) {
    holder_ = kNobody;
  }
  std::erase_if(waiting_, [client](const Waiting& waiting) { return waiting.client == client; });
}

std::vector<ClientId> TurnQueue::TakeExpired(Time now) {
  std::vector<ClientId> expired;
  for (const Waiting& waiting : waiting_) {
    if (waiting.until <= now) {
      expired.push_back(waiting.client);
    }
  }
  std::erase_if(waiting_, [now](const Waiting& waiting) { return waiting.until <= now; });
  return expired;
}

std::optional<ClientId> TurnQueue::Overdue(Time now) const {
  const auto when = NextOverdue();
  return when && *when <= now ? std::optional(holder_) : std::nullopt;
}

std::optional<TurnQueue::Time> TurnQueue::NextExpiry() const {
  if (waiting_.empty()) {
    return std::nullopt;
  }
  return std::ranges::min_element(waiting_, {}, &Waiting::until)->until;
}

std::optional<TurnQueue::Time> TurnQueue::NextOverdue() const {
  if (holder_ == kNobody || waiting_.empty()) {
    return std::nullopt;
  }
  return holder_since_ + limit_;
}

}  // namespace simroot::device::daemon
