// SPDX-License-Identifier: Apache-2.0
/// Which topics a device may use, by patterns such as `devices/%i/#`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/host/error.hpp"

namespace simroot::server {

/// Who a pattern is filled in for. An empty text, or one with a character that has a meaning in topics (`+ # /`, a `$`
/// at its beginning), stands for nothing: patterns that ask for it allow nothing.
struct TopicOwner {
  std::string_view iccid;
  std::string_view device;
  std::string_view tenant;
};

/// kUsage, in words, if `pattern` is no MQTT topic filter, is a shared subscription, or has a `%` that is not one of
/// %i (ICCID), %d (device name), %t (tenant), %%.
[[nodiscard]] Result<void> CheckTopicPattern(std::string_view pattern);

/// The filters that `patterns` (each of them checked) come to for `owner`; those that come to nothing are left out.
[[nodiscard]] std::vector<std::string> FillIn(const std::vector<std::string>& patterns, const TopicOwner& owner);

/// Whether every topic that `filter` matches is matched by `allowed` as well. A topic is a filter without wildcards,
/// so this is also whether `allowed` matches a topic. Topics that begin with `$` are matched by no wildcard in the
/// first level. Wrongly said no: `+/#` does not cover `#`.
[[nodiscard]] bool Covers(std::string_view allowed, std::string_view filter);

/// Covers() of any of them. Of a shared subscription `$share/GROUP/FILTER` the FILTER counts.
[[nodiscard]] bool AnyCovers(const std::vector<std::string>& allowed, std::string_view filter);

}  // namespace simroot::server
