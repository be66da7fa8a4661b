// SPDX-License-Identifier: Apache-2.0
/// What is behind the opaque handles of server.h.
#pragma once

#include <memory>
#include <mutex>

#include <simroot/server.h>
#include "server/middleware/middleware.hpp"

namespace simroot::server::capi {

/// The program's log function, until it closes the server.
class Log {
 public:
  Log(simroot_server_log_t function, void* context) : function_(function), context_(context) {}

  void Write(LogLevel level, const std::string& line) {
    const std::lock_guard lock(mutex_);
    if (function_ != nullptr) {
      function_(context_, static_cast<int>(level), line.c_str());
    }
  }
  void End() {
    const std::lock_guard lock(mutex_);
    function_ = nullptr;
  }

 private:
  std::mutex mutex_;
  simroot_server_log_t function_;
  void* context_;
};

/// Shared by the handle, the contexts it is attached to, and the watches.
struct ServerState {
  std::shared_ptr<Log> log;  ///< nullptr: the library's own
  std::unique_ptr<Middleware> middleware;
};

}  // namespace simroot::server::capi

struct simroot_server {
  std::shared_ptr<simroot::server::capi::ServerState> state;
};

struct simroot_watch {
  std::shared_ptr<simroot::server::capi::ServerState> state;  ///< goes after the watch itself
  std::shared_ptr<void> watch;
};
