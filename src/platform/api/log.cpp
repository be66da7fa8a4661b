// SPDX-License-Identifier: Apache-2.0
#include "platform/api/log.hpp"

#include <unistd.h>

#include <boost/json.hpp>
#include <cmath>

namespace simroot::platform {

void WriteLogToStderr(std::string_view line) {
  std::string text(line);
  text.push_back('\n');
  // A log that cannot be written must not stop the platform.
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

std::string FormatRequestLog(const RequestLog& entry) {
  const auto view = [](std::string_view text) { return boost::json::string_view(text.data(), text.size()); };
  boost::json::object line{{"time", view(entry.time)},     {"actor", view(entry.actor)},
                           {"method", view(entry.method)}, {"route", view(entry.route)},
                           {"status", entry.status},       {"ms", std::llround(entry.milliseconds)},
                           {"id", view(entry.id)}};
  if (!entry.error.empty()) {
    line["error"] = view(entry.error);
  }
  return boost::json::serialize(line);
}

}  // namespace simroot::platform
