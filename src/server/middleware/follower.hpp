// SPDX-License-Identifier: Apache-2.0
/// Keeps directory and local copy in step with the platform, one exchange at a time.
#pragma once

#include <mutex>
#include <optional>
#include <unordered_set>

#include "server/middleware/freshness.hpp"
#include "server/middleware/middleware.hpp"
#include "server/sync/local_copy.hpp"

namespace simroot::server {

/// One thread; what is said to be for any thread is.
///
/// Order of what a change does: directory, listeners, disk. So a revocation works before anything waits for a disk; a
/// crash in between costs nothing, because the copy still has the number from which the feed is read again.
class Follower {
 public:
  struct Parts {
    Directory& directory;
    LocalCopy* copy = nullptr;  ///< may be nullptr
    Freshness& freshness;
    std::function<void(const Change&)> tell;
    LogFunction log;
  };
  explicit Follower(Parts parts) : parts_(std::move(parts)) {}

  /// Fills the directory from the local copy, if there is a usable one.
  void LoadCopy();
  /// One exchange with the platform: authorities, a part of a snapshot, or changes, for which it waits up to `wait`.
  [[nodiscard]] Result<void> Step(PlatformLink& link, std::chrono::seconds wait);
  /// The next exchange starts with what is only looked at now and then: the platform may be another one.
  void LookAgain() { look_again_ = true; }

  // ---- any thread ----

  /// There is a whole snapshot and the CAs to it: devices can be served.
  [[nodiscard]] bool IsReady() const { return feed_number_.load() >= 0 && Authorities() != nullptr; }
  /// The directory is as the platform has told it, nothing is missing.
  [[nodiscard]] bool IsWhole() const { return IsReady() && !replacing_.load(); }
  /// What had changed before this program ran is known.
  [[nodiscard]] bool HasCaughtUp() const { return caught_up_.load(); }
  [[nodiscard]] std::int64_t feed_number() const { return feed_number_.load(); }
  [[nodiscard]] std::uint64_t changes() const { return changes_.load(std::memory_order_relaxed); }
  /// nullptr: never heard.
  [[nodiscard]] std::shared_ptr<const std::string> Authorities() const;

 private:
  [[nodiscard]] Result<void> Look(PlatformLink& link);
  [[nodiscard]] Result<void> ReadAuthorities(PlatformLink& link);
  [[nodiscard]] Result<void> ReadSnapshotPart(PlatformLink& link);
  [[nodiscard]] Result<void> ReadChanges(PlatformLink& link, std::chrono::seconds wait);
  void StartSnapshot(const std::string& why);
  void EndSnapshot();
  [[nodiscard]] Result<void> CheckPart(PlatformLink& link, std::size_t unopened, std::int64_t newest_authority);
  /// Into the directory; tells the listeners.
  void Apply(const Credential& credential);
  void PutOrShutOut(const Credential& credential);
  void ApplyShutOut(const std::vector<CredentialId>& ids, std::vector<Credential>* changes);
  [[nodiscard]] std::optional<Credential> ShutOut(CredentialId id) const;
  void Persist(const std::vector<Credential>& changes);
  void Rewrite();
  [[nodiscard]] SyncPoint Point() const;
  void SetAuthorities(std::string pem);
  void Log(LogLevel level, const std::string& line) const { parts_.log(level, line); }

  Parts parts_;
  mutable std::mutex mutex_;
  std::shared_ptr<const std::string> authorities_;
  std::atomic<std::int64_t> feed_number_{-1};
  std::atomic<bool> replacing_{false};  ///< a snapshot replaces what is there, because it may be wrong
  std::atomic<bool> caught_up_{false};
  std::atomic<std::uint64_t> changes_{0};

  // Of the snapshot that is being read.
  std::int64_t snapshot_after_ = 0;
  std::int64_t snapshot_number_ = -1;  ///< -1: no part yet
  std::unordered_set<CredentialId> seen_;

  bool look_again_ = true;
  std::int64_t newest_authority_ = 0;  ///< that was seen before the authorities were read
  std::int64_t looked_ = 0;            ///< these three on the steady clock
  std::int64_t persisted_ = 0;
  std::int64_t keys_asked_ = 0;  ///< when all credentials were last read again
  /// Some PSK in use came without key: all are read again some time later, when the platform may have it.
  bool keys_missing_ = false;
  bool copy_is_behind_ = false;  ///< something is missing in it: only a new one helps
  bool disk_fails_ = false;
};

}  // namespace simroot::server
