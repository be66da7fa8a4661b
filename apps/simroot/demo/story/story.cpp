// SPDX-License-Identifier: Apache-2.0
#include "demo/story/story.hpp"

#include <unistd.h>

#include <filesystem>

#include "common/host/file_io.hpp"
#include "demo/story/cast.hpp"
#include "demo/story/page.hpp"
#include "output.hpp"

namespace simroot::app {
namespace {

constexpr std::array kActs{
    ActEntry{
        "The stage",
        "An operator starts a platform, a broker and a web server. A factory makes three blank SIMs, which are put "
        "into devices. The servers know the platform, the platform knows the keys of the SIMs, nobody knows the "
        "devices yet.",
        PlayOpening},
    ActEntry{
        "First switch-on",
        "Each device calls the platform and carries messages between it and the SIM that it cannot read. Afterwards "
        "the SIM holds a key that was made in it, or came to it enciphered.",
        PlaySwitchOn},
    ActEntry{
        "Telemetry",
        "Unmodified programs use the key in the SIM: mosquitto_pub to the broker, curl to the web server. Both know "
        "each device by the platform's feed.",
        PlayTelemetry},
    ActEntry{"New credentials under traffic",
             "All credentials are replaced while every device keeps sending. Old and new are valid together until the "
             "new one was seen in use.",
             PlayRotation},
    ActEntry{"The attacker",
             "He has a SIM with the same number, all messages of a first switch-on, a device's certificate, and what a "
             "device knows of its pre-shared key. He does not have the SIM of any device.",
             PlayAttack},
    ActEntry{"The platform is away",
             "It is killed without warning. Broker and web server go on with what they know, and find it again when it "
             "is back.",
             PlayOutage},
    ActEntry{"Revocation", "The operator revokes the certificate of pump-3, which is connected at that moment.",
             PlayRevocation},
    ActEntry{"The books", "What the platform has noted.", PlayEnd}};

/// Everything that must be installed, before anything is started.
Result<void> CheckPrograms() {
  for (const auto& [program, package] :
       {std::pair("openssl", "openssl"), std::pair("curl", "curl"), std::pair("mosquitto", "mosquitto"),
        std::pair("mosquitto_pub", "mosquitto-clients"), std::pair("mosquitto_sub", "mosquitto-clients"),
        std::pair("nginx", "nginx-light")}) {
    SR_TRY_VOID(FindProgram(program, package));
  }
  return {};
}

/// At the beginning, not after everything else.
Result<void> CheckPage(const std::string& page) {
  const std::filesystem::path folder = std::filesystem::path(page).parent_path();
  const std::string name = folder.empty() ? "." : folder.string();
  std::error_code error;
  if (std::filesystem::is_directory(page, error) || ::access(name.c_str(), W_OK | X_OK) != 0) {
    return Fail(ErrorDomain::kUsage, "cannot write the page " + page, "give another file with --page FILE");
  }
  return {};
}

/// The path gets into sockets' names and into configuration files of several programs.
Result<void> CheckFolder(const std::string& root) {
  constexpr std::size_t kLongest = 80;
  if (root.size() > kLongest || root.find_first_of(" \t\"'\\;{}$#") != std::string::npos) {
    return Fail(ErrorDomain::kUsage,
                "the working folder " + root + " has a path that is too long or has special characters",
                "set TMPDIR to another one, for example /tmp");
  }
  return {};
}

Result<void> Play(Cast& cast) {
  SR_TRY_VOID(CheckFolder(cast.stage.workshop().root()));
  SR_TRY_VOID(MakePrivateDirectory(cast.stage.Path("log")));
  for (const ActEntry& act : kActs) {
    SR_TRY_VOID(cast.recorder.BeginAct(act.title, act.text));
    SR_TRY_VOID(act.play(cast));
  }
  return {};
}

bool PrintSummary(const Recorder& recorder) {
  std::vector<std::vector<std::string>> rows;
  for (const Figure& figure : recorder.figures()) {
    rows.push_back({figure.value, figure.label});
  }
  return PrintLine("\n" + FormatTable(rows)) && PrintLine("\n" + std::to_string(recorder.verified()) +
                                                          " steps, all verified, in " + Seconds(recorder.SinceStart()));
}

}  // namespace

int RunStory(const DemoArguments& arguments) {
  if (const auto complete = CheckPrograms(); !complete) {
    return Report(complete.error());
  }
  if (const auto writable = CheckPage(arguments.page); !writable) {
    return Report(writable.error());
  }
  auto workshop = Workshop::Create(arguments.keep);
  if (!workshop) {
    return Report(workshop.error());
  }
  const std::string root = workshop->root();
  Recorder recorder;
  Result<void> played;
  {
    const Stage stage(arguments, std::move(*workshop));
    Cast cast(stage, recorder);
    played = Play(cast);
  }
  const std::string page = StoryPage(recorder, played ? std::string() : played.error().Text());
  const auto written = WriteFileAtomically(arguments.page, AsBytes(page), 0644);
  if (arguments.keep) {
    static_cast<void>(PrintLine("\nthe working folder is kept: " + root));
  }
  if (!played) {
    return Report(played.error());
  }
  if (!written) {
    return Report(written.error());
  }
  const std::filesystem::path where = std::filesystem::absolute(arguments.page);
  return PrintSummary(recorder) && PrintLine("the sequence, drawn: " + where.string()) ? kDone : kFailed;
}

}  // namespace simroot::app
