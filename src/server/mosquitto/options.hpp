// SPDX-License-Identifier: Apache-2.0
/// The plugin's options, as they stand in mosquitto.conf behind `plugin_opt_`.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/host/error.hpp"

namespace simroot::server {

struct PluginOptions {
  std::string directory;                       ///< of the server's identity
  std::chrono::seconds max_staleness{86'400};  ///< 0: no limit
  bool open_when_stale = false;
  std::chrono::seconds first_contact{30};
  std::vector<std::string> publish{"devices/%i/#"};     ///< patterns (topics.hpp)
  std::vector<std::string> subscribe{"commands/%i/#"};  ///< also for what is delivered
  std::string metrics_file;                             ///< empty: none
  bool allow_others = false;                            ///< topics of clients that are no devices: true: all of them
  bool foreign_certificates_defer = false;              ///< a certificate of other CAs is not refused but not ours
};

/// Reads name and value of each option. kUsage with one clear sentence.
[[nodiscard]] Result<PluginOptions> ParsePluginOptions(
    const std::vector<std::pair<std::string_view, std::string_view>>& given);

}  // namespace simroot::server
