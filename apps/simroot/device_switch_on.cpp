// SPDX-License-Identifier: Apache-2.0
/// `simroot device switch-on`: first provisioning, or the next step of whatever the platform wants done.
#include <cstdio>

#include "commands.hpp"
#include "device/client/noted_transport.hpp"
#include "device/relay/relay_client.hpp"
#include "output.hpp"
#include "trace.hpp"

namespace simroot::app {
namespace {

/// Progress for people, on stderr.
class Progress final : public device::RelayObserver {
 public:
  void OnSession(const std::string& iccid) override { Say("session with the platform for card " + iccid); }
  void OnBatch(unsigned step, std::size_t commands) override {
    Say("step " + std::to_string(step) + ": " + std::to_string(commands) + " commands for the card");
  }
  void OnRetry(const std::string& why, std::chrono::seconds wait) override {
    Say(why + "; again in " + std::to_string(wait.count()) + " s");
  }

 private:
  static void Say(const std::string& line) { static_cast<void>(std::fprintf(stderr, "%s\n", line.c_str())); }
};

Result<device::RelayResult> SwitchOn(const DeviceOptions& options, const SwitchOnArguments& arguments) {
  if (options.card.empty()) {
    return Fail(ErrorDomain::kUsage, "no card is given",
                "add --card URI or set SIMROOT_CARD, for example at:/dev/ttyUSB2, pcsc: or sim:FILE");
  }
  net::HttpClientOptions http;
  http.url = arguments.platform;
  http.ca_file = arguments.ca;
  SR_TRY(const auto platform, net::HttpClient::Create(http));
  SR_TRY(const device::CardUri uri, device::ParseCardUri(options.card));
  SR_TRY(const auto transport,
         device::client::OpenNotedTransport(uri, Deadline::After(std::chrono::seconds(options.timeout_s))));
  StderrTrace trace;
  transport->SetObserver(options.trace ? &trace : nullptr);
  device::RelayOptions relay;
  relay.wait = std::chrono::seconds(arguments.wait_s);
  Progress progress;
  auto result = device::RunRelay(*transport, *platform, relay, options.json ? nullptr : &progress);
  transport->SetObserver(nullptr);
  return result;
}

bool PrintResult(const device::RelayResult& result, const std::string& card, bool json) {
  if (json) {
    JsonWriter writer;
    writer.BeginObject()
        .Text("iccid", result.iccid)
        .Bool("provisioned", result.provisioned)
        .Text("message", result.message)
        .Text("key_label", result.key_label)
        .Number("retry_after", result.retry_after_s)
        .Number("sessions", result.sessions)
        .Number("round_trips", result.round_trips)
        .Number("commands", result.commands)
        .EndObject();
    return PrintLine(writer.text());
  }
  bool printed = PrintLine(result.message);
  if (result.provisioned && !result.key_label.empty() && result.commands > 1) {
    const std::string label = "label=" + result.key_label;
    const std::string at = " --card " + card;
    const bool is_psk = result.message.find("pre-shared key") != std::string::npos;
    printed = printed &&
              PrintLine(is_psk ? "next: simroot device psk-handle " + label + at + "  is given to programs for the key,"
                               : "next: simroot device wrap-key " + label + " key.pem --cert " + label + at +
                                     "  makes a file that programs take for a private key,") &&
              PrintLine(is_psk ? "      simroot device read-file label=psk-identity" + at + "  its identity"
                               : "      or they ask for iotsafe:" + label) &&
              PrintLine("      how programs are set up: docs/howto/README.md");
  }
  return printed;
}

}  // namespace

int RunDeviceSwitchOn(const DeviceOptions& options, const SwitchOnArguments& arguments) {
  const auto result = SwitchOn(options, arguments);
  if (!result) {
    return Report(result.error());
  }
  if (!PrintResult(*result, options.card, options.json)) {
    return kFailed;
  }
  if (result->provisioned) {
    return kDone;
  }
  return Report({ErrorDomain::kTransport, "the platform has not finished with this card: " + result->message,
                 "run it again in " + std::to_string(result->retry_after_s) + " seconds, or give --wait"});
}

}  // namespace simroot::app
