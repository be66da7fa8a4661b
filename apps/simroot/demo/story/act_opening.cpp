// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "demo/story/cast.hpp"

namespace simroot::app {
namespace {

Result<Outcome> OpenPlatform(Cast& cast) {
  SR_TRY_VOID(cast.stage.workshop().MakeCaAndServer(cast.stage.stop_fd()));
  SR_TRY_VOID(cast.platform.Start());
  return Outcome{"one process on SQLite serves " + cast.platform.url(),
                 {{Lane::kPlatform, Lane::kPlatform, "CAs, vault and audit log are made"}}};
}

Result<Outcome> MakeCards(Cast& cast) {
  const std::string keys = cast.stage.Path("factory-keys.csv");
  for (const StoryDevice* const device : cast.Devices()) {
    SR_TRY_VOID(device->MakeCard(keys));
  }
  SR_TRY(const boost::json::value imported, cast.platform.Ask({"card", "import", keys}));
  if (::unlink(keys.c_str()) != 0 || TextOf(imported, "cards") != "3") {
    return NotAsItMustBe("not all three cards were imported");
  }
  for (const StoryDevice* const device : cast.Devices()) {
    SR_TRY_VOID(cast.platform.Ask({"device", "name", device->iccid(), device->name()}));
  }
  return Outcome{
      "3 cards imported and named, two of Type I (certificates), one of Type II (pre-shared keys); the file of "
      "their keys is gone",
      {{Lane::kCard, Lane::kPlatform, "a file of the factory: the keys of each security domain"}}};
}

Result<Outcome> PowerUp(Cast& cast) {
  for (StoryDevice* const device : cast.Devices()) {
    SR_TRY_VOID(device->PowerUp());
    const auto listed = device->Simroot({"device", "list"});
    if (listed && listed->find("tls") != std::string::npos) {
      return NotAsItMustBe(device->name() + " has a credential before its first switch-on");
    }
    static_cast<void>(cast.TakeCommands(*device));
  }
  return Outcome{"none of the three has a key or a certificate to show",
                 {{Lane::kDevice, Lane::kCard, "which keys are there?"}, {Lane::kCard, Lane::kDevice, "none"}}};
}

const std::vector<Leg> kEnrolment{
    {Lane::kServer, Lane::kPlatform, "a one-time token and a certificate request of its own"},
    {Lane::kPlatform, Lane::kServer, "its certificate; then all credentials of the tenant, then each change"}};

Result<Outcome> OpenBroker(Cast& cast) {
  SR_TRY_VOID(cast.broker.Start());
  return Outcome{"the unmodified broker listens for certificates and for pre-shared keys", kEnrolment};
}

Result<Outcome> OpenWebServer(Cast& cast) {
  SR_TRY_VOID(cast.web.Start());
  return Outcome{"the unmodified web server reads the files that simroot's agent keeps for it", kEnrolment};
}

}  // namespace

Result<void> PlayOpening(Cast& cast) {
  Recorder& recorder = cast.recorder;
  SR_TRY_VOID(recorder.Do("the platform is set up", [&] { return OpenPlatform(cast); }));
  SR_TRY_VOID(recorder.Do("a factory makes three blank SIMs", [&] { return MakeCards(cast); }));
  SR_TRY_VOID(recorder.Do("three devices with these SIMs, each behind a modem", [&] { return PowerUp(cast); }));
  SR_TRY_VOID(recorder.Do("mosquitto with simroot's plugin", [&] { return OpenBroker(cast); }));
  return recorder.Do("nginx with simroot's agent", [&] { return OpenWebServer(cast); });
}

}  // namespace simroot::app
