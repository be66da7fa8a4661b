// SPDX-License-Identifier: Apache-2.0
#include "server/middleware/use_reporter.hpp"

#include "common/net/worker_pool.hpp"
#include "server/middleware/log.hpp"

namespace simroot::server {

UseReporter::UseReporter(MakeLink make_link, Backoff backoff, LogFunction log, std::function<bool()> tick)
    : make_link_(std::move(make_link)),
      backoff_(backoff),
      log_(std::move(log)),
      tick_(std::move(tick)),
      thread_(net::StartQuietThread([this] { Run(); })) {}

UseReporter::~UseReporter() {
  {
    std::unique_lock lock(mutex_);
    stop_ = true;
    changed_.notify_all();
    // Again and again: the call to be interrupted may just be about to begin.
    do {
      if (link_) {
        link_->Interrupt();
      }
    } while (!changed_.wait_for(lock, std::chrono::milliseconds(20), [this] { return ended_; }));
  }
  thread_.join();
}

void UseReporter::Add(CredentialId id, std::string_view credential_name) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() < kMaxQueue && known_.emplace(id, Progress::kQueued).second) {
    queue_.push_back({id, std::string(credential_name)});
    changed_.notify_all();
  }
}

void UseReporter::Forget(CredentialId id) {
  const std::lock_guard lock(mutex_);
  const auto it = known_.find(id);
  if (it != known_.end() && it->second == Progress::kDone) {
    known_.erase(it);
  } else if (it != known_.end()) {
    it->second = Progress::kForgotten;
  }
}

void UseReporter::Wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

std::size_t UseReporter::queued() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

bool UseReporter::Report(const Use& use) {
  if (!link_) {
    auto link = make_link_();
    const std::lock_guard lock(mutex_);
    link_ = std::move(link);
  }
  const auto told = link_ ? link_->ReportUse(use.name)
                          : Result<void>(Fail(ErrorDomain::kTransport, "there is no link to the platform"));
  if (told || told.error().domain == ErrorDomain::kUsage) {
    reported_.fetch_add(told ? 1 : 0, std::memory_order_relaxed);
    if (!told) {
      log_(LogLevel::kDebug, LogLine("the platform has no use for a proof of use: " + told.error().Text())
                                 .With("credential", use.name)
                                 .text());
    }
    failing_ = false;
    return true;
  }
  {
    const std::lock_guard lock(mutex_);
    link_.reset();  // a new one next time
  }
  if (!failing_) {
    failing_ = true;
    log_(LogLevel::kWarning, LogLine("a proof of use could not be reported and will be again: " + told.error().Text())
                                 .With("credential", use.name)
                                 .text());
  }
  return false;
}

void UseReporter::Run() {
  std::unique_lock lock(mutex_);
  bool ticking = false;
  while (!stop_) {
    if (woken_ || ticking) {
      woken_ = false;
      lock.unlock();
      ticking = tick_();
      lock.lock();
    }
    if (queue_.empty()) {
      const auto something = [this] { return stop_ || woken_ || !queue_.empty(); };
      if (ticking) {
        (void)changed_.wait_for(lock, std::chrono::seconds(1), something);
      } else {
        changed_.wait(lock, something);
      }
      continue;
    }
    const Use use = queue_.front();
    lock.unlock();
    const bool done = Report(use);
    lock.lock();
    if (done) {
      queue_.pop_front();
      if (auto& progress = known_[use.id]; progress == Progress::kForgotten) {
        known_.erase(use.id);
      } else {
        progress = Progress::kDone;
      }
      backoff_.Reset();
    } else {
      (void)changed_.wait_for(lock, backoff_.Next(), [this] { return stop_; });
    }
  }
  ended_ = true;
  changed_.notify_all();
}

}  // namespace simroot::server
