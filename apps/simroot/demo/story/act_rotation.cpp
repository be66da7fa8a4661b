// SPDX-License-Identifier: Apache-2.0
#include <list>

#include "demo/story/cast.hpp"
#include "demo/story/publisher.hpp"

namespace simroot::app {
namespace {

constexpr std::uint64_t kBefore = 3;  ///< numbers that each device gets through before the rotations begin
constexpr std::uint64_t kAfter = 3;   ///< and after its own

/// The publishers of all devices.
using Traffic = std::list<Publisher>;

Result<Outcome> BeginTraffic(Cast& cast, Traffic& traffic) {
  for (StoryDevice* const device : cast.Devices()) {
    traffic.emplace_back(cast.stage, *device, cast.broker).Start();
  }
  for (Publisher& publisher : traffic) {
    SR_TRY_VOID(publisher.WaitForMore(kBefore));
  }
  return Outcome{
      "1, 2, 3, ... from each device at QoS 1, each number with a handshake of its own; what is not "
      "acknowledged is sent again",
      {{Lane::kDevice, Lane::kServer, "number after number, from now on"}}};
}

/// The old credential stays valid until the platform hears that its successor was seen.
Result<Outcome> Rotate(Cast& cast, StoryDevice& device, Publisher& publisher) {
  SR_TRY(const boost::json::value old, cast.platform.ActiveCredential(device.iccid()));
  SR_TRY_VOID(cast.platform.Ask({"job", "request", device.iccid(), "rotate"}));
  SR_TRY(const SwitchedOn done, SwitchOn(cast, device));
  SR_TRY(const boost::json::value fresh, cast.platform.ActiveCredential(device.iccid()));
  if (TextOf(fresh, "id") == TextOf(old, "id") || TextOf(fresh, "name") == TextOf(old, "name")) {
    return NotAsItMustBe(device.name() + " still has its old credential");
  }
  publisher.TakeNewCredential();
  SR_TRY_VOID(publisher.WaitForMore(kAfter));
  SR_TRY_VOID(cast.platform.WaitForState(TextOf(old, "id"), "revoked"));
  ++cast.rotations;
  const std::string kind = device.HasCertificate() ? "certificate" : "pre-shared key";
  return Outcome{done.message + "; seen in use by the broker, then the old one was revoked",
                 {{Lane::kPlatform, Lane::kCard, Plural(done.commands, "command", "commands") + ": a new " + kind},
                  {Lane::kDevice, Lane::kServer, "the next number, with the new " + kind},
                  {Lane::kServer, Lane::kPlatform, "the new one was seen in use"},
                  {Lane::kPlatform, Lane::kServer, "a change: the old one is revoked"}}};
}

Result<Outcome> EndTraffic(Cast& cast, Traffic& traffic) {
  std::uint64_t numbers = 0;
  std::uint64_t repeated = 0;
  std::uint64_t twice = 0;
  std::string list;
  auto publisher = traffic.begin();
  for (StoryDevice* const device : cast.Devices()) {
    SR_TRY(const Publisher::Sent sent, (publisher++)->Finish());
    const std::string topic = Broker::TelemetryTopic(*device);
    SR_TRY_VOID(cast.broker.WaitForMessage(topic, std::to_string(sent.numbers)));
    const auto received = cast.broker.Received(topic);
    for (std::uint64_t number = 1; number <= sent.numbers; ++number) {
      const auto found = received.find(std::to_string(number));
      if (found == received.end()) {
        return NotAsItMustBe("number " + std::to_string(number) + " of " + device->name() + " was lost");
      }
      twice += found->second - 1;
    }
    numbers += sent.numbers;
    repeated += sent.repeated;
    list += (list.empty() ? "" : ", ") + device->name() + " 1 to " + std::to_string(sent.numbers);
    static_cast<void>(cast.TakeCommands(*device));
  }
  cast.handshakes += numbers;
  cast.recorder.AddFigure(std::to_string(numbers), "numbers sent while credentials changed");
  cast.recorder.AddFigure("0", "of them lost");
  return Outcome{"the subscriber has every number of " + list + "; " +
                     Plural(repeated, "sending was", "sendings were") + " repeated, " + std::to_string(twice) +
                     " arrived twice, none was lost",
                 {{Lane::kServer, Lane::kServer,
                   "the subscriber counts: " + std::to_string(numbers) + " of " + std::to_string(numbers)}}};
}

}  // namespace

Result<void> PlayRotation(Cast& cast) {
  Recorder& recorder = cast.recorder;
  Traffic traffic;
  SR_TRY_VOID(recorder.Do("all three devices send numbers", [&] { return BeginTraffic(cast, traffic); }));
  auto publisher = traffic.begin();
  for (StoryDevice* const device : cast.Devices()) {
    Publisher& own = *publisher++;
    SR_TRY_VOID(
        recorder.Do(device->name() + " gets a new credential meanwhile", [&] { return Rotate(cast, *device, own); }));
  }
  return recorder.Do("was a number lost?", [&] { return EndTraffic(cast, traffic); });
}

}  // namespace simroot::app
