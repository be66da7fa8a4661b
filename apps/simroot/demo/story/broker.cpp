// SPDX-License-Identifier: Apache-2.0
#include "demo/story/broker.hpp"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "common/host/file_io.hpp"
#include "program_paths.hpp"

namespace simroot::app {
namespace {

constexpr std::size_t kTail = 600;

}  // namespace

Result<void> EnrolServer(const Stage& stage, const PlatformHost& platform, const std::string& name,
                         const std::string& directory) {
  SR_TRY(const boost::json::value invitation, platform.Ask({"server", "invite", name}));
  const std::string token = stage.Path(name + ".token");
  SR_TRY_VOID(WriteFileAtomically(token, AsBytes(TextOf(invitation, "token") + "\n"), 0600));
  const auto enrolled = stage.Ourselves({"server", "enrol", "--platform", platform.url(), "--ca", platform.Ca(),
                                         "--token-file", token, "--dir", directory});
  static_cast<void>(::unlink(token.c_str()));  // it is spent
  SR_TRY_VOID(enrolled);
  return {};
}

Result<std::string> Broker::Configuration(const std::string& plugin) {
  SR_TRY(certificate_port_, FreePort());
  SR_TRY(psk_port_, FreePort());
  socket_ = stage_.Path("operator.sock");
  const std::string ca = stage_.workshop().root() + "/ca/";
  const std::string identity = stage_.Path("broker-identity");
  // The plugin works for all listeners. It leaves clients that are no devices to mosquitto: only the operator's socket
  // lets such in, and who may open that is decided by the rights of its folder.
  std::string text = "per_listener_settings false\nallow_anonymous true\nlog_dest stderr\nlog_type all\n";
  text += ::geteuid() == 0 ? "user root\n" : "";
  text += "plugin " + plugin + "\nplugin_opt_directory " + identity + "\nplugin_opt_others allow\n";
  text += "listener " + certificate_port_ + " 127.0.0.1\ncafile " + platform_.DeviceCa() + "\ncertfile " + ca +
          "server.pem\nkeyfile " + ca + "server.key\nrequire_certificate true\n";
  text += "listener " + psk_port_ + " 127.0.0.1\npsk_hint devices\nuse_identity_as_username true\n";
  text += "listener 0 " + socket_ + "\n";
  return text;
}

Result<void> Broker::Start() {
  SR_TRY(const std::string mosquitto, FindProgram("mosquitto", "mosquitto"));
  const std::string plugin = MosquittoPlugin();
  if (plugin.empty()) {
    return Fail(ErrorDomain::kUsage, "the plugin for mosquitto is not beside this program",
                "build it: `make demo` does, or install with `make install`");
  }
  SR_TRY_VOID(EnrolServer(stage_, platform_, "broker", stage_.Path("broker-identity")));
  SR_TRY(const std::string configuration, Configuration(plugin));
  const std::string file = stage_.Path("mosquitto.conf");
  SR_TRY_VOID(WriteFileAtomically(file, AsBytes(configuration), 0600));
  SR_TRY(broker_, Service::Start("mosquitto", stage_.workshop().Elsewhere({mosquitto, "-c", file}),
                                 stage_.Path("log/mosquitto.log")));
  SR_TRY_VOID(broker_->WaitFor("running", Stage::Soon(), stage_.stop_fd()));
  return StartSubscriber();
}

Result<void> Broker::StartSubscriber() {
  SR_TRY(subscriber_, Service::Start("mosquitto_sub",
                                     stage_.workshop().Elsewhere({"mosquitto_sub", "--unix", socket_, "-i", "operator",
                                                                  "-q", "1", "-t", "#", "-F", "%t %p"}),
                                     stage_.Path("log/subscriber.log")));
  return broker_->WaitFor("Sending SUBACK to operator", Stage::Soon(), stage_.stop_fd());
}

std::string Broker::TelemetryTopic(const StoryDevice& device) {
  return "devices/" + device.iccid() + "/telemetry";
}

std::string Broker::CommandTopic(const StoryDevice& device) {
  return "commands/" + device.iccid() + "/valve";
}

const std::string& Broker::PortFor(const StoryDevice& device) const {
  return device.HasCertificate() ? certificate_port_ : psk_port_;
}

ProgramCall Broker::Publish(const StoryDevice& device, const std::string& payload) const {
  std::vector<std::string> words{
      "mosquitto_pub",        "-h", "localhost", "-p", PortFor(device), "-q", "1", "-i", device.name(), "-t",
      TelemetryTopic(device), "-m", payload};
  const std::vector<std::string> options = device.MqttOptions();
  words.insert(words.end(), options.begin(), options.end());
  return device.Call(std::move(words));
}

ProgramCall Broker::ListenForCommands(const StoryDevice& device) const {
  std::vector<std::string> words{
      "mosquitto_sub",     "-h", "localhost", "-p", PortFor(device), "-q", "1", "-i", device.name() + "-commands", "-t",
      CommandTopic(device)};
  const std::vector<std::string> options = device.MqttOptions();
  words.insert(words.end(), options.begin(), options.end());
  return device.Call(std::move(words));
}

Result<void> Broker::SendCommand(const StoryDevice& device, const std::string& payload) const {
  SR_TRY_VOID(RunChecked(stage_.workshop().Elsewhere({"mosquitto_pub", "--unix", socket_, "-q", "1", "-t",
                                                      CommandTopic(device), "-m", payload}),
                         stage_.stop_fd()));
  return {};
}

std::size_t Broker::CountConnections() const {
  std::array<char, 16> address{};
  static_cast<void>(std::snprintf(address.data(), address.size(), "0100007F:%04lX", std::stoul(certificate_port_)));
  std::ifstream table("/proc/net/tcp");
  std::size_t count = 0;
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string number;
    std::string local;
    std::string remote;
    std::string state;
    words >> number >> local >> remote >> state;
    count += local == address.data() && state == "01" ? 1U : 0U;  // TCP_ESTABLISHED
  }
  return count;
}

std::map<std::string, unsigned> Broker::Received(const std::string& topic) const {
  std::map<std::string, unsigned> payloads;
  std::istringstream lines(subscriber_ ? subscriber_->Log() : std::string());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(topic + " ")) {
      ++payloads[line.substr(topic.size() + 1)];
    }
  }
  return payloads;
}

std::size_t Broker::CountReceived() const {
  const std::string log = subscriber_ ? subscriber_->Log() : std::string();
  return static_cast<std::size_t>(std::ranges::count(log, '\n'));
}

Result<void> Broker::WaitForMessage(const std::string& topic, const std::string& payload) {
  return subscriber_->WaitUntil(
      "\"" + payload + "\" under " + topic, [&] { return Received(topic).contains(payload); }, Stage::Soon(),
      stage_.stop_fd());
}

std::string Broker::LogTail() const {
  const std::string log = Log();
  return log.substr(log.size() - std::min(log.size(), kTail));
}

}  // namespace simroot::app
