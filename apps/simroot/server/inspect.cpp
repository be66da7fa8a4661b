// SPDX-License-Identifier: Apache-2.0
/// `simroot server status` and `simroot server devices`: what a directory tells while the platform may be away.
#include <unistd.h>

#include <ctime>
#include <map>
#include <set>

#include "output.hpp"
#include "platform/home.hpp"
#include "server/commands.hpp"
#include "server/sync/identity.hpp"
#include "server/sync/local_copy.hpp"

namespace simroot::app {
namespace {

using server::Credential;
using server::CredentialKind;
using server::CredentialState;

/// What the local copy holds; keys are wiped while it is read.
struct Inventory {
  server::SyncPoint point;
  std::string why;  ///< there is nothing; empty: there is
  std::map<server::CredentialId, Credential> credentials;
};

[[nodiscard]] Result<Inventory> ReadCopy(const server::Identity& identity) {
  Inventory inventory;
  const std::string file = server::IdentityFiles(identity.directory).copy;
  if (::access(file.c_str(), F_OK) != 0) {
    inventory.why = "no program has used it yet";
    return inventory;
  }
  SR_TRY(const auto copy, server::LocalCopy::Open(file, identity.private_key));
  const auto visit = [&](Credential&& credential) {
    credential.psk = SecretBytes();
    if (credential.kind == CredentialKind::kPsk && credential.state == CredentialState::kDeleted) {
      inventory.credentials.erase(credential.id);
    } else {
      inventory.credentials.insert_or_assign(credential.id, std::move(credential));
    }
  };
  SR_TRY(inventory.point, copy->Load(visit, inventory.why));
  return inventory;
}

[[nodiscard]] std::string TimeText(server::UnixTime time) {
  const std::time_t since = time;
  std::tm parts{};
  std::array<char, 32> text{};
  if (time == 0 || ::gmtime_r(&since, &parts) == nullptr) {
    return "";
  }
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

[[nodiscard]] std::string_view KindText(CredentialKind kind) {
  return kind == CredentialKind::kPsk ? "psk" : "certificate";
}

/// How many there are of a state, and of how many devices.
struct Counts {
  std::map<std::string, std::uint64_t> of_state;
  std::uint64_t devices = 0;
};

[[nodiscard]] Counts Count(const Inventory& inventory) {
  Counts counts;
  std::set<std::string_view> iccids;
  for (const auto& [id, credential] : inventory.credentials) {
    ++counts.of_state[std::string(NameOf(credential.state))];
    iccids.insert(credential.iccid);
  }
  counts.devices = iccids.size();
  return counts;
}

[[nodiscard]] std::string StatusJson(const server::Identity& identity, const Inventory& inventory) {
  const Counts counts = Count(inventory);
  const bool known = inventory.point.feed_number >= 0;
  JsonWriter json;
  json.BeginObject().Text("name", identity.name).Text("tenant", identity.tenant);
  json.Text("platform", identity.platform_url).Text("certificate_ends", TimeText(identity.not_after));
  json.Bool("certificate_ended", std::time(nullptr) > identity.not_after).Bool("has_copy", known);
  json.Text("last_contact", TimeText(inventory.point.contact));
  json.Number("feed", known ? static_cast<std::uint64_t>(inventory.point.feed_number) : 0);
  json.Number("credentials", inventory.credentials.size()).Number("devices", counts.devices);
  json.BeginObject("states");
  for (const auto& [state, number] : counts.of_state) {
    json.Number(state, number);
  }
  return json.EndObject().EndObject().text();
}

[[nodiscard]] std::string StatusTable(const server::Identity& identity, const Inventory& inventory) {
  const Counts counts = Count(inventory);
  const bool ended = std::time(nullptr) > identity.not_after;
  std::vector<std::vector<std::string>> rows{
      {"server", identity.name},
      {"tenant", identity.tenant},
      {"platform", identity.platform_url},
      {"certificate ends", TimeText(identity.not_after) + (ended ? " (over: enrol it anew)" : "")}};
  if (inventory.point.feed_number < 0) {
    rows.push_back({"local copy", "none: " + inventory.why});
    return FormatTable(rows);
  }
  rows.push_back({"last contact", TimeText(inventory.point.contact)});
  rows.push_back({"feed number", std::to_string(inventory.point.feed_number)});
  rows.push_back({"devices", std::to_string(counts.devices)});
  rows.push_back({"credentials", std::to_string(inventory.credentials.size())});
  for (const auto& [state, number] : counts.of_state) {
    rows.push_back({"  " + state, std::to_string(number)});
  }
  if (!inventory.why.empty()) {
    rows.push_back({"note", inventory.why});
  }
  return FormatTable(rows);
}

[[nodiscard]] std::string DevicesJson(const Inventory& inventory) {
  JsonWriter json;
  json.BeginArray();
  for (const auto& [id, credential] : inventory.credentials) {
    json.BeginObject().Number("id", static_cast<std::uint64_t>(id)).Text("iccid", credential.iccid);
    json.Text("device", credential.device).Text("kind", KindText(credential.kind));
    json.Text("state", NameOf(credential.state)).Text("name", credential.name);
    json.Text("not_before", TimeText(credential.not_before)).Text("not_after", TimeText(credential.not_after));
    json.Text("first_used", TimeText(credential.first_used)).Text("changed", TimeText(credential.changed));
    json.EndObject();
  }
  return json.EndArray().text();
}

[[nodiscard]] std::string DevicesTable(const Inventory& inventory) {
  std::vector<std::vector<std::string>> rows{{"iccid", "device", "kind", "state", "name", "not_after", "first_used"}};
  for (const auto& [id, credential] : inventory.credentials) {
    rows.push_back({credential.iccid, credential.device, std::string(KindText(credential.kind)),
                    std::string(NameOf(credential.state)), credential.name, TimeText(credential.not_after),
                    TimeText(credential.first_used)});
  }
  return FormatTable(rows);
}

[[nodiscard]] Result<Inventory> Inspect(const std::string& directory, server::Identity& identity) {
  SR_TRY(identity, server::LoadIdentity(directory));
  return ReadCopy(identity);
}

}  // namespace

int RunServerStatus(const ServerInspectArguments& arguments) {
  HideMemory();
  server::Identity identity;
  const auto inventory = Inspect(arguments.directory, identity);
  if (!inventory) {
    return Report(inventory.error());
  }
  const std::string text = arguments.json ? StatusJson(identity, *inventory) : StatusTable(identity, *inventory);
  return PrintLine(text) ? kDone : kFailed;
}

int RunServerDevices(const ServerInspectArguments& arguments) {
  HideMemory();
  server::Identity identity;
  const auto inventory = Inspect(arguments.directory, identity);
  if (!inventory) {
    return Report(inventory.error());
  }
  if (inventory->point.feed_number < 0) {
    return Report({ErrorDomain::kStore, arguments.directory + " knows no devices yet: " + inventory->why,
                   "start the program that uses it, or the agent (simroot server agent)"});
  }
  const std::string text = arguments.json ? DevicesJson(*inventory) : DevicesTable(*inventory);
  return PrintLine(text) ? kDone : kFailed;
}

}  // namespace simroot::app
