// SPDX-License-Identifier: Apache-2.0
/// A platform in memory, with links to it.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <map>
#include <mutex>
#include <set>

#include "server/directory/testing/credentials.hpp"
#include "server/sync/platform_link.hpp"

namespace simroot::server::testing {

/// Any thread. Lives longer than its links.
class FakePlatform {
 public:
  // ---- what the test does ----

  /// A new state of a credential, and the event that tells it.
  void Set(const Credential& credential) {
    const std::lock_guard lock(mutex_);
    credentials_.insert_or_assign(credential.id, CopyOf(credential));
    events_.emplace_back(++last_number_, credential.id);
    changed_.notify_all();
  }
  /// @param newest the number of the newest CA that has issued something
  void SetAuthorities(std::string pem, std::int64_t newest = 0) {
    const std::lock_guard lock(mutex_);
    authorities_ = std::move(pem);
    newest_authority_ = newest;
  }
  /// Every call fails from now on, also one that waits.
  void GoAway(bool away = true) {
    const std::lock_guard lock(mutex_);
    away_ = away;
    changed_.notify_all();
  }
  /// Calls of this kind fail so many times more.
  void FailUses(int times, ErrorDomain domain = ErrorDomain::kTransport) {
    const std::lock_guard lock(mutex_);
    failing_uses_ = times;
    failing_domain_ = domain;
  }
  void FailSnapshots(int times) {
    const std::lock_guard lock(mutex_);
    failing_snapshots_ = times;
  }
  /// Only the feed fails, all else goes on.
  void FailFeeds(bool fail) {
    const std::lock_guard lock(mutex_);
    failing_feeds_ = fail;
    changed_.notify_all();
  }
  /// What is told of it from now on cannot be understood.
  void Garble(CredentialId id) {
    const std::lock_guard lock(mutex_);
    garbled_.insert(id);
  }
  /// Ends the call that waits for changes, without any.
  void Nudge() {
    const std::lock_guard lock(mutex_);
    ++nudges_;
    changed_.notify_all();
  }
  /// As after a restore from an old backup: what came after `number` never was.
  void RestoreTo(std::int64_t number, const std::vector<Credential>& credentials) {
    const std::lock_guard lock(mutex_);
    last_number_ = number;
    std::erase_if(events_, [number](const auto& event) { return event.first > number; });
    credentials_.clear();
    for (const Credential& credential : credentials) {
      credentials_.insert_or_assign(credential.id, CopyOf(credential));
    }
    changed_.notify_all();
  }
  void SetPartSize(std::size_t size) {
    const std::lock_guard lock(mutex_);
    part_size_ = size;
  }
  /// Called within each ReadSnapshot, before it reads.
  void OnSnapshot(std::function<void(std::int64_t after)> hook) {
    const std::lock_guard lock(mutex_);
    on_snapshot_ = std::move(hook);
  }

  // ---- what it sees ----

