// SPDX-License-Identifier: Apache-2.0

#include "common/host/file_io.hpp"
#include "demo/story/cast.hpp"

namespace simroot::app {
namespace {

constexpr const char* kMark = "from-the-attacker";

/// What may not have changed on the platform.
Result<std::size_t> CountCredentials(Cast& cast) {
  SR_TRY(const boost::json::value list, cast.platform.Ask({"credential", "list"}));
  return list.is_array() ? list.get_array().size() : 0;
}

/// Runs an attack: afterwards there are as many credentials as before.
Result<Outcome> Attack(Cast& cast, const std::function<Result<Outcome>()>& run) {
  SR_TRY(const std::size_t before, CountCredentials(cast));
  SR_TRY(Outcome outcome, run());
  SR_TRY(const std::size_t after, CountCredentials(cast));
  if (before != after) {
    return NotAsItMustBe("the attacker got a credential");
  }
  ++cast.attacks_refused;
  return outcome;
}

Result<Outcome> UseClone(Cast& cast) {
  const std::string clone = cast.stage.Path("attacker/clone.card");
  SR_TRY_VOID(cast.stage.Ourselves({"card", "create", clone, "--profile", "blank", "--iccid", cast.meter.iccid(),
                                    "--export-keys", cast.stage.Path("attacker/keys.csv")}));
  SR_TRY(const std::size_t refused_before, cast.platform.CountAudited("relay.refused"));
  SR_TRY(const ProgramResult result, cast.stage.Run(cast.stage.workshop().Elsewhere(
                                         {kOurselves, "device", "switch-on", "--platform", cast.platform.url(), "--ca",
                                          cast.platform.Ca(), "--card", "sim:" + clone})));
  SR_TRY(const std::size_t refused_after, cast.platform.CountAudited("relay.refused"));
  if (result.status == 0 || result.output.find("refuses this card") == std::string::npos ||
      refused_after != refused_before + 1) {
    return NotAsItMustBe("the clone was not refused as it must be", result.output);
  }
  return Outcome{"the platform refuses it and notes it in the audit log; what it says is what an unknown card hears",
                 {{Lane::kAttacker, Lane::kPlatform,
                   "hello, this is card " + cast.meter.iccid() + ", and a proof made with other keys", true}}};
}

Result<Outcome> ReplayAnswers(Cast& cast) {
  SR_TRY(const PlatformReplay replay, ReplayToPlatform(cast.platform, cast.valve.iccid(), cast.heard));
  constexpr int kForbidden = 403;
  for (const int status : {replay.hello, replay.answer}) {
    if (status != kForbidden) {
      return NotAsItMustBe("the platform answers a replayed message with HTTP status " + std::to_string(status));
    }
  }
  return Outcome{"HTTP status 403 twice: the SIM's number was seen before, and the platform's challenge is another one",
                 {{Lane::kAttacker, Lane::kPlatform, "the recorded hello of valve-5", true},
                  {Lane::kAttacker, Lane::kPlatform, "a hello without a proof"},
                  {Lane::kPlatform, Lane::kAttacker, "prove it: a challenge for the card's own keys"},
                  {Lane::kAttacker, Lane::kPlatform, "the recorded answer", true}}};
}

Result<Outcome> ReplayCommands(Cast& cast) {
  SR_TRY(const CardReplay replay, ReplayToCard(cast.valve, cast.heard));
  if (replay.sent == 0 || replay.refused != replay.sent) {
    return NotAsItMustBe("the SIM took " + std::to_string(replay.sent - replay.refused) + " of " +
                         std::to_string(replay.sent) + " replayed commands");
  }
  SR_TRY_VOID(RunChecked(cast.broker.Publish(cast.valve, "still-here"), cast.stage.stop_fd()));
  SR_TRY_VOID(cast.broker.WaitForMessage(Broker::TelemetryTopic(cast.valve), "still-here"));
  ++cast.handshakes;
  static_cast<void>(cast.TakeCommands(cast.valve));
  return Outcome{"all " + std::to_string(replay.refused) + " refused (" + replay.first_refusal +
                     "); the key in the SIM is as it was: valve-5 publishes",
                 {{Lane::kAttacker, Lane::kDevice, "from within valve-5"},
                  {Lane::kDevice, Lane::kCard, "the recorded commands, once more", true}}};
}

/// The device's certificate, read as anybody on the device can, with a private key of the attacker's.
Result<void> StealCertificate(Cast& cast) {
  const std::string stolen = cast.stage.Path("attacker/stolen.pem");
  SR_TRY_VOID(cast.meter.Simroot({"device", "read-file", "label=tls", "--pem", "--out", stolen}));
  static_cast<void>(cast.TakeCommands(cast.meter));
  return ForgeKeyFor(stolen, cast.stage.Path("attacker/forged.key"));
}

/// A device's call of a program, from the attacker's machine and with the attacker's files.
ProgramCall FromAttacker(const Cast& cast, ProgramCall call) {
  const auto folder = cast.stage.Path("attacker/");
  for (std::size_t i = 1; i < call.arguments.size(); ++i) {
    const std::string option = call.arguments[i - 1];
    std::string& value = call.arguments[i];
    value = option == "--cert" ? folder + "stolen.pem" : option == "--key" ? folder + "forged.key" : value;
    value = value == "server-ca.pem" ? cast.stage.workshop().Ca("ca.pem") : value;
  }
  return cast.stage.workshop().Elsewhere(std::move(call.arguments));
}

Result<Outcome> StolenAtBroker(Cast& cast) {
  SR_TRY_VOID(StealCertificate(cast));
  const std::size_t from = cast.broker.Log().size();
  SR_TRY(const ProgramResult result, cast.stage.Run(FromAttacker(cast, cast.broker.Publish(cast.meter, kMark))));
  SR_TRY_VOID(cast.broker.service().WaitFor("bad signature", Stage::Soon(), cast.stage.stop_fd(), from));
  if (result.status == 0) {
    return NotAsItMustBe("mosquitto_pub published with a stolen certificate");
  }
  return Outcome{
      "the certificate is the right one, the signature is not: \"bad signature\" at the broker",
      {{Lane::kCard, Lane::kAttacker, "the certificate, which is no secret"},
       {Lane::kAttacker, Lane::kServer, "mosquitto_pub: the certificate, and a signature of another key", true}}};
}

Result<Outcome> StolenAtWebServer(Cast& cast) {
  SR_TRY(const ProgramResult result, cast.stage.Run(FromAttacker(cast, cast.web.Get(cast.meter))));
  SR_TRY_VOID(cast.web.nginx().WaitUntil(
      "\"bad signature\" in its log", [&] { return cast.web.ErrorLog().find("bad signature") != std::string::npos; },
      Stage::Soon(), cast.stage.stop_fd()));
  if (result.status == 0) {
    return NotAsItMustBe("curl got an answer with a stolen certificate");
  }
  return Outcome{"the same at nginx: \"bad signature\"",
                 {{Lane::kAttacker, Lane::kServer, "curl: the certificate, and a signature of another key", true}}};
}

/// A certificate that says the same, but is the attacker's own work.
Result<Outcome> CopiedCertificate(Cast& cast) {
  const std::string folder = cast.stage.Path("attacker/");
  SR_TRY_VOID(RunChecked(cast.stage.workshop().Elsewhere(
                             {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                              "-noenc", "-subj", "/CN=" + cast.meter.name() + "/serialNumber=" + cast.meter.iccid(),
                              "-keyout", folder + "forged.key", "-out", folder + "stolen.pem"}),
                         cast.stage.stop_fd()));
  const std::size_t from = cast.broker.Log().size();
  SR_TRY(const ProgramResult published, cast.stage.Run(FromAttacker(cast, cast.broker.Publish(cast.meter, kMark))));
  SR_TRY_VOID(cast.broker.service().WaitFor("certificate verify failed", Stage::Soon(), cast.stage.stop_fd(), from));
  SR_TRY(const ProgramResult got, cast.stage.Run(FromAttacker(cast, cast.web.Get(cast.meter))));
  if (published.status == 0 || got.status == 0 || got.output.find("error: 400") == std::string::npos) {
    return NotAsItMustBe("a certificate that the attacker has made himself was accepted");
  }
  return Outcome{"neither mosquitto nor nginx lets it in: it is not of the platform's CAs",
                 {{Lane::kAttacker, Lane::kServer, "a certificate of the same name, made by himself", true}}};
}

/// All that the device's programs have of the pre-shared key is a handle.
Result<Outcome> StolenHandle(Cast& cast) {
  const std::size_t from = cast.broker.Log().size();
  SR_TRY(const ProgramResult result, cast.stage.Run(FromAttacker(cast, cast.broker.Publish(cast.valve, kMark))));
  // What a broker says of a proof that was made with another key.
  SR_TRY_VOID(cast.broker.service().WaitFor("binder does not verify", Stage::Soon(), cast.stage.stop_fd(), from));
  if (result.status == 0) {
    return NotAsItMustBe("the handle of the pre-shared key opened a connection without the SIM");
  }
  for (const StoryDevice* const device : cast.Devices()) {
    if (cast.broker.Received(Broker::TelemetryTopic(*device)).contains(kMark)) {
      return NotAsItMustBe("a message of the attacker got through");
    }
  }
  return Outcome{
      "identity and handle open nothing without the SIM (\"binder does not verify\" at the broker); no message of the "
      "attacker's "
      "ever arrived",
      {{Lane::kDevice, Lane::kAttacker, "identity and handle of the pre-shared key"},
       {Lane::kAttacker, Lane::kServer, "mosquitto_pub with both, without the SIM", true}}};
}

}  // namespace

Result<void> PlayAttack(Cast& cast) {
  SR_TRY_VOID(MakePrivateDirectory(cast.stage.Path("attacker")));
  struct Step {
    const char* what;
    Result<Outcome> (*run)(Cast&);
  };
  constexpr std::array kSteps{Step{"a clone: another SIM with the number of meter-17", UseClone},
                              Step{"recorded messages, sent to the platform again", ReplayAnswers},
                              Step{"recorded commands, sent to the SIM again", ReplayCommands},
                              Step{"the stolen certificate of meter-17, at mosquitto", StolenAtBroker},
                              Step{"the stolen certificate of meter-17, at nginx", StolenAtWebServer},
                              Step{"a certificate that looks the same", CopiedCertificate},
                              Step{"what valve-5 knows of its key", StolenHandle}};
  for (const Step& step : kSteps) {
    SR_TRY_VOID(cast.recorder.Do(step.what,
                                 [&cast, &step] { return Attack(cast, [&cast, &step] { return step.run(cast); }); }));
  }
  cast.recorder.AddFigure(std::to_string(cast.attacks_refused) + " of " + std::to_string(kSteps.size()),
                          "attacks refused");
  return {};
}

}  // namespace simroot::app
