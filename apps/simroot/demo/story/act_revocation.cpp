// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "demo/story/cast.hpp"

namespace simroot::app {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kAtMost{2000};  ///< from the operator's command until nobody lets it in

milliseconds Since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
}

/// The device's live connection.
struct Connection {
  std::optional<Service> client;
  std::string credential;                         ///< id on the platform
  std::chrono::steady_clock::time_point revoked;  ///< when the operator's command began
};

Result<Outcome> ConnectForGood(Cast& cast, Connection& connection) {
  StoryDevice& pump = cast.pump;
  SR_TRY(const boost::json::value credential, cast.platform.ActiveCredential(pump.iccid()));
  connection.credential = TextOf(credential, "id");
  SR_TRY_VOID(pump.ReadCredential());
  const std::size_t from = cast.broker.Log().size();
  SR_TRY(connection.client, Service::Start("mosquitto_sub", cast.broker.ListenForCommands(pump),
                                           cast.stage.Path("log/pump-3-commands.log")));
  SR_TRY_VOID(cast.broker.service().WaitFor("Sending SUBACK to " + pump.name() + "-commands", Stage::Soon(),
                                            cast.stage.stop_fd(), from));
  SR_TRY_VOID(cast.broker.SendCommand(pump, "close"));
  SR_TRY_VOID(connection.client->WaitFor("close", Stage::Soon(), cast.stage.stop_fd()));
  if (cast.broker.CountConnections() != 1) {
    return NotAsItMustBe("there is not one live connection with a certificate");
  }
  ++cast.handshakes;
  static_cast<void>(cast.TakeCommands(pump));
  return Outcome{"it waits for commands, and got \"close\" from the operator",
                 {{Lane::kDevice, Lane::kServer, "mosquitto_sub, mutual TLS; stays connected"},
                  {Lane::kServer, Lane::kDevice, "the operator's command: close"}}};
}

Result<Outcome> Revoke(Cast& cast, Connection& connection) {
  const StoryDevice& pump = cast.pump;
  const std::size_t from = cast.broker.Log().size();
  connection.revoked = std::chrono::steady_clock::now();
  SR_TRY_VOID(cast.platform.Ask({"credential", "revoke", connection.credential, "--reason", "keyCompromise"}));
  SR_TRY_VOID(cast.broker.service().WaitFor("Client " + pump.name() + "-commands been disconnected", Stage::Soon(),
                                            cast.stage.stop_fd(), from));
  SR_TRY_VOID(cast.broker.service().WaitUntil(
      "the end of the connection", [&cast] { return cast.broker.CountConnections() == 0; }, Stage::Soon(),
      cast.stage.stop_fd()));
  cast.cut_off = Since(connection.revoked);
  if (cast.cut_off > kAtMost) {
    return NotAsItMustBe("the live connection was cut off only after " + Seconds(cast.cut_off));
  }
  cast.recorder.AddFigure(Seconds(cast.cut_off), "from the revocation to the end of the live connection");
  return Outcome{
      "the live connection is gone " + Seconds(cast.cut_off) + " after the operator's command began (2 s at most)",
      {{Lane::kPlatform, Lane::kPlatform, "the operator: revoke it, keyCompromise"},
       {Lane::kPlatform, Lane::kServer, "a change: the credential of pump-3 is revoked"},
       {Lane::kServer, Lane::kDevice, "disconnected", true}}};
}

/// The last request that nginx answers may be one that came before it has read the new list: it is asked again and
/// again.
Result<Outcome> AskWebServer(Cast& cast, const Connection& connection) {
  ProgramResult result;
  do {
    SR_TRY(result, cast.stage.Run(cast.web.Get(cast.pump)));
  } while (result.status == 0 && Since(connection.revoked) <= kAtMost);
  if (result.status == 0) {
    return NotAsItMustBe("nginx still answers pump-3 " + Seconds(Since(connection.revoked)) + " after the revocation");
  }
  const std::string why = result.output.substr(0, result.output.find('\n'));
  return Outcome{
      "refused no later than " + Seconds(Since(connection.revoked)) + " after the operator's command began: " + why,
      {{Lane::kServer, Lane::kServer, "the agent has written a new CRL and made nginx read it"},
       {Lane::kDevice, Lane::kServer, "curl with the revoked certificate", true}}};
}

Result<Outcome> ConnectAgain(Cast& cast, Connection& connection) {
  const std::size_t from = cast.broker.Log().size();
  SR_TRY(const ProgramResult result, cast.stage.Run(cast.broker.Publish(cast.pump, "after-revocation")));
  SR_TRY_VOID(cast.broker.service().WaitFor("reason=revoked", Stage::Soon(), cast.stage.stop_fd(), from));
  if (result.status == 0) {
    return NotAsItMustBe("pump-3 has published with a revoked certificate");
  }
  SR_TRY_VOID(cast.broker.SendCommand(cast.pump, "open"));
  SR_TRY_VOID(
      cast.broker.WaitForMessage(Broker::CommandTopic(cast.pump), "open"));  // whoever may hear it has it by now
  connection.client->Stop();
  if (connection.client->Log().find("open") != std::string::npos ||
      cast.broker.Received(Broker::TelemetryTopic(cast.pump)).contains("after-revocation")) {
    return NotAsItMustBe("messages still pass between the broker and pump-3");
  }
  return Outcome{
      "mosquitto_pub is refused (revoked in the broker's log), and the command \"open\" did not reach pump-3",
      {{Lane::kDevice, Lane::kServer, "mosquitto_pub with the revoked certificate", true},
       {Lane::kServer, Lane::kDevice, "the operator's command: open", true}}};
}

Result<Outcome> OthersGoOn(Cast& cast) {
  SR_TRY_VOID(PublishAndAsk(cast, "unimpressed"));
  return Outcome{"meter-17 and valve-5 publish, meter-17 gets its page",
                 {{Lane::kDevice, Lane::kServer, "mosquitto_pub, curl"}}};
}

Result<Outcome> RemoveFromCard(Cast& cast, const Connection& connection) {
  SR_TRY(const SwitchedOn done, SwitchOn(cast, cast.pump));
  SR_TRY_VOID(cast.platform.WaitForState(connection.credential, "deleted"));
  const auto signature = cast.pump.Simroot({"device", "sign", "label=tls", "/dev/null"});
  if (signature) {
    return NotAsItMustBe("the SIM of pump-3 still signs with the revoked key");
  }
  static_cast<void>(cast.TakeCommands(cast.pump));
  return Outcome{"at its next contact the SIM lost the key: it does not sign any more",
                 {{Lane::kPlatform, Lane::kCard, Plural(done.commands, "command", "commands") + ": delete the key"},
                  {Lane::kCard, Lane::kPlatform, "done, with proof"}}};
}

}  // namespace

Result<void> PlayRevocation(Cast& cast) {
  Recorder& recorder = cast.recorder;
  Connection connection;
  SR_TRY_VOID(recorder.Do("pump-3 is connected", [&] { return ConnectForGood(cast, connection); }));
  SR_TRY_VOID(recorder.Do("the operator revokes pump-3's certificate", [&] { return Revoke(cast, connection); }));
  SR_TRY_VOID(recorder.Do("pump-3 asks nginx", [&] { return AskWebServer(cast, connection); }));
  SR_TRY_VOID(recorder.Do("pump-3 connects to the broker again", [&] { return ConnectAgain(cast, connection); }));
  SR_TRY_VOID(recorder.Do("the others", [&] { return OthersGoOn(cast); }));
  return recorder.Do("the SIM of pump-3", [&] { return RemoveFromCard(cast, connection); });
}

}  // namespace simroot::app
