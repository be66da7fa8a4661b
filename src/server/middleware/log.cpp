// SPDX-License-Identifier: Apache-2.0
#include "server/middleware/log.hpp"

#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/text.hpp"

namespace simroot::server {
namespace {

constexpr std::size_t kMaxValue = 128;

bool IsPlain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("._:/@+-[]").find(c) != std::string_view::npos;
}

void PutEscaped(char c, std::string& out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (byte < 0x20 || byte > 0x7E) {
    out += "\\x";
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 0x0FU];
  } else {
    out += c;
  }
}

std::string_view NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

std::string Rfc3339(UnixTime time) {
  std::array<char, 32> text{};
  const ::time_t seconds = time;
  tm parts{};
  if (::gmtime_r(&seconds, &parts) == nullptr ||
      ::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
    return {};
  }
  return text.data();
}

}  // namespace

LogLine& LogLine::With(std::string_view key, std::string_view value) {
  const bool cut = value.size() > kMaxValue;
  value = value.substr(0, kMaxValue);
  text_ += ' ';
  text_ += key;
  text_ += '=';
  if (!value.empty() && !cut && std::ranges::all_of(value, IsPlain)) {
    text_ += value;
    return *this;
  }
  text_ += '"';
  for (const char c : value) {
    PutEscaped(c, text_);
  }
  text_ += cut ? "...\"" : "\"";
  return *this;
}

LogLine& LogLine::With(std::string_view key, std::int64_t value) {
  return With(key, std::to_string(value));
}

std::string ToJsonLine(LogLevel level, const std::string& line, UnixTime now) {
  std::string json = "{\"time\":\"" + Rfc3339(now) + "\",\"level\":\"";
  json += NameOf(level);
  json += "\",\"message\":\"";
  for (const char c : line) {
    if (static_cast<unsigned char>(c) < 0x20) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      json += "\\u00";
      json += kDigits[static_cast<unsigned char>(c) >> 4U];
      json += kDigits[static_cast<unsigned char>(c) & 0x0FU];
      continue;
    }
    if (c == '"' || c == '\\') {
      json += '\\';
    }
    json += c;
  }
  return json + "\"}\n";
}

void LogToStderr(LogLevel level, const std::string& line) {
  if (level == LogLevel::kDebug) {
    return;
  }
  const std::string json = ToJsonLine(level, line, ::time(nullptr));
  // One write: lines of other threads and processes do not come in between. Nobody could be told if it fails.
  (void)!::write(STDERR_FILENO, json.data(), json.size());
}

bool RefusalLog::Refused(const Verdict& verdict, std::string_view peer) {
  const auto kind = static_cast<std::size_t>(verdict.refusal);
  {
    const std::lock_guard lock(mutex_);
    Kind& counted = kinds_.at(kind);
    if (const std::int64_t second = steady_(); second != counted.second) {
      Summarise(kind);
      counted.second = second;
      counted.lines = 0;
    }
    if (counted.lines >= kPerSecond) {
      return ++counted.left_out == 1;
    }
    ++counted.lines;
  }
  LogLine line("a device was refused: " + std::string(kRefusals.at(kind).text));
  line.With("reason", kRefusals.at(kind).name).With("peer", peer);
  if (verdict.device.name.front() != '\0') {
    line.With("credential", verdict.device.name.data());
  }
  if (verdict.device.id != 0) {
    line.With("iccid", verdict.device.iccid.data()).With("device", verdict.device.device.data());
  }
  log_(LogLevel::kWarning, line.text());
  return false;
}

bool RefusalLog::Tick() {
  const std::lock_guard lock(mutex_);
  const std::int64_t second = steady_();
  bool more = false;
  for (std::size_t kind = 0; kind < kinds_.size(); ++kind) {
    if (kinds_[kind].second != second) {
      Summarise(kind);
    }
    more = more || kinds_[kind].left_out != 0;
  }
  return more;
}

void RefusalLog::Summarise(std::size_t kind) {
  if (kinds_[kind].left_out == 0) {
    return;
  }
  LogLine line("more devices were refused: " + std::string(kRefusals.at(kind).text));
  line.With("reason", kRefusals.at(kind).name).With("count", static_cast<std::int64_t>(kinds_[kind].left_out));
  kinds_[kind].left_out = 0;
  log_(LogLevel::kWarning, line.text());
}

}  // namespace simroot::server
