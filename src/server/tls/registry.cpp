// SPDX-License-Identifier: Apache-2.0
#include "server/tls/registry.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include "server/tls/same_credential.hpp"

namespace simroot::server::tls {

/// One watched connection.
class Registry::Entry {
 public:
  Entry(const Found& credential, Gone gone) : credential_(credential), gone_(std::move(gone)) {}

  [[nodiscard]] bool Is(const Found& now) const { return IsSameCredential(credential_, now); }

  /// The first call goes through.
  void Fire(Refusal refusal) {
    const std::lock_guard lock(mutex_);
    if (ended_ || fired_) {
      return;
    }
    fired_ = true;
    running_in_ = std::this_thread::get_id();
    gone_(refusal);
    running_in_ = std::thread::id();
  }

  /// Waits for a call that is running, unless it is this thread that runs it.
  void End() {
    if (running_in_ == std::this_thread::get_id()) {
      ended_ = true;
      return;
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }

 private:
  std::mutex mutex_;  ///< held while `gone_` runs
  std::atomic<std::thread::id> running_in_{};
  std::atomic<bool> ended_{false};
  bool fired_ = false;
  const Found credential_;
  Gone gone_;
};

std::shared_ptr<Registry> Registry::Make(Middleware& middleware) {
  const std::shared_ptr<Registry> registry(new Registry(middleware));  // the constructor is private
  // Taken away in the destructor, after which the listener does not run: it may know the registry by address.
  registry->listening_ = middleware.Listen([self = registry.get()](const Change& change) { self->OnChange(change); });
  return registry;
}

Registry::~Registry() {
  listening_.reset();
}

std::shared_ptr<void> Registry::Add(const Found& credential, Gone gone) {
  const CredentialId id = credential.id;
  const auto entry = std::make_shared<Entry>(credential, std::move(gone));
  {
    const std::lock_guard lock(mutex_);
    entries_[id].push_back(entry);
  }
  middleware_.CountLive(1);
  std::shared_ptr<void> handle(entry.get(), [self = shared_from_this(), id, entry](void* /*the entry*/) {
    entry->End();
    self->Remove(id, entry.get());
    self->middleware_.CountLive(-1);
  });
  // Registered first, judged then: a change in between is seen by one of the two.
  if (const Verdict verdict = middleware_.JudgeAgain(id); !verdict.accepted()) {
    entry->Fire(verdict.refusal);
  } else if (!entry->Is(verdict.device)) {
    entry->Fire(Refusal::kRevoked);
  }
  return handle;
}

void Registry::OnChange(const Change& change) {
  std::vector<std::shared_ptr<Entry>> concerned;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(change.now.id);
    if (found == entries_.end()) {
      return;
    }
    for (const auto& entry : found->second) {
      if (auto live = entry.lock(); live != nullptr && (change.refused || !live->Is(change.now))) {
        concerned.push_back(std::move(live));
      }
    }
  }
  if (concerned.empty()) {
    return;
  }
  const Verdict verdict = middleware_.JudgeAgain(change.now.id);
  // Whoever was refused goes, also if the next change lets him in again.
  const Refusal refusal = verdict.accepted() ? Refusal::kRevoked : verdict.refusal;
  for (const auto& entry : concerned) {
    entry->Fire(refusal);
  }
}

void Registry::Remove(CredentialId id, const Entry* entry) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) {
    return;
  }
  // The handle's own deleter still owns the entry, so that its address is nobody else's.
  const auto gone = std::ranges::find_if(found->second, [&](const auto& weak) { return weak.lock().get() == entry; });
  if (gone != found->second.end()) {
    *gone = std::move(found->second.back());
    found->second.pop_back();
  }
  if (found->second.empty()) {
    entries_.erase(found);
  }
}

}  // namespace simroot::server::tls
