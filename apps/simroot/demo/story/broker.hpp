// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>

#include "demo/story/platform_host.hpp"
#include "demo/story/story_device.hpp"

namespace simroot::app {

/// mosquitto with simroot's plugin: a listener for certificates, one for pre-shared keys, and one for the operator's
/// own programs on a socket that nobody else reaches. A mosquitto_sub there receives everything and keeps count.
class Broker {
 public:
  Broker(const Stage& stage, PlatformHost& platform) : stage_(stage), platform_(platform) {}

  /// Enrols the broker as an application server of the platform and starts it. @returns kUsage if the plugin or
  /// mosquitto is not there.
  [[nodiscard]] Result<void> Start();

  /// Where a device writes and listens.
  [[nodiscard]] static std::string TelemetryTopic(const StoryDevice& device);
  [[nodiscard]] static std::string CommandTopic(const StoryDevice& device);
  /// mosquitto_pub as the device runs it: one message at QoS 1.
  [[nodiscard]] ProgramCall Publish(const StoryDevice& device, const std::string& payload) const;
  /// mosquitto_sub as the device runs it: waits for commands as long as it is let.
  [[nodiscard]] ProgramCall ListenForCommands(const StoryDevice& device) const;
  /// A command of the operator for the device.
  [[nodiscard]] Result<void> SendCommand(const StoryDevice& device, const std::string& payload) const;
  /// Port for devices of that kind.
  [[nodiscard]] const std::string& PortFor(const StoryDevice& device) const;

  /// Connections of devices with certificates that stand at this moment, as the system counts them.
  [[nodiscard]] std::size_t CountConnections() const;

  /// What the subscriber got under a topic: payload, how often.
  [[nodiscard]] std::map<std::string, unsigned> Received(const std::string& topic) const;
  /// Messages that the subscriber got in all.
  [[nodiscard]] std::size_t CountReceived() const;
  /// Waits until the subscriber has got it.
  [[nodiscard]] Result<void> WaitForMessage(const std::string& topic, const std::string& payload);

  [[nodiscard]] Service& service() { return *broker_; }
  [[nodiscard]] std::string Log() const { return broker_ ? broker_->Log() : std::string(); }
  [[nodiscard]] std::string LogTail() const;

 private:
  [[nodiscard]] Result<std::string> Configuration(const std::string& plugin);
  [[nodiscard]] Result<void> StartSubscriber();

  const Stage& stage_;
  PlatformHost& platform_;
  std::string certificate_port_;
  std::string psk_port_;
  std::string socket_;
  std::optional<Service> broker_;
  std::optional<Service> subscriber_;
};

/// Makes an application server known to the platform: an invitation, and `simroot server enrol` with it.
[[nodiscard]] Result<void> EnrolServer(const Stage& stage, const PlatformHost& platform, const std::string& name,
                                       const std::string& directory);

}  // namespace simroot::app
