// SPDX-License-Identifier: Apache-2.0
#include "server/mosquitto/options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "server/mosquitto/topics.hpp"

namespace simroot::server {
namespace {

using Value = std::string_view;

constexpr std::int64_t kMaxSeconds = 10LL * 366 * 86'400;

tl::unexpected<Error> Wrong(std::string_view name, Value value, const std::string& next_step) {
  return Fail(ErrorDomain::kUsage, "plugin_opt_" + std::string(name) + " cannot be \"" + std::string(value) + "\"",
              next_step);
}

Result<std::chrono::seconds> ReadSeconds(std::string_view name, Value value, std::int64_t least) {
  std::int64_t seconds = 0;
  const auto* end = value.data() + value.size();
  const auto read = std::from_chars(value.data(), end, seconds);
  if (read.ec != std::errc() || read.ptr != end || seconds < least || seconds > kMaxSeconds) {
    return Wrong(name, value, "give seconds, " + std::to_string(least) + " to " + std::to_string(kMaxSeconds));
  }
  return std::chrono::seconds(seconds);
}

/// True for `second`, false for `first`.
Result<bool> ReadChoice(std::string_view name, Value value, std::string_view first, std::string_view second) {
  if (value != first && value != second) {
    return Wrong(name, value, "give " + std::string(first) + " or " + std::string(second));
  }
  return value == second;
}

Result<void> AddPatterns(Value value, std::vector<std::string>& patterns) {
  while (!value.empty()) {
    const auto end = std::min(value.find_first_of(" \t"), value.size());
    if (end > 0) {
      SR_TRY_VOID(CheckTopicPattern(value.substr(0, end)));
      patterns.emplace_back(value.substr(0, end));
    }
    value.remove_prefix(std::min(end + 1, value.size()));
  }
  return {};
}

bool IsPatternOption(std::string_view name, std::string_view option) {
  return name == option || (name.starts_with(option) && name.size() > option.size() && name[option.size()] == '_');
}

Result<void> ReadOne(std::string_view name, Value value, PluginOptions& options) {
  if (name == "directory") {
    options.directory = value;
  } else if (name == "metrics_file") {
    options.metrics_file = value;
  } else if (name == "max_staleness") {
    SR_TRY(options.max_staleness, ReadSeconds(name, value, 0));
  } else if (name == "first_contact") {
    SR_TRY(options.first_contact, ReadSeconds(name, value, 1));
  } else if (name == "when_stale") {
    SR_TRY(options.open_when_stale, ReadChoice(name, value, "closed", "open"));
  } else if (name == "others") {
    SR_TRY(options.allow_others, ReadChoice(name, value, "defer", "allow"));
  } else if (name == "foreign_certificates") {
    SR_TRY(options.foreign_certificates_defer, ReadChoice(name, value, "refuse", "defer"));
  } else {
    return Fail(ErrorDomain::kUsage, "there is no plugin_opt_" + std::string(name),
                "there are directory, max_staleness, when_stale, first_contact, publish, subscribe, others, "
                "foreign_certificates and metrics_file");
  }
  return {};
}

}  // namespace

Result<PluginOptions> ParsePluginOptions(const std::vector<std::pair<std::string_view, std::string_view>>& given) {
  PluginOptions options;
  std::vector<std::string> publish;
  std::vector<std::string> subscribe;
  std::set<std::string_view> seen;
  for (const auto& [name, value] : given) {
    if (IsPatternOption(name, "publish")) {
      SR_TRY_VOID(AddPatterns(value, publish));
      continue;
    }
    if (IsPatternOption(name, "subscribe")) {
      SR_TRY_VOID(AddPatterns(value, subscribe));
      continue;
    }
    SR_TRY_VOID(ReadOne(name, value, options));
    if (!seen.insert(name).second) {
      return Fail(ErrorDomain::kUsage, "plugin_opt_" + std::string(name) + " is there twice", "leave one of them out");
    }
  }
  if (options.directory.empty()) {
    return Fail(ErrorDomain::kUsage, "plugin_opt_directory is missing",
                "give the directory that simroot server enrol wrote");
  }
  if (!publish.empty()) {
    options.publish = std::move(publish);
  }
  if (!subscribe.empty()) {
    options.subscribe = std::move(subscribe);
  }
  return options;
}

}  // namespace simroot::server
