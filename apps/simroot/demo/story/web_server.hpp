// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "demo/story/platform_host.hpp"
#include "demo/story/story_device.hpp"

namespace simroot::app {

/// nginx, which knows nothing of the platform, and `simroot server agent`, which writes the files that nginx reads.
class WebServer {
 public:
  WebServer(const Stage& stage, PlatformHost& platform) : stage_(stage), platform_(platform) {}

  /// Enrols the agent as an application server of the platform, starts nginx and the agent.
  [[nodiscard]] Result<void> Start();

  /// curl as the device runs it. The server answers with the device's name and ICCID.
  [[nodiscard]] ProgramCall Get(const StoryDevice& device) const;
  [[nodiscard]] std::string Url() const { return "https://localhost:" + port_ + "/"; }
  /// How often the agent made nginx read its files again.
  [[nodiscard]] std::string ErrorLog() const;

  [[nodiscard]] Service& nginx() { return *nginx_; }
  [[nodiscard]] Service& agent() { return *agent_; }

 private:
  [[nodiscard]] std::string Configuration() const;

  const Stage& stage_;
  PlatformHost& platform_;
  std::string port_;
  std::optional<Service> nginx_;
  std::optional<Service> agent_;
};

}  // namespace simroot::app
