// SPDX-License-Identifier: Apache-2.0
#include <boost/json.hpp>

#include "card/host/leak_test.hpp"
#include "demo/secret_search.hpp"
#include "demo/story/cast.hpp"
#include "device/client/card.hpp"

namespace simroot::app {
namespace {

std::vector<Leg> LegsOf(const StoryDevice& device, const SwitchedOn& done) {
  const std::string secured = Plural(done.commands, "command", "commands") + ", enciphered for the SIM alone";
  std::vector<Leg> legs{
      {Lane::kDevice, Lane::kPlatform, "hello from card " + device.iccid() + ", and a proof of its keys"},
      {Lane::kPlatform, Lane::kCard, secured}};
  if (device.HasCertificate()) {
    legs.push_back({Lane::kCard, Lane::kPlatform, "a public key, whose private key it has just made"});
    legs.push_back({Lane::kPlatform, Lane::kCard, "the certificate"});
  } else {
    legs.push_back({Lane::kCard, Lane::kPlatform, "the new pre-shared key is stored"});
  }
  legs.push_back({Lane::kPlatform, Lane::kServer, "a change: " + device.name() + " has a credential"});
  return legs;
}

Result<Outcome> CheckSwitchedOn(Cast& cast, StoryDevice& device, const SwitchedOn& done) {
  SR_TRY(const boost::json::value credential, cast.platform.ActiveCredential(device.iccid()));
  const std::string kind = device.HasCertificate() ? "certificate" : "psk";
  if (TextOf(credential, "kind") != kind) {
    return NotAsItMustBe(device.name() + " has a credential of kind " + TextOf(credential, "kind"));
  }
  SR_TRY_VOID(device.ReadCredential());
  static_cast<void>(cast.TakeCommands(device));
  return Outcome{done.message + "; " + Plural(done.round_trips, "round trip", "round trips") + ", " +
                     Plural(done.commands, "command", "commands") + " to the SIM, no human hand",
                 LegsOf(device, done)};
}

Result<Outcome> SwitchOnFirst(Cast& cast, StoryDevice& device) {
  SR_TRY(const SwitchedOn done, SwitchOn(cast, device));
  return CheckSwitchedOn(cast, device, done);
}

Result<Outcome> SwitchOnOverheard(Cast& cast) {
  SR_TRY(const SwitchedOn done, SwitchOnAndListen(cast.stage, cast.platform, cast.valve, cast.heard));
  SR_TRY(Outcome outcome, CheckSwitchedOn(cast, cast.valve, done));
  outcome.legs.push_back({Lane::kDevice, Lane::kAttacker,
                          "a copy of all that passed through: " + std::to_string(cast.heard.Size()) + " characters"});
  return outcome;
}

/// The pre-shared key has passed through the device: it must not be in what the attacker has heard.
Result<Outcome> SearchRecording(Cast& cast) {
  StoryDevice& valve = cast.valve;
  SR_TRY(const std::string listed, valve.Simroot({"device", "list", "--json"}));
  boost::system::error_code error;
  const boost::json::value list = boost::json::parse(listed, error);
  const boost::json::object* const members = list.if_object();
  const boost::json::value* const objects = members != nullptr ? members->if_contains("objects") : nullptr;
  std::string id;
  for (const auto& object : objects != nullptr && objects->is_array() ? objects->get_array() : boost::json::array()) {
    id = TextOf(object, "label") == "tls" ? TextOf(object, "id") : id;
  }
  static_cast<void>(cast.TakeCommands(valve));
  SR_TRY(const auto name, device::ParseObjectName(iotsafe::ObjectClass::kSecretKey, id));
  valve.PowerDown();  // to look into the SIM itself
  SecretArray<32> key;
  SR_TRY_VOID(card::CopyPrivateKeyForLeakTest(valve.CardFile(), name.Ref(), key));
  SR_TRY_VOID(valve.PowerUp());
  const std::string text = cast.heard.Text();
  for (const Bytes& trace : TracesOf(key.Reveal(InsecureReveal::kForTest))) {
    if (text.find(AsText(trace)) != std::string::npos) {
      return NotAsItMustBe("the pre-shared key passed through the device in the clear");
    }
  }
  if (text.find(valve.iccid()) == std::string::npos) {
    return NotAsItMustBe("the search does not even find the ICCID");
  }
  return Outcome{"the key that the SIM now holds is in none of " +
                     Plural(cast.heard.messages.size(), "recorded message", "recorded messages") +
                     ", neither as bytes nor as text",
                 {{Lane::kAttacker, Lane::kAttacker, "searches the recording for the key", true}}};
}

}  // namespace

Result<SwitchedOn> SwitchOn(Cast& cast, const StoryDevice& device) {
  SR_TRY(const std::string text, device.Simroot({"device", "switch-on", "--platform", cast.platform.url(), "--ca",
                                                 cast.platform.Ca(), "--json"}));
  boost::system::error_code error;
  const boost::json::value result = boost::json::parse(text, error);
  if (error || TextOf(result, "provisioned") != "true") {
    return NotAsItMustBe("the platform has not finished with " + device.name(), text);
  }
  const auto number = [&result](const char* member) {
    return static_cast<unsigned>(std::strtoul(TextOf(result, member).c_str(), nullptr, 10));
  };
  return SwitchedOn{TextOf(result, "message"), number("commands"), number("round_trips")};
}

Result<void> PlaySwitchOn(Cast& cast) {
  Recorder& recorder = cast.recorder;
  for (StoryDevice* const device : {&cast.meter, &cast.pump}) {
    SR_TRY_VOID(recorder.Do(device->name() + " is switched on", [&] { return SwitchOnFirst(cast, *device); }));
  }
  SR_TRY_VOID(recorder.Do("valve-5 is switched on, and an attacker in its software records everything",
                          [&] { return SwitchOnOverheard(cast); }));
  return recorder.Do("what the attacker has heard", [&] { return SearchRecording(cast); });
}

}  // namespace simroot::app
