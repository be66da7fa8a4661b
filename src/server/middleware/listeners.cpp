// SPDX-License-Identifier: Apache-2.0
#include "server/middleware/listeners.hpp"

namespace simroot::server {

std::shared_ptr<void> Listeners::Add(Middleware::Listener listener) {
  auto member = std::make_shared<Member>();
  member->listener = std::move(listener);
  {
    const std::lock_guard lock(list_->mutex);
    list_->members.push_back(member);
  }
  Member* const raw = member.get();
  return std::shared_ptr<void>(raw, [list = list_, member](void*) {
    {
      const std::lock_guard lock(list->mutex);
      std::erase(list->members, member);
    }
    const std::lock_guard running(member->mutex);
    member->alive = false;
  });
}

void Listeners::Tell(const Change& change) {
  std::vector<std::shared_ptr<Member>> members;
  {
    const std::lock_guard lock(list_->mutex);
    members = list_->members;
  }
  for (const auto& member : members) {
    const std::lock_guard running(member->mutex);
    if (member->alive) {
      member->listener(change);
    }
  }
}

bool Listeners::empty() const {
  const std::lock_guard lock(list_->mutex);
  return list_->members.empty();
}

}  // namespace simroot::server
