// SPDX-License-Identifier: Apache-2.0
/// Everybody who takes part in the story, and the acts they play.
#pragma once

#include "demo/story/attacker.hpp"
#include "demo/story/broker.hpp"
#include "demo/story/web_server.hpp"

namespace simroot::app {

struct Cast {
  Cast(const Stage& stage_of_all, Recorder& recorder_of_all)
      : stage(stage_of_all),
        recorder(recorder_of_all),
        platform(stage),
        broker(stage, platform),
        web(stage, platform),
        meter(stage, "meter-17", "89880000000000000011", StoryDevice::Kind::kCertificate),
        pump(stage, "pump-3", "89880000000000000029", StoryDevice::Kind::kCertificate),
        valve(stage, "valve-5", "89880000000000000037", StoryDevice::Kind::kPsk) {}

  [[nodiscard]] std::array<StoryDevice*, 3> Devices() { return {&meter, &pump, &valve}; }
  /// Commands that went to a device's SIM since the last call; they are added up for the summary.
  [[nodiscard]] std::uint64_t TakeCommands(StoryDevice& device) {
    const std::uint64_t apdus = device.TakeTraffic().apdus;
    commands += apdus;
    return apdus;
  }

  const Stage& stage;
  Recorder& recorder;
  PlatformHost platform;
  Broker broker;
  WebServer web;
  StoryDevice meter;  ///< has a certificate; the attacker is after it
  StoryDevice pump;   ///< has a certificate; is revoked
  StoryDevice valve;  ///< has a pre-shared key; its software belongs to the attacker

  Recording heard;               ///< what the attacker has recorded at the valve
  std::uint64_t commands = 0;    ///< to all SIMs
  std::uint64_t handshakes = 0;  ///< of devices that were let in, at least
  std::size_t rotations = 0;
  std::size_t attacks_refused = 0;
  std::chrono::milliseconds cut_off{};  ///< from the revocation to the end of the live connection
};

/// One act. Each function below is a file's main thing.
struct ActEntry {
  const char* title;
  const char* text;
  Result<void> (*play)(Cast& cast);
};

[[nodiscard]] Result<void> PlayOpening(Cast& cast);
[[nodiscard]] Result<void> PlaySwitchOn(Cast& cast);
[[nodiscard]] Result<void> PlayTelemetry(Cast& cast);
[[nodiscard]] Result<void> PlayRotation(Cast& cast);
[[nodiscard]] Result<void> PlayAttack(Cast& cast);
[[nodiscard]] Result<void> PlayOutage(Cast& cast);
[[nodiscard]] Result<void> PlayRevocation(Cast& cast);
[[nodiscard]] Result<void> PlayEnd(Cast& cast);

/// `simroot device switch-on` for a device. @returns kProtocol if the platform has not finished with it.
[[nodiscard]] Result<SwitchedOn> SwitchOn(Cast& cast, const StoryDevice& device);

/// meter-17 and valve-5 publish `payload`, meter-17 asks nginx. @returns the first error.
[[nodiscard]] Result<void> PublishAndAsk(Cast& cast, const std::string& payload);

/// An error for something that should be otherwise.
[[nodiscard]] inline tl::unexpected<Error> NotAsItMustBe(const std::string& what, const std::string& next_step = {}) {
  return Fail(ErrorDomain::kProtocol, what, next_step);
}

}  // namespace simroot::app
