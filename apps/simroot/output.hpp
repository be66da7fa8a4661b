// SPDX-License-Identifier: Apache-2.0
/// What the program prints: results for people or as JSON on stdout, errors as one sentence on stderr.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/host/error.hpp"

namespace simroot::app {

/// Exit statuses of the program.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsageError = 2;

/// Prints "simroot: message; next step" and returns the exit status for it: 2 for kUsage, 1 otherwise.
int Report(const Error& error);

/// Writes one line to stdout. False if stdout is gone or full; the caller then fails.
[[nodiscard]] bool PrintLine(std::string_view line);

/// Builds JSON text; values are escaped, commas are placed. The caller opens and closes in the right order.
class JsonWriter {
 public:
  JsonWriter& BeginObject(std::string_view key = {});
  JsonWriter& EndObject();
  JsonWriter& BeginArray(std::string_view key = {});
  JsonWriter& EndArray();
  JsonWriter& Text(std::string_view key, std::string_view value);
  JsonWriter& Number(std::string_view key, std::uint64_t value);
  JsonWriter& Bool(std::string_view key, bool value);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void Key(std::string_view key);
  void Quote(std::string_view value);
  std::string text_;
  bool first_ = true;
};

/// Columns of text, each as wide as its widest cell. The first row is the heading.
[[nodiscard]] std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace simroot::app
