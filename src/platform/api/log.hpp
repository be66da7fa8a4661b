// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace simroot::platform {

/// Takes one line without its line feed. Called on any thread.
using LogSink = std::function<void(std::string_view line)>;

/// One line, written at once, so that lines of several threads stay whole.
void WriteLogToStderr(std::string_view line);

/// What is written about a request. No body, no query, no token, and of the path only the route's pattern.
struct RequestLog {
  std::string_view time;  ///< RFC 3339
  std::string_view actor;
  std::string_view method;
  std::string_view route;  ///< pattern; "-": none
  int status = 0;
  double milliseconds = 0;
  std::string_view id;
  std::string_view error;  ///< what a 5xx hides from the one who asked; empty: none
};

/// One JSON object.
[[nodiscard]] std::string FormatRequestLog(const RequestLog& entry);

}  // namespace simroot::platform
