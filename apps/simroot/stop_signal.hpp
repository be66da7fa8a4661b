// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace simroot::app {

/// While it lives, SIGINT, SIGTERM and SIGHUP do not end the process but make `fd()` readable, so that everything
/// started can be stopped in order. One at a time.
class StopSignal {
 public:
  /// What SIGHUP does.
  enum class OnHangUp : unsigned char { kStop, kIgnore };

  explicit StopSignal(OnHangUp on_hang_up = OnHangUp::kStop);
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  /// Readable once a signal has come; for poll(). Nobody reads it.
  [[nodiscard]] int fd() const;
  [[nodiscard]] bool Raised() const;
};

}  // namespace simroot::app
