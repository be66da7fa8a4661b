// SPDX-License-Identifier: Apache-2.0
#include "demo/story/cast.hpp"

namespace simroot::app {
namespace {

Result<Outcome> KillPlatform(Cast& cast) {
  const std::size_t broker_log = cast.broker.Log().size();
  const std::size_t agent_log = cast.web.agent().Log().size();
  cast.platform.Kill();
  const std::string lost = "the platform cannot be asked";
  SR_TRY_VOID(cast.broker.service().WaitFor(lost, Stage::Soon(), cast.stage.stop_fd(), broker_log));
  SR_TRY_VOID(cast.web.agent().WaitFor(lost, Stage::Soon(), cast.stage.stop_fd(), agent_log));
  return Outcome{"plugin and agent have noticed it and say so in their logs",
                 {{Lane::kServer, Lane::kPlatform, "any change?", true}}};
}

Result<Outcome> GoOnWithoutIt(Cast& cast) {
  SR_TRY_VOID(PublishAndAsk(cast, "without-the-platform"));
  return Outcome{"meter-17 and valve-5 publish, meter-17 gets its page: the servers know every device by themselves",
                 {{Lane::kDevice, Lane::kServer, "mosquitto_pub with certificate and pre-shared key, curl"},
                  {Lane::kServer, Lane::kDevice, "received; 200, welcome meter-17"}}};
}

Result<Outcome> StartPlatformAgain(Cast& cast) {
  const std::size_t broker_log = cast.broker.Log().size();
  const std::size_t agent_log = cast.web.agent().Log().size();
  SR_TRY_VOID(cast.platform.StartAgain());
  const std::string found = "the platform answers again";
  SR_TRY_VOID(cast.broker.service().WaitFor(found, Stage::Soon(), cast.stage.stop_fd(), broker_log));
  SR_TRY_VOID(cast.web.agent().WaitFor(found, Stage::Soon(), cast.stage.stop_fd(), agent_log));
  for (const StoryDevice* const device : cast.Devices()) {
    SR_TRY_VOID(cast.platform.ActiveCredential(device->iccid()));
  }
  return Outcome{"nothing had to be repaired; plugin and agent go on behind the last change that they know",
                 {{Lane::kServer, Lane::kPlatform, "any change after the last one?"},
                  {Lane::kPlatform, Lane::kServer, "none so far"}}};
}

}  // namespace

Result<void> PlayOutage(Cast& cast) {
  SR_TRY_VOID(cast.recorder.Do("the platform is killed", [&] { return KillPlatform(cast); }));
  SR_TRY_VOID(cast.recorder.Do("devices connect all the same", [&] { return GoOnWithoutIt(cast); }));
  return cast.recorder.Do("the platform is started again", [&] { return StartPlatformAgain(cast); });
}

}  // namespace simroot::app
