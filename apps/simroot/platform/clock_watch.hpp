// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace simroot::app {

/// Tells when the clock has been set. A wrong one must not let every certificate expire, which nothing takes back.
class ClockWatch {
 public:
  using Seconds = std::function<std::int64_t()>;

  /// @param wall what may be set. @param running nobody sets it, and it goes on while the host is suspended.
  /// @param log takes a sentence for the operator.
  ClockWatch(Seconds wall, Seconds running, std::function<void(const std::string&)> log);

  /// May be acted upon? Not for a day after a jump of more than an hour: by then it is right again, or was wrong
  /// before. A further jump begins that day anew.
  [[nodiscard]] bool IsTrusted();

 private:
  void Begin();
  void Hold(std::int64_t offset, std::int64_t now);

  Seconds wall_;
  Seconds running_;
  std::function<void(const std::string&)> log_;
  std::int64_t began_ = 0;  ///< wall clock minus running one, as trusted
  bool held_ = false;
  std::int64_t held_offset_ = 0;  ///< how far it was set in all
  std::int64_t held_since_ = 0;   ///< of the running clock
};

/// Seconds since the host started, also those in which it was suspended.
[[nodiscard]] std::int64_t SecondsSinceBoot();

}  // namespace simroot::app
