// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

namespace CLI {  // NOLINT(readability-identifier-naming): the name of the library
class App;
}

namespace simroot::app {

struct ServerArguments;

/// Adds `server` with all its commands. What was asked for is put into `action`. The result must live as long as the
/// parser.
[[nodiscard]] std::shared_ptr<ServerArguments> AddServerCommands(CLI::App& app, std::function<int()>& action);

}  // namespace simroot::app
