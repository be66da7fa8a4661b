// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace simroot::app {

/// A bash script that completes the subcommands and options `app` has; files everywhere else.
[[nodiscard]] inline std::string BashCompletion(const CLI::App& app) {
  const auto words_of = [](const CLI::App& command) {
    std::string words;
    for (const CLI::App* sub : command.get_subcommands({})) {
      words += sub->get_name() + " ";
    }
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) {
        words += "--" + name + " ";
      }
    }
    return words;
  };
  std::string cases;
  for (const CLI::App* group : app.get_subcommands({})) {
    cases += "    " + group->get_name() + ") words='" + words_of(*group) + "' ;;\n";
    for (const CLI::App* command : group->get_subcommands({})) {
      cases += "    '" + group->get_name() + " " + command->get_name() + "') words='" + words_of(*command) + "' ;;\n";
    }
  }
  return "_simroot() {\n"
         "  local words='" +
         words_of(app) +
         "' path='' word\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case \"$word\" in -*) ;; *) path=\"${path:+$path }$word\" ;; esac\n"
         "  done\n"
         "  set -- $path\n"
         "  case \"$1${2:+ $2}\" in\n" +
         cases +
         "  esac\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n"
         "}\n"
         "complete -o default -F _simroot simroot";
}

}  // namespace simroot::app
