// SPDX-License-Identifier: Apache-2.0
/// `simroot server agent`: keeps files for nginx, HAProxy and others in step with the platform, until it is stopped.
#include "server/agent/agent.hpp"

#include <poll.h>

#include "device/daemon/listener.hpp"
#include "output.hpp"
#include "platform/home.hpp"
#include "server/commands.hpp"
#include "server/middleware/log.hpp"
#include "stop_signal.hpp"

namespace simroot::app {
namespace {

[[nodiscard]] Result<void> RunAgent(const ServerAgentArguments& arguments) {
  server::AgentOptions options;
  options.out = arguments.output;
  options.psk = !arguments.no_psk;
  options.crl = !arguments.no_crl && arguments.when_stale != "open";
  options.log = server::LogToStderr;
  for (const std::string& line : arguments.reload) {
    SR_TRY(server::Command command, server::SplitCommand(line));
    options.reload.push_back(std::move(command));
  }
  server::MiddlewareOptions how;
  how.directory = arguments.directory;
  how.max_staleness = std::chrono::seconds(arguments.max_staleness_s);
  how.open_when_stale = arguments.when_stale == "open";
  how.log = server::LogToStderr;

  SR_TRY(const auto middleware, server::Middleware::Open(std::move(how)));
  SR_TRY(const auto agent, server::Agent::Create(*middleware, std::move(options)));
  if (arguments.once) {
    const std::atomic<bool> go_on = false;
    return agent->WriteOnce(go_on);
  }
  const StopSignal stop(StopSignal::OnHangUp::kIgnore);  // before this a signal just ends it: nothing is half done
  agent->Start();
  const server::MiddlewareStatus status = middleware->status();
  static_cast<void>(PrintLine("writing " + arguments.output + " for tenant " + status.tenant));
  device::daemon::NotifyServiceManager("READY=1");
  pollfd watched{stop.fd(), POLLIN, 0};
  while (::poll(&watched, 1, -1) <= 0) {
  }
  device::daemon::NotifyServiceManager("STOPPING=1");
  return {};
}

}  // namespace

int RunServerAgent(const ServerAgentArguments& arguments) {
  HideMemory();
  if (const auto done = RunAgent(arguments); !done) {
    return Report(done.error());
  }
  return kDone;
}

}  // namespace simroot::app
