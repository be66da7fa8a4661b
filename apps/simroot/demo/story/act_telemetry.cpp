// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <thread>

#include "demo/story/cast.hpp"

namespace simroot::app {
namespace {

Result<Outcome> PublishOnce(Cast& cast, StoryDevice& device) {
  const std::string reading = "reading-of-" + device.name();
  SR_TRY_VOID(RunChecked(cast.broker.Publish(device, reading), cast.stage.stop_fd()));
  SR_TRY_VOID(cast.broker.WaitForMessage(Broker::TelemetryTopic(device), reading));
  const std::uint64_t commands = cast.TakeCommands(device);
  if (commands == 0) {
    return NotAsItMustBe(device.name() + " published without its SIM");
  }
  ++cast.handshakes;
  const bool certificate = device.HasCertificate();
  return Outcome{"mosquitto_pub ended well and the subscriber has the message; " +
                     Plural(commands, "command", "commands") + " to the SIM",
                 {{Lane::kDevice, Lane::kCard, certificate ? "sign this handshake" : "derive from the pre-shared key"},
                  {Lane::kCard, Lane::kDevice, certificate ? "a signature" : "what the handshake needs, never the key"},
                  {Lane::kDevice, Lane::kServer,
                   std::string(certificate ? "mutual TLS" : "TLS with a pre-shared key") + ", and a message at QoS 1"},
                  {Lane::kServer, Lane::kDevice, "received"}}};
}

/// What nginx answers. It reads files: for a moment it may not know a credential that the platform has just told of.
Result<std::string> AskNginx(Cast& cast, const StoryDevice& device) {
  constexpr int kMostTries = 50;
  constexpr auto kPause = std::chrono::milliseconds(200);
  for (int tries = 1;; ++tries) {
    auto page = RunChecked(cast.web.Get(device), cast.stage.stop_fd());
    const bool unknown_yet = !page && page.error().Text().find("403") != std::string::npos;
    if (!unknown_yet || tries == kMostTries) {
      return page;
    }
    std::this_thread::sleep_for(kPause);
  }
}

Result<Outcome> GetPage(Cast& cast, StoryDevice& device) {
  SR_TRY(const std::string page, AskNginx(cast, device));
  if (page.find(device.name()) == std::string::npos || page.find(device.iccid()) == std::string::npos) {
    return NotAsItMustBe("nginx takes " + device.name() + " for somebody else: " + page);
  }
  const std::uint64_t commands = cast.TakeCommands(device);
  ++cast.handshakes;
  return Outcome{"the answer is \"" + page.substr(0, page.find('\n')) + "\"; " +
                     Plural(commands, "command", "commands") + " to the SIM",
                 {{Lane::kDevice, Lane::kCard, "sign this handshake"},
                  {Lane::kDevice, Lane::kServer, "mutual TLS, GET /"},
                  {Lane::kServer, Lane::kDevice, "200, welcome " + device.name()}}};
}

/// A device may write under its own ICCID only.
Result<Outcome> WriteElsewhere(Cast& cast) {
  const std::string topic = Broker::TelemetryTopic(cast.pump);
  for (StoryDevice* const device : {&cast.meter, &cast.valve}) {
    ProgramCall call = cast.broker.Publish(*device, "forged-reading");
    std::ranges::replace(call.arguments, Broker::TelemetryTopic(*device), topic);
    SR_TRY(const ProgramResult forged, cast.stage.Run(call));
    static_cast<void>(forged);  // a broker may acknowledge what it then throws away (MQTT 3.1.1, 3.3.5)
    SR_TRY_VOID(RunChecked(cast.broker.Publish(*device, "after-it"), cast.stage.stop_fd()));
    SR_TRY_VOID(cast.broker.WaitForMessage(Broker::TelemetryTopic(*device), "after-it"));
    static_cast<void>(cast.TakeCommands(*device));
    cast.handshakes += 2;
  }
  if (cast.broker.Received(topic).contains("forged-reading")) {
    return NotAsItMustBe("another device has written into the topic of pump-3");
  }
  return Outcome{"the messages reached nobody, the next ones in their own topics did",
                 {{Lane::kDevice, Lane::kServer, "messages in the topic of pump-3", true}}};
}

}  // namespace

Result<void> PublishAndAsk(Cast& cast, const std::string& payload) {
  for (StoryDevice* const device : {&cast.meter, &cast.valve}) {
    SR_TRY_VOID(RunChecked(cast.broker.Publish(*device, payload), cast.stage.stop_fd()));
    SR_TRY_VOID(cast.broker.WaitForMessage(Broker::TelemetryTopic(*device), payload));
    ++cast.handshakes;
  }
  SR_TRY_VOID(AskNginx(cast, cast.meter));
  ++cast.handshakes;
  static_cast<void>(cast.TakeCommands(cast.meter));
  static_cast<void>(cast.TakeCommands(cast.valve));
  return {};
}

Result<void> PlayTelemetry(Cast& cast) {
  Recorder& recorder = cast.recorder;
  for (StoryDevice* const device : cast.Devices()) {
    SR_TRY_VOID(
        recorder.Do(device->name() + " publishes with mosquitto_pub", [&] { return PublishOnce(cast, *device); }));
  }
  for (StoryDevice* const device : {&cast.meter, &cast.pump}) {
    SR_TRY_VOID(recorder.Do(device->name() + " asks nginx with curl", [&] { return GetPage(cast, *device); }));
  }
  return recorder.Do("meter-17 and valve-5 try to write as pump-3", [&] { return WriteElsewhere(cast); });
}

}  // namespace simroot::app
