// SPDX-License-Identifier: Apache-2.0
/// Keeps files in step with the platform for servers that know no middleware: nginx, HAProxy, stunnel.
/// docs/howto/nginx-server.md, docs/howto/haproxy.md
#pragma once

#include "server/agent/command.hpp"
#include "server/middleware/middleware.hpp"

namespace simroot::server {

struct AgentOptions {
  std::string out;              ///< directory; made if it is not there
  std::vector<Command> reload;  ///< run after each change of a file
  bool psk = true;              ///< write psk.txt: the keys in the clear, mode 0600
  /// False: no crl.pem. Whoever checks CRLs refuses everybody when they have ended, which is not wanted if the
  /// middleware is told to go on with what it knows (open_when_stale).
  bool crl = true;
  std::chrono::milliseconds quiet{100};     ///< so long nothing may change before the files are written...
  std::chrono::milliseconds longest{1000};  ///< ...but they are not later than this
  std::chrono::milliseconds command_limit{30'000};
  LogFunction log;  ///< required; from several threads
};

class Agent {
 public:
  /// Locks the directory against other agents, removes what a killed one left behind. `middleware` is borrowed.
  /// kStore: the directory cannot be used, kUsage: another agent has it.
  [[nodiscard]] static Result<std::unique_ptr<Agent>> Create(Middleware& middleware, AgentOptions options);
  virtual ~Agent() = default;

  /// Asks for the CRLs, writes what has changed, runs the commands if anything has, in the caller's thread. Not after
  /// Start. The first error; what can be done is done all the same. An old crl.pem is good enough if the platform is
  /// away.
  [[nodiscard]] virtual Result<void> WriteOnce(const std::atomic<bool>& stop) = 0;

  /// Follows the changes until the agent is destroyed. What fails is logged and tried again.
  virtual void Start() = 0;
};

}  // namespace simroot::server
