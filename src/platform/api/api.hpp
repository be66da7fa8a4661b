// SPDX-License-Identifier: Apache-2.0
/// The REST API (docs/api.md) as a function from requests to answers.
#pragma once

#include <memory>

#include "common/net/http_server.hpp"
#include "platform/api/log.hpp"
#include "platform/ota/engine.hpp"
#include "platform/service/service.hpp"

namespace simroot::platform {

/// How fast somebody may ask: so many at once, then so many a second.
struct RateLimit {
  double burst = 0;
  double per_second = 0;
};

struct ApiOptions {
  RateLimit per_token{4'000, 2'000};
  RateLimit per_address{4'000, 2'000};  ///< of requests without credentials
  RateLimit failed_logins{20, 0.5};     ///< per address; beyond, wrong ones are 429; right ones always pass
  unsigned longest_wait_s = 60;         ///< of a long poll
  unsigned keep_alive_s = 15;           ///< between two comments of a quiet event stream
};

/// What an Api is made of; all outlive it.
struct ApiParts {
  Service& service;
  OtaEngine& engine;
  Store& store;
  Clock& clock;
  ApiOptions options = {};
  LogSink log = WriteLogToStderr;  ///< one line a request
  /// For /metrics; empty: none. Called on any thread.
  std::function<net::HttpServer::Counters()> counters = {};
};

/// Threads that a server should give to Handle: most of them wait for a commit, and what waits together is committed
/// together.
constexpr unsigned kHttpWorkers = 32;

/// Safe for any number of threads.
class Api {
 public:
  explicit Api(ApiParts parts);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  /// Answers everything, errors as RFC 9457 problems. Streams that it gives must be gone before the Api is.
  [[nodiscard]] net::HttpResponse Handle(const net::HttpRequest& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace simroot::platform
