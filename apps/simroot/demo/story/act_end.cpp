// SPDX-License-Identifier: Apache-2.0
#include "demo/story/cast.hpp"

namespace simroot::app {
namespace {

Result<Outcome> VerifyAudit(Cast& cast) {
  SR_TRY(const boost::json::value verified, cast.platform.Ask({"audit", "verify"}));
  const std::string entries = TextOf(verified, "entries");
  if (entries.empty()) {
    return NotAsItMustBe("the audit chain does not verify");
  }
  SR_TRY(const std::size_t refused, cast.platform.CountAudited("relay.refused"));
  constexpr std::size_t kRefusals = 3;  // the clone, the recorded messages in two ways
  if (refused != kRefusals) {
    return NotAsItMustBe("the audit log has " + std::to_string(refused) + " refused cards, not " +
                         std::to_string(kRefusals));
  }
  cast.recorder.AddFigure(entries, "entries in the audit log, the chain verifies");
  return Outcome{entries + " entries, each with the hash of the one before; the two attempts of the attacker are in it",
                 {{Lane::kPlatform, Lane::kPlatform, "simroot platform audit verify"}}};
}

Result<Outcome> AllStillThere(Cast& cast) {
  if (!cast.platform.Running() || !cast.broker.service().Running() || !cast.web.nginx().Running() ||
      !cast.web.agent().Running()) {
    return NotAsItMustBe("a server has ended before the story did");
  }
  cast.recorder.AddFigure(std::to_string(cast.broker.CountReceived()), "MQTT messages received");
  cast.recorder.AddFigure(std::to_string(cast.handshakes), "TLS handshakes with a key in a SIM");
  cast.recorder.AddFigure(std::to_string(cast.commands), "commands to the SIMs");
  cast.recorder.AddFigure(std::to_string(cast.rotations), "credentials rotated");
  return Outcome{"platform, mosquitto, nginx and the agent run as they were started",
                 {{Lane::kServer, Lane::kServer, std::to_string(cast.broker.CountReceived()) + " messages in all"}}};
}

}  // namespace

Result<void> PlayEnd(Cast& cast) {
  SR_TRY_VOID(cast.recorder.Do("the audit chain", [&] { return VerifyAudit(cast); }));
  return cast.recorder.Do("the servers", [&] { return AllStillThere(cast); });
}

}  // namespace simroot::app