  [[nodiscard]] std::vector<std::string> uses() const {
    const std::lock_guard lock(mutex_);
    return uses_;
  }
  [[nodiscard]] int use_calls() const { return Count(use_calls_); }
  [[nodiscard]] int snapshot_calls() const { return Count(snapshot_calls_); }
  [[nodiscard]] int authority_calls() const { return Count(authority_calls_); }
  [[nodiscard]] int feed_calls() const { return Count(feed_calls_); }
  [[nodiscard]] std::int64_t last_number() const {
    const std::lock_guard lock(mutex_);
    return last_number_;
  }
  /// What a directory must hold that has been told everything.
  [[nodiscard]] std::string Text() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& [id, credential] : credentials_) {
      if (credential.state != CredentialState::kDeleted || credential.kind == CredentialKind::kCertificate) {
        text += TextOf(credential) + "\n";
      }
    }
    return text;
  }

  [[nodiscard]] std::unique_ptr<PlatformLink> MakeLink() { return std::make_unique<Link>(*this); }

 private:
  class Link final : public PlatformLink {
   public:
    explicit Link(FakePlatform& platform) : p_(platform) {}
    ~Link() override {
      const std::lock_guard lock(p_.mutex_);
      p_.interrupted_.erase(this);
    }

    Result<SnapshotPart> ReadSnapshot(std::int64_t after) override {
      std::function<void(std::int64_t)> hook;
      {
        const std::lock_guard lock(p_.mutex_);
        hook = p_.on_snapshot_;
      }
      if (hook) {
        hook(after);
      }
      const std::lock_guard lock(p_.mutex_);
      ++p_.snapshot_calls_;
      if (p_.away_ || (after != kBeyondAll && p_.failing_snapshots_-- > 0)) {
        return Away();
      }
      SnapshotPart part;
      part.feed_number = p_.last_number_;
      part.newest_authority = p_.newest_authority_;
      for (auto it = p_.credentials_.upper_bound(after); it != p_.credentials_.end(); ++it) {
        if (part.credentials.size() == p_.part_size_) {
          part.next = part.credentials.back().id;
          break;
        }
        p_.Tell(it->second, part, part.credentials);
      }
      return part;
    }

    Result<FeedPart> ReadFeed(std::int64_t after, std::chrono::seconds wait) override {
      std::unique_lock lock(p_.mutex_);
      ++p_.feed_calls_;
      p_.changed_.notify_all();
      const int nudges = p_.nudges_;
      (void)p_.changed_.wait_for(lock, wait, [&] {
        return p_.away_ || p_.failing_feeds_ || p_.nudges_ != nudges || p_.last_number_ > after ||
               p_.interrupted_.contains(this);
      });
      if (p_.away_ || p_.failing_feeds_ || p_.interrupted_.erase(this) != 0) {
        return Away();
      }
      FeedPart part;
      part.next = after;
      std::size_t items = 0;
      part.newest_authority = p_.newest_authority_;
      for (const auto& [number, id] : p_.events_) {
        if (number > after && items < p_.part_size_ && p_.credentials_.contains(id)) {
          p_.Tell(p_.credentials_.at(id), part, part.changes);
          part.next = number;
          ++items;
        }
      }
      part.more = items == p_.part_size_;
      return part;
    }

    Result<std::string> ReadAuthorities() override {
      const std::lock_guard lock(p_.mutex_);
      ++p_.authority_calls_;
      p_.changed_.notify_all();
      return p_.away_ ? Result<std::string>(Away()) : p_.authorities_;
    }

    Result<void> ReportUse(const std::string& name) override {
      const std::lock_guard lock(p_.mutex_);
      ++p_.use_calls_;
      p_.changed_.notify_all();
      if (p_.away_) {
        return Away();
      }
      if (p_.failing_uses_ > 0) {
        --p_.failing_uses_;
        return Fail(p_.failing_domain_, "the platform does not take it");
      }
      p_.uses_.push_back(name);
      return {};
    }

    Result<std::vector<Bytes>> ReadCrls() override { return std::vector<Bytes>{{1, 2}, {3}}; }

    void Interrupt() override {
      const std::lock_guard lock(p_.mutex_);
      p_.interrupted_.insert(this);
      p_.changed_.notify_all();
    }

   private:
    static tl::unexpected<Error> Away() { return Fail(ErrorDomain::kTransport, "the platform is away"); }
    FakePlatform& p_;
  };

  static constexpr std::int64_t kBeyondAll = std::numeric_limits<std::int64_t>::max();

  template <typename Part>
  void Tell(const Credential& credential, Part& part, std::vector<Credential>& understood) const {
    if (garbled_.contains(credential.id)) {
      part.not_understood.push_back(credential.id);
      return;
    }
    part.unopened += NeedsKey(credential) && credential.psk.size() == 0 ? 1 : 0;
    understood.push_back(CopyOf(credential));
  }
  [[nodiscard]] int Count(const int& counter) const {
    const std::lock_guard lock(mutex_);
    return counter;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<CredentialId, Credential> credentials_;
  std::vector<std::pair<std::int64_t, CredentialId>> events_;
  std::int64_t last_number_ = 0;
  std::string authorities_ = "PEM of the CAs";
  std::int64_t newest_authority_ = 0;
  std::size_t part_size_ = 1000;
  bool away_ = false;
  bool failing_feeds_ = false;
  std::set<CredentialId> garbled_;
  int failing_uses_ = 0;
  ErrorDomain failing_domain_ = ErrorDomain::kTransport;
  int failing_snapshots_ = 0;
  int nudges_ = 0;
  std::vector<std::string> uses_;
  int use_calls_ = 0;
  int snapshot_calls_ = 0;
  int authority_calls_ = 0;
  int feed_calls_ = 0;
  std::function<void(std::int64_t)> on_snapshot_;
  std::set<const PlatformLink*> interrupted_;
};

}  // namespace simroot::server::testing
