// SPDX-License-Identifier: Apache-2.0
/// Tells the platform of the first use of a credential.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "server/middleware/backoff.hpp"
#include "server/middleware/middleware.hpp"

namespace simroot::server {

/// A queue and a thread with a link of its own, so that no handshake waits and the feed goes on. What the platform did
/// not take is tried again; what does not fit into the queue is reported by a later handshake.
class UseReporter {
 public:
  static constexpr std::size_t kMaxQueue = 10'000;
  using MakeLink = std::function<std::unique_ptr<PlatformLink>()>;

  /// @param tick called by the thread about once a second while it answers true, and after Wake().
  UseReporter(MakeLink make_link, Backoff backoff, LogFunction log, std::function<bool()> tick);
  /// Ends the thread, soon; what is in the queue is forgotten.
  ~UseReporter();
  UseReporter(const UseReporter&) = delete;
  UseReporter& operator=(const UseReporter&) = delete;

  /// Any thread. Only the first one of a credential counts.
  void Add(CredentialId id, std::string_view credential_name);
  /// It has changed: either the platform knows of its use, and it need not be remembered here; or its next use is to be
  /// reported again.
  void Forget(CredentialId id);
  void Wake();

  [[nodiscard]] std::uint64_t reported() const { return reported_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t queued() const;

 private:
  enum class Progress : std::uint8_t { kQueued, kForgotten, kDone };  ///< forgotten: as soon as it is done
  struct Use {
    CredentialId id;
    std::string name;
  };

  void Run();
  /// One try; true: it is done with.
  [[nodiscard]] bool Report(const Use& use);

  MakeLink make_link_;
  Backoff backoff_;
  LogFunction log_;
  std::function<bool()> tick_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Use> queue_;
  std::unordered_map<CredentialId, Progress> known_;
  std::unique_ptr<PlatformLink> link_;  ///< set by the thread, under the mutex
  bool stop_ = false;
  bool ended_ = false;
  bool woken_ = false;
  bool failing_ = false;  ///< the thread's
  std::atomic<std::uint64_t> reported_{0};
  std::thread thread_;
};

}  // namespace simroot::server
