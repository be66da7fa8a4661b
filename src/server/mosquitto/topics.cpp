// SPDX-License-Identifier: Apache-2.0
#include "server/mosquitto/topics.hpp"

#include <algorithm>
#include <optional>

namespace simroot::server {
namespace {

constexpr std::string_view kShared = "$share/";

/// Walks through the levels of a topic or filter: "a//b" has three.
class Levels {
 public:
  explicit Levels(std::string_view text) : rest_(text) {}

  [[nodiscard]] std::optional<std::string_view> Next() {
    if (done_) {
      return std::nullopt;
    }
    const auto slash = rest_.find('/');
    const auto level = rest_.substr(0, slash);
    done_ = slash == std::string_view::npos;
    rest_ = done_ ? std::string_view{} : rest_.substr(slash + 1);
    return level;
  }
  [[nodiscard]] bool done() const { return done_; }

 private:
  std::string_view rest_;
  bool done_ = false;
};

bool IsUsable(std::string_view value) {
  return !value.empty() && value.front() != '$' && value.find_first_of("+#/") == std::string_view::npos;
}

/// What `letter` stands for behind a percent sign; nothing if the letter is not known.
std::optional<std::string_view> Meaning(char letter, const TopicOwner& owner) {
  switch (letter) {
    case 'i':
      return owner.iccid;
    case 'd':
      return owner.device;
    case 't':
      return owner.tenant;
    default:
      return std::nullopt;
  }
}

/// From the first percent sign on; empty: there is none.
std::string_view FromPercent(std::string_view text) {
  return text.substr(std::min(text.find('%'), text.size()));
}

std::optional<std::string> FillInOne(std::string_view pattern, const TopicOwner& owner) {
  std::string filled;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%' || i + 1 == pattern.size()) {
      filled += pattern[i];
      continue;
    }
    ++i;
    const auto value = Meaning(pattern[i], owner);
    if (!value) {
      filled += pattern[i];  // %%
    } else if (IsUsable(*value)) {
      filled += *value;
    } else {
      return std::nullopt;
    }
  }
  return filled;
}

}  // namespace

Result<void> CheckTopicPattern(std::string_view pattern) {
  const std::string quoted = "the topic pattern \"" + std::string(pattern) + "\" ";
  if (pattern.empty() || pattern.starts_with(kShared)) {
    return Fail(ErrorDomain::kUsage, quoted + "is empty or a shared subscription",
                "name the topics themselves; devices may share subscriptions to what they may subscribe to");
  }
  Levels levels(pattern);
  while (const auto level = levels.Next()) {
    const bool wildcard = level->find_first_of("+#") != std::string_view::npos;
    if (wildcard && (level->size() != 1 || (*level == "#" && !levels.done()))) {
      return Fail(ErrorDomain::kUsage, quoted + "is not a topic filter of MQTT",
                  "+ and # stand alone between slashes, and # at the end only");
    }
  }
  for (auto rest = FromPercent(pattern); !rest.empty(); rest = FromPercent(rest.substr(2))) {
    if (rest.size() < 2 || (rest.substr(0, 2) != "%%" && !Meaning(rest[1], {}))) {
      return Fail(ErrorDomain::kUsage, quoted + "has a % that stands for nothing",
                  "there are %i (ICCID), %d (name of the device), %t (tenant) and %% (a percent sign)");
    }
  }
  return {};
}

std::vector<std::string> FillIn(const std::vector<std::string>& patterns, const TopicOwner& owner) {
  std::vector<std::string> filters;
  for (const auto& pattern : patterns) {
    if (auto filled = FillInOne(pattern, owner)) {
      filters.push_back(*std::move(filled));
    }
  }
  return filters;
}

bool Covers(std::string_view allowed, std::string_view filter) {
  if (allowed.empty() || filter.empty()) {
    return false;
  }
  const bool dollar = filter.front() == '$';
  Levels wide(allowed);
  Levels narrow(filter);
  for (bool first = true;; first = false) {
    const auto may = wide.Next();
    const auto asks = narrow.Next();
    if (may == "#") {
      return !(first && dollar);
    }
    if (!may || !asks) {
      return !may && !asks;
    }
    const bool same = *may == "+" ? *asks != "#" && !(first && dollar) : *may == *asks;
    if (!same) {
      return false;
    }
  }
}

bool AnyCovers(const std::vector<std::string>& allowed, std::string_view filter) {
  if (filter.starts_with(kShared)) {
    filter.remove_prefix(kShared.size());
    const auto slash = filter.find('/');
    if (slash == 0 || slash == std::string_view::npos) {
      return false;
    }
    filter.remove_prefix(slash + 1);
  }
  return std::ranges::any_of(allowed, [&](const auto& one) { return Covers(one, filter); });
}

}  // namespace simroot::server
