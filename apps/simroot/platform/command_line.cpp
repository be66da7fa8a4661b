// SPDX-License-Identifier: Apache-2.0
/// The command line of `simroot platform`: which command is which request of the REST API (docs/api.md).
#include "platform/command_line.hpp"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "platform/commands.hpp"
#include "platform/domain/life_cycle.hpp"

namespace simroot::app {

/// State of one invocation.
struct PlatformArguments {
  PlatformInitArguments init;
  PlatformServeArguments serve;
  PlatformBackupArguments backup;
  PlatformClientOptions client;
  std::string tenant = "default";
  std::string iccid;
  std::string id;
  std::string name;
  std::string state;
  std::string kind;
  std::string reason;
  std::string role = "viewer";
  std::string file;
  std::string key;
  std::string out;
  std::string label;
  std::string key_type;
  std::string certificate_profile;
  std::string attesting_key;
  std::int64_t days = 0;
  std::int64_t renew_days = 0;
  std::uint64_t psk_size = 0;
  std::int64_t ca = 0;
  bool renew_same_key = false;
  bool renew_new_key = false;
};

namespace {

using Action = std::function<int()>;
using Request = std::function<PlatformRequest(const PlatformArguments&)>;

/// Everything needed to add one more command.
struct Builder {
  CLI::App& group;
  PlatformArguments& arguments;
  Action& action;

  [[nodiscard]] Builder Group(const char* name, const char* help) const {
    CLI::App& made = *group.add_subcommand(name, help);
    made.require_subcommand(1);
    return {made, arguments, action};
  }

  /// A command that does `run`.
  CLI::App& Command(const char* name, const char* help, std::function<int(const PlatformArguments&)> run) const {
    CLI::App& command = *group.add_subcommand(name, help);
    command.callback([this_action = &action, these = &arguments, run = std::move(run)] {
      *this_action = [these, run] { return run(*these); };
    });
    return command;
  }

  /// A command that is one request.
  CLI::App& Ask(const char* name, const char* help, const Request& request) const {
    CLI::App& command = Command(name, help, [request](const PlatformArguments& given) {
      return RunPlatformRequest(given.client, request(given));
    });
    AddClientOptions(command);
    return command;
  }

