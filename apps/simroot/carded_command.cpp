// SPDX-License-Identifier: Apache-2.0
/// `simroot carded`: the card daemon, and its status.
#include <cstdio>
#include <cstdlib>

#include "commands.hpp"
#include "device/client/card.hpp"
#include "device/client/channel_ledger.hpp"
#include "device/daemon/daemon.hpp"
#include "device/daemon/listener.hpp"
#include "device/transport/daemon_line.hpp"
#include "output.hpp"
#include "stop_signal.hpp"
#include "trace.hpp"

namespace simroot::app {
namespace {

using device::DaemonStatus;
using device::daemon::Daemon;
using device::daemon::DaemonOptions;
using device::daemon::Listener;
using device::daemon::PortClaim;

class StdoutTrace final : public device::TransportObserver {
 public:
  void OnExchange(ByteView command, ByteView response, std::chrono::microseconds /*took*/) override {
    static_cast<void>(PrintLine(DescribeExchange(command, response)));
  }
};

Result<device::CardUri> ParseOwnCard(const std::string& given) {
  const char* const from_environment = std::getenv("SIMROOT_CARD");
  const std::string text = !given.empty() || from_environment == nullptr ? given : std::string(from_environment);
  if (text.empty()) {
    return Fail(ErrorDomain::kUsage, "no card is given",
                "add --card URI or set SIMROOT_CARD, for example at:/dev/ttyUSB2, pcsc: or sim:FILE");
  }
  SR_TRY(device::CardUri uri, device::ParseCardUri(text));
  if (uri.scheme == "unix") {
    return Fail(ErrorDomain::kUsage, "a card daemon cannot own " + text + ", which is a card daemon's socket",
                "give it the card itself, for example at:/dev/ttyUSB2");
  }
  return uri;
}

/// 0660, as chmod writes it.
Result<mode_t> ParseMode(const std::string& text) {
  constexpr unsigned long kMostRights = 0777;
  char* end = nullptr;
  const unsigned long mode = std::strtoul(text.c_str(), &end, 8);
  if (text.empty() || text.front() == '-' || *end != '\0' || mode > kMostRights) {
    return Fail(ErrorDomain::kUsage, "\"" + text + "\" is no mode of a file", "write it in octal, for example 0660");
  }
  return static_cast<mode_t>(mode);
}

Result<Listener> OpenListener(const CardedArguments& arguments) {
  SR_TRY(auto handed_over, Listener::FromServiceManager());
  if (handed_over) {
    return *std::move(handed_over);
  }
  if (arguments.socket.empty()) {
    return Fail(ErrorDomain::kUsage, "no socket is given", "add --socket PATH, or let systemd start the daemon");
  }
  SR_TRY(const mode_t mode, ParseMode(arguments.mode));
  return Listener::Make({.path = arguments.socket, .mode = mode, .group = arguments.group});
}

/// The one of this user's programs, so that they find what a daemon has left open and it what they have; that of the
/// service manager if that gives one.
std::string LedgerDirectory(const std::string& daemons) {
  const std::string users = device::client::DefaultRuntimeDirectory(device::DefaultCacheDirectory());
  return ::secure_getenv("RUNTIME_DIRECTORY") != nullptr || users.empty() ? daemons : users;
}

Result<void> Serve(const CardedArguments& arguments) {
  SR_TRY(const device::CardUri card, ParseOwnCard(arguments.card));
  // Hanging up the terminal, or a `systemctl reload`, changes nothing here.
  const StopSignal stop(StopSignal::OnHangUp::kIgnore);
  const std::string directory = device::daemon::DefaultDaemonDirectory();
  SR_TRY(const PortClaim claim, PortClaim::Take(directory, card));
  SR_TRY(const Listener listener, OpenListener(arguments));
  StdoutTrace trace;
  DaemonOptions options;
  options.holder.card = card;
  if (card.scheme != "sim") {
    options.holder.runtime_directory = directory;
    options.holder.ledger_directory = LedgerDirectory(directory);
  }
  options.holder.observer = arguments.trace ? &trace : nullptr;
  options.transaction_limit = std::chrono::seconds(arguments.limit_s);
  options.log = [](const std::string& line) { static_cast<void>(std::fprintf(stderr, "%s\n", line.c_str())); };
  options.holder.log = options.log;
  options.on_stop = [] { device::daemon::NotifyServiceManager("STOPPING=1"); };
  Daemon daemon(std::move(options), listener.fd());
  static_cast<void>(PrintLine("serving " + card.text + " on " + listener.path()));
  device::daemon::NotifyServiceManager("READY=1");
  return daemon.Run(stop.fd());
}

void AddPeer(JsonWriter& json, const DaemonStatus::Peer& peer) {
  json.Number("pid", peer.pid).Number("uid", peer.uid).Number("since_ms", peer.since_ms);
}

std::string ToJson(const DaemonStatus& status) {
  JsonWriter json;
  json.BeginObject().Text("card", status.card).Bool("open", status.open).Text("trouble", status.trouble);
  json.Text("iccid", status.iccid).Number("up_s", status.up_s).Number("openings", status.openings);
  json.Number("exchanges", status.exchanges).Number("transactions", status.transactions);
  json.Number("taken_away", status.taken_away).Number("clients", status.clients);
  if (status.holder) {
    json.BeginObject("holder");
    AddPeer(json, *status.holder);
    json.EndObject();
  }
  json.BeginArray("waiting");
  for (const DaemonStatus::Peer& peer : status.waiting) {
    json.BeginObject();
    AddPeer(json, peer);
    json.EndObject();
  }
  json.EndArray().BeginArray("channels");
  for (const DaemonStatus::HeldChannel& channel : status.channels) {
    json.BeginObject().Number("number", channel.number).Text("aid", ToHex(channel.aid)).Bool("clean", channel.clean);
    json.Number("owner_pid", channel.owner).EndObject();
  }
  return json.EndArray().EndObject().text();
}

std::string PeerText(const DaemonStatus::Peer& peer) {
  return "pid " + std::to_string(peer.pid) + " (user " + std::to_string(peer.uid) + "), for " +
         std::to_string(peer.since_ms) + " ms";
}

std::string ToText(const DaemonStatus& status) {
  std::vector<std::vector<std::string>> rows{{"card", status.card}};
  rows.push_back({"port", status.open ? "open" : "closed"});
  if (!status.trouble.empty()) {
    rows.push_back({"trouble", status.trouble});
  }
  rows.push_back({"ICCID", status.iccid.empty() ? "not read yet" : status.iccid});
  rows.push_back(
      {"running", std::to_string(status.up_s) + " s, port opened " + std::to_string(status.openings) + " times"});
  rows.push_back({"exchanges", std::to_string(status.exchanges)});
  rows.push_back(
      {"transactions", std::to_string(status.transactions) + ", " + std::to_string(status.taken_away) + " taken away"});
  rows.push_back({"clients", std::to_string(status.clients)});
  rows.push_back({"has the card", status.holder ? PeerText(*status.holder) : "nobody"});
  for (const DaemonStatus::Peer& peer : status.waiting) {
    rows.push_back({"waits", PeerText(peer)});
  }
  for (const DaemonStatus::HeldChannel& channel : status.channels) {
    rows.push_back({"channel " + std::to_string(channel.number),
                    ToHex(channel.aid) + (channel.clean ? ", clean" : ", in use") +
                        (channel.owner != 0 ? " by pid " + std::to_string(channel.owner) : std::string())});
  }
  return FormatTable(rows);
}

Result<void> ShowStatus(const CardedArguments& arguments) {
  constexpr std::chrono::seconds kLimit{5};
  SR_TRY(const device::CardUri uri, device::ParseCardUri(arguments.status));
  if (uri.scheme != "unix") {
    return Fail(ErrorDomain::kUsage, uri.text + " is not the socket of a card daemon", "write it as unix:PATH");
  }
  SR_TRY(const DaemonStatus status, device::AskDaemonStatus(uri.path, uri.text, Deadline::After(kLimit)));
  if (!PrintLine(arguments.json ? ToJson(status) : ToText(status))) {
    return Fail(ErrorDomain::kStore, "cannot write to stdout");
  }
  return {};
}

}  // namespace

int RunCarded(const CardedArguments& arguments) {
  const auto done = arguments.status.empty() ? Serve(arguments) : ShowStatus(arguments);
  return done ? kDone : Report(done.error());
}

}  // namespace simroot::app
