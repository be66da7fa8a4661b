// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <algorithm>
#include <cstdio>

namespace simroot::app {

int Report(const Error& error) {
  const std::string line = "simroot: " + error.Text() + "\n";
  static_cast<void>(std::fwrite(line.data(), 1, line.size(), stderr));
  return error.domain == ErrorDomain::kUsage ? kUsageError : kFailed;
}

bool PrintLine(std::string_view line) {
  return std::fwrite(line.data(), 1, line.size(), stdout) == line.size() && std::fputc('\n', stdout) != EOF &&
         std::fflush(stdout) == 0;
}

void JsonWriter::Quote(std::string_view value) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  text_.push_back('"');
  for (const char c : value) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text_.push_back('\\');
      text_.push_back(c);
    } else if (code < 0x20 || code > 0x7E) {  // labels are bytes of any kind: never invalid UTF-8 in the output
      text_ += "\\u00";
      text_.push_back(kHexDigits[code >> 4U]);
      text_.push_back(kHexDigits[code & 0x0FU]);
    } else {
      text_.push_back(c);
    }
  }
  text_.push_back('"');
}

void JsonWriter::Key(std::string_view key) {
  if (!first_) {
    text_.push_back(',');
  }
  first_ = false;
  if (!key.empty()) {
    Quote(key);
    text_.push_back(':');
  }
}

JsonWriter& JsonWriter::BeginObject(std::string_view key) {
  Key(key);
  text_.push_back('{');
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::EndObject() {
  text_.push_back('}');
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::BeginArray(std::string_view key) {
  Key(key);
  text_.push_back('[');
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::EndArray() {
  text_.push_back(']');
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::Text(std::string_view key, std::string_view value) {
  Key(key);
  Quote(value);
  return *this;
}

JsonWriter& JsonWriter::Number(std::string_view key, std::uint64_t value) {
  Key(key);
  text_ += std::to_string(value);
  return *this;
}

JsonWriter& JsonWriter::Bool(std::string_view key, bool value) {
  Key(key);
  text_ += value ? "true" : "false";
  return *this;
}

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t column = 0; column < row.size(); ++column) {
      widths[column] = std::max(widths[column], row[column].size());
    }
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t column = 0; column < row.size(); ++column) {
      line += row[column];
      if (column + 1 < row.size()) {
        line.append(widths[column] - row[column].size() + 2, ' ');
      }
    }
    text += line + "\n";
  }
  if (!text.empty()) {
    text.pop_back();
  }
  return text;
}

}  // namespace simroot::app
