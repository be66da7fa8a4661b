// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "server/agent/crls.hpp"
#include "server/middleware/middleware.hpp"

namespace simroot::server {

/// Has the CRLs at hand: asks the platform at the start, when a certificate is refused or let in again, when the CAs
/// change, and halfway to the end of those at hand. While the platform is away the old ones stay.
class CrlKeeper {
 public:
  /// @param fresh called on a thread of the keeper's when there are new ones
  CrlKeeper(Middleware& middleware, LogFunction log, std::function<void()> fresh);
  ~CrlKeeper();
  CrlKeeper(const CrlKeeper&) = delete;
  CrlKeeper& operator=(const CrlKeeper&) = delete;

  /// What the CRLs have to show now. The platform makes a new one only every few seconds, so one that was just asked
  /// for may be older than the change: it is asked again until the change is in, for a minute at most.
  void Expect(const Change& change);
  /// The CAs have changed.
  void AskAgain();

  /// nullptr: there are none yet.
  [[nodiscard]] std::shared_ptr<const Crls> current() const;

  /// Asks the platform, in the caller's thread.
  [[nodiscard]] static Result<Crls> Ask(Middleware& middleware);

 private:
  using Clock = std::chrono::steady_clock;
  struct Expected {
    std::string serial;
    bool held = true;
    Clock::time_point until;
  };

  void Run();
  /// One question; when to ask next.
  [[nodiscard]] Clock::time_point Turn();
  /// Drops expectations that the CRLs meet or that are too old. Whether any are left.
  [[nodiscard]] bool Compare(const Crls& crls);
  [[nodiscard]] Clock::time_point AfterFailure(const Error& error);
  /// Wall clock to steady clock: when those at hand are half over.
  [[nodiscard]] static Clock::time_point HalfOf(const Crls& crls);

  Middleware& middleware_;
  LogFunction log_;
  std::function<void()> fresh_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Expected> expected_;
  std::shared_ptr<const Crls> current_;
  bool asked_ = true;
  bool stop_ = false;
  unsigned failures_ = 0;  ///< in a row; the thread's own
  std::thread thread_;
};

}  // namespace simroot::server
