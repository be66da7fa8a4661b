// SPDX-License-Identifier: Apache-2.0
/// How long ago the platform was heard.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>

#include "server/directory/credential.hpp"

namespace simroot::server {

/// The two clocks of the middleware, each in seconds.
struct Clocks {
  std::function<UnixTime()> wall;        ///< what time it is; somebody may set it
  std::function<std::int64_t()> steady;  ///< how much time passes; counts while the machine sleeps

  /// The system's for those that are empty; a given wall clock is the steady one as well if that is empty.
  [[nodiscard]] static Clocks Complete(std::function<UnixTime()> wall, std::function<std::int64_t()> steady);
};

/// From one start of the program to the next only the wall clock tells how much time has passed; after that the steady
/// clock does, so that whoever sets the wall clock makes nothing stale and nothing fresh. Any thread.
class Freshness {
 public:
  /// @param limit 0: never stale
  Freshness(Clocks clocks, std::chrono::seconds limit)
      : clocks_(std::move(clocks)), limit_(limit), heard_(clocks_.steady() - kNever) {}

  /// What the local copy says. A time more than an hour ahead is worth nothing; 0: never.
  void Restore(UnixTime contact);
  /// The platform was heard now.
  void Heard();

  /// Seconds since the platform was heard; kNever or more: it never was.
  [[nodiscard]] std::int64_t Age() const;
  [[nodiscard]] bool IsStale() const { return limit_.count() != 0 && Age() > limit_.count(); }
  /// 0: never.
  [[nodiscard]] UnixTime last_contact() const { return last_contact_.load(std::memory_order_relaxed); }
  [[nodiscard]] const Clocks& clocks() const { return clocks_; }

  static constexpr std::int64_t kNever = std::int64_t{1} << 40;  ///< some 35,000 years

 private:
  Clocks clocks_;
  std::chrono::seconds limit_;
  std::atomic<std::int64_t> heard_;  ///< on the steady clock
  std::atomic<UnixTime> last_contact_{0};
};

}  // namespace simroot::server
