// SPDX-License-Identifier: Apache-2.0
/// The command line of `simroot server`: the application server's side of the platform.
#include "server/command_line.hpp"

#include <CLI/CLI.hpp>

#include "server/commands.hpp"

namespace simroot::app {

/// State of one invocation.
struct ServerArguments {
  ServerEnrolArguments enrol;
  ServerInspectArguments inspect;
  ServerAgentArguments agent;
};

namespace {

void AddEnrol(CLI::App& server, ServerArguments& arguments, std::function<int()>& action) {
  ServerEnrolArguments& enrol = arguments.enrol;
  CLI::App& command = *server.add_subcommand(
      "enrol", "make this server known to the platform, with the one-time token of an invitation");
  command.add_option("--dir", enrol.directory, "where its identity will be; made if it is not there")
      ->required()
      ->type_name("DIR");
  command.add_option("--platform", enrol.platform, "address of the platform")
      ->required()
      ->type_name("URL")
      ->envname("SIMROOT_PLATFORM");
  command.add_option("--ca", enrol.ca, "trust this CA for the platform: DIR/ca.pem of the platform")
      ->required()
      ->type_name("FILE")
      ->envname("SIMROOT_PLATFORM_CA");
  CLI::Option* const file =
      command.add_option("--token-file", enrol.token_file, "file with the one-time token; -: standard input")
          ->type_name("FILE");
  command
      .add_option("--token", enrol.token,
                  "the one-time token itself; everybody on this machine can see it in the list of processes")
      ->excludes(file);
  command.add_flag("--json", enrol.json, "print the result as JSON");
  command.callback([&action, &enrol] { action = [&enrol] { return RunServerEnrol(enrol); }; });
}

void AddInspection(CLI::App& server, ServerArguments& arguments, std::function<int()>& action, const char* name,
                   const char* help, int (*run)(const ServerInspectArguments&)) {
  CLI::App& command = *server.add_subcommand(name, help);
  command.add_option("--dir", arguments.inspect.directory, "what `simroot server enrol` made")
      ->required()
      ->type_name("DIR");
  command.add_flag("--json", arguments.inspect.json, "print the result as JSON");
  command.callback([&action, &arguments, run] { action = [&arguments, run] { return run(arguments.inspect); }; });
}

void AddAgent(CLI::App& server, ServerArguments& arguments, std::function<int()>& action) {
  ServerAgentArguments& agent = arguments.agent;
  CLI::App& command =
      *server.add_subcommand("agent", "keep files for nginx, HAProxy and others in step with the platform");
  command.add_option("--dir", agent.directory, "what `simroot server enrol` made; for this agent alone")
      ->required()
      ->type_name("DIR");
  command.add_option("--output", agent.output, "where the files go; made if it is not there")
      ->required()
      ->type_name("DIR");
  command.add_option("--reload", agent.reload, "run this after a change, without a shell; may be given several times")
      ->type_name("COMMAND")
      ->allow_extra_args(false);
  command
      .add_option("--max-staleness", agent.max_staleness_s,
                  "so many seconds may pass without a word from the platform; 0: any number")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--when-stale", agent.when_stale, "then: refuse everybody, or go on with what is known (no CRLs)")
      ->check(CLI::IsMember({"closed", "open"}))
      ->capture_default_str();
  command.add_flag("--no-psk", agent.no_psk, "do not write pre-shared keys to disk");
  command.add_flag("--no-crl", agent.no_crl, "do not write CRLs: the lists of devices say all that they say");
  command.add_flag("--once", agent.once, "write the files, reload, and end");
  command.callback([&action, &agent] { action = [&agent] { return RunServerAgent(agent); }; });
}

}  // namespace

std::shared_ptr<ServerArguments> AddServerCommands(CLI::App& app, std::function<int()>& action) {
  auto arguments = std::make_shared<ServerArguments>();
  CLI::App& server = *app.add_subcommand("server", "the application server's side: who may connect");
  server.require_subcommand(1);
  AddEnrol(server, *arguments, action);
  AddInspection(server, *arguments, action, "status", "who it is, and how far it is with the platform",
                RunServerStatus);
  AddInspection(server, *arguments, action, "devices", "what it knows of devices, without keys", RunServerDevices);
  AddAgent(server, *arguments, action);
  return arguments;
}

}  // namespace simroot::app
