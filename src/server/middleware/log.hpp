// SPDX-License-Identifier: Apache-2.0
/// Lines of the log.
#pragma once

#include <mutex>

#include "server/middleware/middleware.hpp"

namespace simroot::server {

/// A sentence and "key=value" pairs behind it. Values may be anything, also from an attacker.
class LogLine {
 public:
  explicit LogLine(std::string sentence) : text_(std::move(sentence)) {}

  /// Quoted if it is not a plain word; what is not printable ASCII becomes \xNN; cut off after 128 bytes.
  LogLine& With(std::string_view key, std::string_view value);
  LogLine& With(std::string_view key, std::int64_t value);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// One line as a JSON object: time (RFC 3339), level, message. Written to stderr in one piece.
void LogToStderr(LogLevel level, const std::string& line);
[[nodiscard]] std::string ToJsonLine(LogLevel level, const std::string& line, UnixTime now);

/// Lets through so many lines of a kind in a second, and counts the rest: peers can cause refusals at will.
class RefusalLog {
 public:
  static constexpr unsigned kPerSecond = 20;

  RefusalLog(LogFunction log, std::function<std::int64_t()> steady)
      : log_(std::move(log)), steady_(std::move(steady)) {}

  /// True if this is the first line of a kind that was left out in its second: somebody must call Tick then.
  [[nodiscard]] bool Refused(const Verdict& verdict, std::string_view peer);
  /// Tells how many lines were left out in a second that is over; true if there are more to tell later.
  bool Tick();

 private:
  struct Kind {
    std::int64_t second = 0;
    unsigned lines = 0;
    std::uint64_t left_out = 0;
  };
  void Summarise(std::size_t kind);

  LogFunction log_;
  std::function<std::int64_t()> steady_;
  std::mutex mutex_;
  std::array<Kind, kRefusals.size()> kinds_{};
};

}  // namespace simroot::server
