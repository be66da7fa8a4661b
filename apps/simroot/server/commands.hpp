// SPDX-License-Identifier: Apache-2.0
/// The commands of `simroot server` as plain functions over plain options.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace simroot::app {

struct ServerEnrolArguments {
  std::string directory;
  std::string platform;    ///< https://HOST[:PORT]
  std::string ca;          ///< PEM
  std::string token;       ///< seen by everybody who lists the processes of this machine
  std::string token_file;  ///< path; "-": stdin
  bool json = false;
};
int RunServerEnrol(const ServerEnrolArguments& arguments);

/// What a directory tells without the platform.
struct ServerInspectArguments {
  std::string directory;
  bool json = false;
};
int RunServerStatus(const ServerInspectArguments& arguments);
/// Everything it knows of devices, but no keys.
int RunServerDevices(const ServerInspectArguments& arguments);

struct ServerAgentArguments {
  std::string directory;            ///< what enrol made
  std::string output;               ///< where the files go
  std::vector<std::string> reload;  ///< a command each, as SplitCommand of server/agent takes it
  std::int64_t max_staleness_s = 86'400;
  std::string when_stale = "closed";  ///< or open
  bool no_psk = false;
  bool no_crl = false;
  bool once = false;
};
int RunServerAgent(const ServerAgentArguments& arguments);

}  // namespace simroot::app