  void AddClientOptions(CLI::App& command) const {
    command
        .add_option(
            "--dir", arguments.client.directory,
            "the platform's directory, on its own machine; without it SIMROOT_PLATFORM (URL), SIMROOT_TOKEN and "
            "SIMROOT_PLATFORM_CA")
        ->type_name("DIR");
    command.add_flag("--json", arguments.client.json, "print the answer as JSON");
  }
  void AddTenant(CLI::App& command) const {
    command.add_option("--tenant", arguments.tenant, "whose")->capture_default_str();
  }
  void AddIccid(CLI::App& command) const { command.add_option("ICCID", arguments.iccid, "the card")->required(); }
  void AddId(CLI::App& command, const char* help) const { command.add_option("ID", arguments.id, help)->required(); }
};

/// The names of an enumeration: what else is given is refused with all of them.
template <typename Enum>
[[nodiscard]] CLI::IsMember OneOf() {
  std::vector<std::string> names;
  for (const auto& row : platform::NamesOf(Enum{})) {
    names.emplace_back(row.name);
  }
  return CLI::IsMember(names);
}

[[nodiscard]] std::string Body(std::initializer_list<std::pair<std::string_view, std::string>> members) {
  boost::json::object object;
  for (const auto& [name, value] : members) {
    object[name] = value;
  }
  return boost::json::serialize(object);
}

void AddTenantCommands(const Builder& platform) {
  const Builder tenant = platform.Group("tenant", "owners of cards and devices");
  tenant.Ask("list", "all tenants", [](const auto&) {
    return PlatformRequest{.path = "/v1/tenants", .columns = {"id", "name", "created"}};
  });
  tenant
      .Ask("create", "a new tenant with its own CAs",
           [](const auto& given) {
             return PlatformRequest{.method = "POST", .path = "/v1/tenants", .body = Body({{"name", given.name}})};
           })
      .add_option("NAME", platform.arguments.name, "a-z 0-9 . _ -")
      ->required();
}

void AddCardCommands(const Builder& platform) {
  const Builder card = platform.Group("card", "the inventory of cards");
  CLI::App& import =
      card.Command("import", "take over the file of card keys that a factory wrote",
                   [](const auto& given) { return RunPlatformImport(given.client, given.file, given.tenant); });
  import.add_option("F.csv", platform.arguments.file, "as `simroot card create --export-keys` writes it")->required();
  card.AddTenant(import);
  card.AddClientOptions(import);
  CLI::App& list = card.Ask("list", "all cards", [](const auto& given) {
    return PlatformRequest{.path = "/v1/cards",
                           .query = {{"state", given.state}, {"iccid", given.iccid}},
                           .columns = {"iccid", "tenant", "profile", "state", "policy", "last_contact"}};
  });
  list.add_option("--state", platform.arguments.state, "imported, active, suspended, retired")
      ->check(OneOf<platform::CardState>());
  list.add_option("--iccid", platform.arguments.iccid, "how the ICCID begins");
  card.AddIccid(card.Ask("show", "one card",
                         [](const auto& given) { return PlatformRequest{.path = "/v1/cards/" + given.iccid}; }));
  const auto change = [&card](const char* name, const char* help, const char* state) {
    card.AddIccid(card.Ask(name, help, [state](const auto& given) {
      return PlatformRequest{
          .method = "PATCH", .path = "/v1/cards/" + given.iccid, .body = Body({{"state", std::string(state)}})};
    }));
  };
  change("suspend", "refuse its device for now", "suspended");
  change("resume", "accept its device again", "active");
  change("retire", "for good; its keys are deleted", "retired");
  CLI::App& policy = card.Ask("policy", "how its credentials are made", [](const auto& given) {
    return PlatformRequest{
        .method = "PATCH", .path = "/v1/cards/" + given.iccid, .body = Body({{"policy", given.name}})};
  });
  card.AddIccid(policy);
  policy.add_option("NAME", platform.arguments.name, "of a policy")->required();
  CLI::App& owner =
      card.Ask("owner", "give it to another tenant: erased, then switched on anew", [](const auto& given) {
        return PlatformRequest{
            .method = "PATCH", .path = "/v1/cards/" + given.iccid, .body = Body({{"tenant", given.name}})};
      });
  card.AddIccid(owner);
  owner.add_option("TENANT", platform.arguments.name, "its new owner")->required();
}

void AddDeviceCommands(const Builder& platform) {
  const Builder device = platform.Group("device", "what the cards are in");
  device.Ask("list", "all devices", [](const auto&) {
    return PlatformRequest{.path = "/v1/devices", .columns = {"id", "name", "iccid", "tenant", "created"}};
  });
  CLI::App& name = device.Ask("name", "name the device that a card is in", [](const auto& given) {
    return PlatformRequest{
        .method = "PUT", .path = "/v1/cards/" + given.iccid + "/device", .body = Body({{"name", given.name}})};
  });
  device.AddIccid(name);
  name.add_option("NAME", platform.arguments.name, "1 to 64 characters")->required();
}

void AddCredentialCommands(const Builder& platform) {
  const Builder credential = platform.Group("credential", "certificates and pre-shared keys");
  CLI::App& list = credential.Ask("list", "all credentials", [](const auto& given) {
    return PlatformRequest{.path = "/v1/credentials",
                           .query = {{"iccid", given.iccid}, {"state", given.state}, {"kind", given.kind}},
                           .columns = {"id", "iccid", "kind", "state", "name", "not_after"}};
  });
  list.add_option("--iccid", platform.arguments.iccid, "of one card");
  list.add_option("--state", platform.arguments.state, "active, superseded, suspended, revoked, ...")
      ->check(OneOf<platform::CredentialState>());
  list.add_option("--kind", platform.arguments.kind, "certificate or psk")->check(OneOf<platform::CredentialKind>());
  credential.AddId(
      credential.Ask("show", "one credential",
                     [](const auto& given) { return PlatformRequest{.path = "/v1/credentials/" + given.id}; }),
      "of a credential");
  CLI::App& certificate = credential.Command("certificate", "the certificate in PEM", [](const auto& given) {
    return RunPlatformDownload(given.client, "/v1/credentials/" + given.id + "/certificate", given.out);
  });
  credential.AddId(certificate, "of a credential");
  certificate.add_option("--out", platform.arguments.out, "a file instead of stdout");
  credential.AddClientOptions(certificate);
  const auto change = [&](const char* name, const char* help, const char* state) {
    CLI::App& command = credential.Ask(name, help, [state](const auto& given) {
      return PlatformRequest{.method = "POST",
                             .path = "/v1/credentials/" + given.id + "/state",
                             .body = Body({{"state", std::string(state)}, {"reason", given.reason}})};
    });
    credential.AddId(command, "of a credential");
    command.add_option("--reason", platform.arguments.reason, "of RFC 5280: keyCompromise, superseded, ...");
  };
  change("revoke", "refuse it for good, and delete it from the card", "revoked");
  change("suspend", "refuse it for now", "suspended");
  change("resume", "accept it again", "active");
}

/// What is given of a policy, as the API has it.
[[nodiscard]] boost::json::object PolicyChanges(const PlatformArguments& given) {
  constexpr std::int64_t kDay = 86400;
  boost::json::object body;
  const auto put = [&body](std::string_view name, const std::string& value) {
    if (!value.empty()) {
      body[name] = value;
    }
  };
  put("kind", given.kind);
  put("key_type", given.key_type);
  put("certificate_profile", given.certificate_profile);
  put("label", given.label);
  put("attesting_key", given.attesting_key);
  if (given.days != 0) {
    body["lifetime_s"] = given.days * kDay;
  }
  if (given.renew_days != 0) {
    body["renew_before_s"] = given.renew_days * kDay;
  }
  if (given.psk_size != 0) {
    body["psk_size"] = given.psk_size;
  }
  if (given.ca != 0) {
    body["authority"] = given.ca;
  }
  if (given.renew_same_key || given.renew_new_key) {
    body["rotate_key"] = given.renew_new_key;
  }
  return body;
}

void AddPolicyCommands(const Builder& platform) {
  PlatformArguments& arguments = platform.arguments;
  const Builder policy = platform.Group("policy", "how credentials are made");
  policy.AddTenant(policy.Ask("list", "the policies of a tenant", [](const auto& given) {
    return PlatformRequest{.path = "/v1/tenants/" + given.tenant + "/policies",
                           .columns = {"name", "kind", "key_type", "lifetime_s", "renew_before_s", "label"}};
  }));
  CLI::App& set = policy.Command("set", "change one, or make one; what is not given stays, or is as by default",
                                 [](const auto& given) {
                                   return RunPlatformPutPolicy(given.client, given.tenant, given.name,
                                                               boost::json::serialize(PolicyChanges(given)));
                                 });
  set.add_option("NAME", arguments.name, "of the policy")->required();
  policy.AddTenant(set);
  policy.AddClientOptions(set);
  set.add_option("--kind", arguments.kind, "certificate (Type I) or psk (Type II)")
      ->check(OneOf<platform::CredentialKind>());
  set.add_option("--key-type", arguments.key_type, "p256, brainpoolP256r1, p384, rsa2048");
  set.add_option("--ca", arguments.ca, "id of the CA that issues; see `simroot platform ca list`")
      ->check(CLI::PositiveNumber);
  set.add_option("--profile", arguments.certificate_profile, "of the certificates");
  set.add_option("--days", arguments.days, "a certificate is valid")->check(CLI::Range(1, 36500));
  set.add_option("--renew-days", arguments.renew_days, "before its end a successor is made")
      ->check(CLI::Range(1, 36500));
  CLI::Option* const same_key = set.add_flag("--same-key", arguments.renew_same_key, "successors keep the key");
  set.add_flag("--new-key", arguments.renew_new_key, "successors get a new key, as by default")->excludes(same_key);
  set.add_option("--psk-size", arguments.psk_size, "bytes of a pre-shared key");
  set.add_option("--label", arguments.label, "of the active key on the card");
  set.add_option("--attesting-key", arguments.attesting_key, "hexadecimal identifier");
}

void AddJobCommands(const Builder& platform) {
  const Builder job = platform.Group("job", "what is to be done on the cards");
  CLI::App& list = job.Ask("list", "all jobs", [](const auto& given) {
    return PlatformRequest{.path = "/v1/jobs",
                           .query = {{"iccid", given.iccid}, {"state", given.state}},
                           .columns = {"id", "iccid", "kind", "state", "attempts", "error"}};
  });
  list.add_option("--iccid", platform.arguments.iccid, "of one card");
  list.add_option("--state", platform.arguments.state, "queued, running, done, failed, cancelled")
      ->check(OneOf<platform::JobState>());
  job.AddId(
      job.Ask("show", "one job", [](const auto& given) { return PlatformRequest{.path = "/v1/jobs/" + given.id}; }),
      "of a job");
  job.AddId(job.Ask("steps", "every command of a job and what the card said",
                    [](const auto& given) {
                      return PlatformRequest{.path = "/v1/jobs/" + given.id + "/steps",
                                             .columns = {"number", "time", "what", "sw", "detail"}};
                    }),
            "of a job");
  CLI::App& request = job.Ask("request", "queue a job for the next contact of a card", [](const auto& given) {
    return PlatformRequest{
        .method = "POST", .path = "/v1/jobs", .body = Body({{"iccid", given.iccid}, {"kind", given.kind}})};
  });
  job.AddIccid(request);
  // What changes the state of a credential is asked for by that.
  request.add_option("KIND", platform.arguments.kind, "what is to be done")
      ->check(CLI::IsMember({"switch-on", "rotate", "renew", "erase", "update-trust", "replace-keys"}))
      ->required();
  for (const auto& [name, help] :
       {std::pair("cancel", "a queued job"), std::pair("retry", "a failed job, once more")}) {
    const std::string verb = name;
    job.AddId(job.Ask(name, help,
                      [verb](const auto& given) {
                        return PlatformRequest{.method = "POST", .path = "/v1/jobs/" + given.id + "/" + verb};
                      }),
              "of a job");
  }
}

void AddCaCommands(const Builder& platform) {
  const Builder ca = platform.Group("ca", "the CAs of tenants");
  ca.AddTenant(ca.Ask("list", "the CAs of a tenant", [](const auto& given) {
    return PlatformRequest{.path = "/v1/tenants/" + given.tenant + "/authorities",
                           .columns = {"id", "name", "issues", "retired", "not_after"}};
  }));
  ca.AddTenant(ca.Ask("rotate", "a further issuing CA that issues from now on", [](const auto& given) {
    return PlatformRequest{.method = "POST", .path = "/v1/tenants/" + given.tenant + "/authorities", .body = Body({})};
  }));
  CLI::App& import =
      ca.Command("import", "an issuing CA from elsewhere that issues from now on", [](const auto& given) {
        return RunPlatformImportCa(given.client, given.tenant, given.name, given.file, given.key);
      });
  import.add_option("NAME", platform.arguments.name, "a-z 0-9 . _ -")->required();
  import.add_option("CERTIFICATE", platform.arguments.file, "PEM, with its chain")->required();
  import.add_option("KEY", platform.arguments.key, "its private key, PEM, not enciphered")->required();
  ca.AddTenant(import);
  ca.AddClientOptions(import);
  CLI::App& crl = ca.Command("crl", "the current CRL of a CA (DER)", [](const auto& given) {
    return RunPlatformDownload(given.client, "/v1/authorities/" + given.id + "/crl", given.out);
  });
  ca.AddId(crl, "of a CA");
  crl.add_option("--out", platform.arguments.out, "the file")->required();
  ca.AddClientOptions(crl);
  CLI::App& anchors = ca.Command("trust-anchors", "what application servers trust (PEM)", [](const auto& given) {
    return RunPlatformDownload(given.client, "/v1/tenants/" + given.tenant + "/trust-anchors.pem", given.out);
  });
  ca.AddTenant(anchors);
  anchors.add_option("--out", platform.arguments.out, "a file instead of stdout");
  ca.AddClientOptions(anchors);
}

void AddAccessCommands(const Builder& platform) {
  PlatformArguments& arguments = platform.arguments;
  const Builder token = platform.Group("token", "who may use the API");
  token.Ask("list", "all tokens", [](const auto&) {
    return PlatformRequest{.path = "/v1/tokens", .columns = {"id", "name", "role", "tenant", "not_after", "revoked"}};
  });
  CLI::App& create = token.Ask("create", "a new token; it is shown only now", [](const auto& given) {
    boost::json::object body{{"name", given.name}, {"role", given.role}};
    if (!given.label.empty()) {
      body["tenant"] = given.label;
    }
    if (given.days != 0) {
      body["lifetime_s"] = given.days * 86400;
    }
    return PlatformRequest{.method = "POST", .path = "/v1/tokens", .body = boost::json::serialize(body)};
  });
  create.add_option("NAME", arguments.name, "as in the audit log")->required();
  create.add_option("--role", arguments.role, "viewer, operator, admin")
      ->check(OneOf<platform::Role>())
      ->capture_default_str();
  create.add_option("--tenant", arguments.label, "the only tenant it is for");
  create.add_option("--days", arguments.days, "that it is valid; without it for ever")->check(CLI::Range(1, 36500));
  token.AddId(token.Ask("revoke", "a token",
                        [](const auto& given) {
                          return PlatformRequest{.method = "DELETE", .path = "/v1/tokens/" + given.id};
                        }),
              "of a token");
  const Builder server = platform.Group("server", "application servers");
  server.Ask("list", "all application servers", [](const auto&) {
    return PlatformRequest{.path = "/v1/servers", .columns = {"id", "name", "tenant", "created", "revoked"}};
  });
  CLI::App& invite = server.Ask("invite", "a one-time token for the first contact of a server", [](const auto& given) {
    return PlatformRequest{
        .method = "POST", .path = "/v1/servers", .body = Body({{"tenant", given.tenant}, {"name", given.name}})};
  });
  invite.add_option("NAME", arguments.name, "of the server")->required();
  server.AddTenant(invite);
  server.AddId(server.Ask("revoke", "an application server",
                          [](const auto& given) {
                            return PlatformRequest{.method = "DELETE", .path = "/v1/servers/" + given.id};
                          }),
               "of a server");
  const Builder audit = platform.Group("audit", "the log of all changes, chained by hash");
  audit.Ask("list", "all entries", [](const auto&) {
    return PlatformRequest{.path = "/v1/audit", .columns = {"number", "time", "actor", "action", "object", "detail"}};
  });
  audit.Ask("verify", "is the chain whole?", [](const auto&) { return PlatformRequest{.path = "/v1/audit/verify"}; });
}

void AddOwnCommands(const Builder& platform) {
  PlatformArguments& arguments = platform.arguments;
  CLI::App& init = platform.Command("init", "a new platform in an empty directory",
                                    [](const auto& given) { return RunPlatformInit(given.init); });
  init.add_option("--dir", arguments.init.directory, "where it keeps everything")->type_name("DIR")->required();
  init.add_option("--listen", arguments.init.listen, "address and port of its server")->capture_default_str();
  init.add_option("--name", arguments.init.names, "a further DNS name or address of the server; may be repeated");
  init.add_option("--tenant", arguments.init.tenant, "the first tenant")->capture_default_str();
  init.add_flag("--json", arguments.init.json, "print the result as JSON");
  CLI::App& serve = platform.Command("serve", "serve devices, operators and application servers until stopped",
                                     [](const auto& given) { return RunPlatformServe(given.serve); });
  serve.add_option("--dir", arguments.serve.directory, "that `init` made")->type_name("DIR")->required();
  serve.add_option("--listen", arguments.serve.listen, "another address and port; port 0: any free one");
  CLI::App& backup = platform.Command("backup", "everything of a platform at one moment, while it runs",
                                      [](const auto& given) { return RunPlatformBackup(given.backup); });
  backup.add_option("--dir", arguments.backup.directory, "the platform's directory")->type_name("DIR")->required();
  backup.add_option("OUT", arguments.backup.out, "a directory that does not exist yet; `serve` takes it as it is")
      ->required();
}

}  // namespace

std::shared_ptr<PlatformArguments> AddPlatformCommands(CLI::App& app, std::function<int()>& action) {
  auto arguments = std::make_shared<PlatformArguments>();
  CLI::App& group = *app.add_subcommand("platform", "the Security Services Platform, and its client");
  group.require_subcommand(1);
  const Builder platform{group, *arguments, action};
  AddOwnCommands(platform);
  AddTenantCommands(platform);
  AddCardCommands(platform);
  AddDeviceCommands(platform);
  AddCredentialCommands(platform);
  AddPolicyCommands(platform);
  AddJobCommands(platform);
  AddCaCommands(platform);
  AddAccessCommands(platform);
  return arguments;
}

}  // namespace simroot::app
