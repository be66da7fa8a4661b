// SPDX-License-Identifier: Apache-2.0
#include "server/agent/crl_keeper.hpp"

#include <algorithm>
#include <ctime>

namespace simroot::server {
namespace {

using namespace std::chrono_literals;

constexpr auto kExpectFor = 60s;
constexpr auto kPauseUntilSeen = 1s;
constexpr auto kPauseOfChanges = 50ms;  ///< many changes are one question
constexpr auto kShortest = 60s;
constexpr auto kLongest = 24h;
constexpr unsigned kMostDoublings = 6;

}  // namespace

CrlKeeper::CrlKeeper(Middleware& middleware, LogFunction log, std::function<void()> fresh)
    : middleware_(middleware), log_(std::move(log)), fresh_(std::move(fresh)) {
  thread_ = std::thread([this] { Run(); });
}

CrlKeeper::~CrlKeeper() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Result<Crls> CrlKeeper::Ask(Middleware& middleware) {
  const auto authorities = middleware.Authorities();
  SR_TRY(const std::vector<Bytes> der, middleware.ReadCrls());
  return Crls::Read(der, authorities == nullptr ? std::string() : *authorities);
}

void CrlKeeper::Expect(const Change& change) {
  if (change.now.kind != CredentialKind::kCertificate) {
    return;
  }
  const CredentialState state = change.now.state;
  const bool held = state == CredentialState::kSuspended || state == CredentialState::kRevoked;
  const std::string serial(change.now.name.data());
  if (change.now.not_after != 0 && change.now.not_after <= static_cast<UnixTime>(std::time(nullptr))) {
    return;  // CRLs do not hold what has ended
  }
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(expected_, [&](const Expected& earlier) { return earlier.serial == serial; });
    // Of one that was never on a list and is let in nothing is expected.
    if (!held && (change.refused || current_ == nullptr || !current_->Holds(serial))) {
      return;
    }
    expected_.push_back({serial, held, Clock::now() + kExpectFor});
    asked_ = true;
  }
  changed_.notify_all();
}

void CrlKeeper::AskAgain() {
  {
    const std::lock_guard lock(mutex_);
    asked_ = true;
  }
  changed_.notify_all();
}

std::shared_ptr<const Crls> CrlKeeper::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

CrlKeeper::Clock::time_point CrlKeeper::HalfOf(const Crls& crls) {
  const std::chrono::seconds left(crls.next_update() - static_cast<UnixTime>(std::time(nullptr)));
  return Clock::now() + std::clamp<std::chrono::seconds>(left / 2, kShortest, kLongest);
}

bool CrlKeeper::Compare(const Crls& crls) {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  std::erase_if(expected_, [&](const Expected& one) {
    if (crls.Holds(one.serial) == one.held) {
      return true;
    }
    if (now < one.until) {
      return false;
    }
    log_(LogLevel::kWarning,
         "the platform's CRLs do not show a change of certificate " + one.serial + "; the lists of devices do");
    return true;
  });
  return !expected_.empty();
}

CrlKeeper::Clock::time_point CrlKeeper::AfterFailure(const Error& error) {
  const auto pause = std::chrono::seconds(1U << std::min(failures_, kMostDoublings));
  if (failures_++ == 0) {
    log_(LogLevel::kWarning, "the CRLs stay as they are: " + error.Text());
  }
  return Clock::now() + std::min<std::chrono::seconds>(pause, kShortest);
}

CrlKeeper::Clock::time_point CrlKeeper::Turn() {
  auto asked = Ask(middleware_);
  if (!asked) {
    return AfterFailure(asked.error());
  }
  if (std::exchange(failures_, 0) != 0) {
    log_(LogLevel::kInfo, "the platform gives CRLs again");
  }
  auto crls = std::make_shared<const Crls>(std::move(*asked));
  const bool more = Compare(*crls);
  bool is_new = false;
  {
    const std::lock_guard lock(mutex_);
    is_new = current_ == nullptr || current_->pem() != crls->pem();
    current_ = crls;
  }
  if (is_new) {
    fresh_();
  }
  return more ? Clock::now() + kPauseUntilSeen : HalfOf(*crls);
}

void CrlKeeper::Run() {
  auto next = Clock::now();
  auto earliest = next;
  std::unique_lock lock(mutex_);
  while (!stop_) {
    // After a failure a change is no reason to ask before the pause is over.
    const auto when = asked_ && failures_ == 0 ? std::min(earliest, next) : next;
    if (Clock::now() < when) {
      changed_.wait_until(lock, when);
      continue;
    }
    asked_ = false;
    lock.unlock();
    next = Turn();
    earliest = Clock::now() + kPauseOfChanges;
    lock.lock();
  }
}

}  // namespace simroot::server
