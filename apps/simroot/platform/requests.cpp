// SPDX-License-Identifier: Apache-2.0
/// What most commands of `simroot platform` do: one request, printed as a table, as lines or as JSON.
#include <boost/json.hpp>

#include "common/base/secret.hpp"
#include "common/host/file_io.hpp"
#include "output.hpp"
#include "platform/client.hpp"
#include "platform/commands.hpp"

namespace simroot::app {
namespace {

[[nodiscard]] const boost::json::value* Member(const boost::json::value& value, std::string_view name) {
  const auto* const object = value.if_object();
  return object != nullptr ? object->if_contains(name) : nullptr;
}

/// All pages of a list.
[[nodiscard]] Result<boost::json::array> ReadList(PlatformClient& client, const PlatformRequest& request) {
  boost::json::array all;
  auto query = request.query;
  query.emplace_back("after", "");
  while (true) {
    SR_TRY(const boost::json::value page, client.Ask(request.method, TargetOf(request.path, query)));
    const auto* const items = Member(page, "items");
    if (items == nullptr || !items->is_array()) {
      return Fail(ErrorDomain::kProtocol, "the platform's answer to " + request.path + " is no list");
    }
    all.insert(all.end(), items->as_array().begin(), items->as_array().end());
    const auto* const next = Member(page, "next");
    if (next == nullptr || next->is_null()) {
      return all;
    }
    query.back().second = Plain(*next);
  }
}

[[nodiscard]] std::string ToTable(const boost::json::array& items, const std::vector<std::string>& columns) {
  std::vector<std::vector<std::string>> rows{columns};
  for (const boost::json::value& item : items) {
    std::vector<std::string>& row = rows.emplace_back();
    for (const std::string& column : columns) {
      const auto* const cell = Member(item, column);
      row.push_back(cell != nullptr ? Plain(*cell) : std::string());
    }
  }
  return FormatTable(rows);
}

[[nodiscard]] std::string ToLines(const boost::json::value& value) {
  std::vector<std::vector<std::string>> rows;
  if (const auto* const object = value.if_object(); object != nullptr) {
    for (const auto& [name, member] : *object) {
      rows.push_back({std::string(name), Plain(member)});
    }
  }
  return rows.empty() ? "done" : FormatTable(rows);
}

[[nodiscard]] Result<std::string> Run(const PlatformClientOptions& options, const PlatformRequest& request) {
  SR_TRY(PlatformClient client, PlatformClient::Create(options));
  if (!request.columns.empty()) {
    SR_TRY(const boost::json::array items, ReadList(client, request));
    return options.json ? boost::json::serialize(items) : ToTable(items, request.columns);
  }
  SR_TRY(const boost::json::value answer,
         client.Ask(request.method, TargetOf(request.path, request.query), request.body));
  return options.json ? boost::json::serialize(answer) : ToLines(answer);
}

}  // namespace

int RunPlatformRequest(const PlatformClientOptions& options, const PlatformRequest& request) {
  const auto text = Run(options, request);
  if (!text) {
    return Report(text.error());
  }
  return PrintLine(*text) ? kDone : kFailed;
}

int RunPlatformPutPolicy(const PlatformClientOptions& options, const std::string& tenant, const std::string& name,
                         const std::string& changes) {
  const std::string path = "/v1/tenants/" + tenant + "/policies";
  auto client = PlatformClient::Create(options);
  if (!client) {
    return Report(client.error());
  }
  const auto policies = ReadList(*client, {.path = path});
  if (!policies) {
    return Report(policies.error());
  }
  // The API replaces all of a policy, so what is to stay has to be said.
  boost::json::object body;
  for (const boost::json::value& policy : *policies) {
    const auto* const its_name = Member(policy, "name");
    if (its_name != nullptr && Plain(*its_name) == name) {
      body = policy.as_object();
    }
  }
  for (const char* const not_given : {"id", "tenant", "name"}) {
    body.erase(not_given);
  }
  const auto* const authority = body.if_contains("authority");
  if (authority != nullptr && authority->is_null()) {
    body.erase("authority");
  }
  const boost::json::value given = boost::json::parse(changes);
  for (const auto& [member, value] : given.as_object()) {
    body[member] = value;
  }
  return RunPlatformRequest(options,
                            {.method = "PUT", .path = path + "/" + name, .body = boost::json::serialize(body)});
}

int RunPlatformImportCa(const PlatformClientOptions& options, const std::string& tenant, const std::string& name,
                        const std::string& certificates, const std::string& key) {
  constexpr std::size_t kMaxPem = 256UL << 10U;
  const auto certificate_text = ReadWholeFile(certificates, kMaxPem);
  if (!certificate_text) {
    return Report(certificate_text.error());
  }
  auto key_text = ReadWholeFile(key, kMaxPem);
  if (!key_text) {
    return Report(key_text.error());
  }
  boost::json::object body{
      {"name", name}, {"certificates", AsText(*certificate_text)}, {"private_key", AsText(*key_text)}};
  PlatformRequest request{
      .method = "POST", .path = "/v1/tenants/" + tenant + "/authorities", .body = boost::json::serialize(body)};
  const int status = RunPlatformRequest(options, request);
  Wipe(*key_text);
  Wipe({reinterpret_cast<std::uint8_t*>(request.body.data()), request.body.size()});
  auto& in_body = body["private_key"].as_string();
  Wipe({reinterpret_cast<std::uint8_t*>(in_body.data()), in_body.size()});
  return status;
}

int RunPlatformDownload(const PlatformClientOptions& options, const std::string& path, const std::string& out) {
  auto client = PlatformClient::Create(options);
  if (!client) {
    return Report(client.error());
  }
  const auto reply = client->Send("GET", path);
  if (!reply) {
    return Report(reply.error());
  }
  if (out.empty()) {
    return PrintLine(reply->body) ? kDone : kFailed;
  }
  if (const auto written = WriteFileAtomically(out, AsBytes(reply->body), 0644); !written) {
    return Report(written.error());
  }
  return kDone;
}

}  // namespace simroot::app
