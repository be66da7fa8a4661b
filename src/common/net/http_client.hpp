// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>

#include "common/host/error.hpp"
#include "common/host/secret_bytes.hpp"
#include "common/net/http.hpp"

namespace simroot::net {

struct HttpClientOptions {
  std::string url;                      ///< https://HOST[:PORT][/PREFIX]; nothing but https
  std::string ca_file;                  ///< PEM; empty: the system's
  std::string client_certificate_file;  ///< PEM; empty: none
  std::string client_key_file;
  std::string token;                          ///< sent as "Authorization: Bearer"; empty: none
  std::chrono::milliseconds timeout{30'000};  ///< for one request as a whole, connecting included
  std::chrono::milliseconds connecting{0};    ///< the part of it for a connection with TLS; 0: all of it
};

struct HttpReply {
  int status = 0;
  Headers headers;
  std::string body;
};

/// One connection, kept open between requests, opened again if the server has closed it meanwhile. Host name and chain
/// of the server are always verified. One thread at a time. The body of a reply is limited to 64 MiB.
class HttpClient {
 public:
  /// Connects to nothing yet. @returns kUsage for a URL or files that cannot be used.
  [[nodiscard]] static Result<std::unique_ptr<HttpClient>> Create(HttpClientOptions options);
  virtual ~HttpClient() = default;

  /// Any status is a result. @returns kTransport: no connection, time limit; kCrypto: the server is not who it should
  /// be. A request is sent again only if the server closed a kept connection before it answered anything, and only if
  /// twice is the same as once: GET, HEAD, PUT, DELETE, or any method with the header "idempotency-key".
  [[nodiscard]] virtual Result<HttpReply> Send(const std::string& method, const std::string& target,
                                               const std::string& body = {}, const Headers& headers = {}) = 0;
  /// Reads a stream line by line until `line` returns false, the server ends it, or nothing came for `silence`.
  [[nodiscard]] virtual Result<HttpReply> Stream(const std::string& target, const Headers& headers,
                                                 std::chrono::milliseconds silence,
                                                 const std::function<bool(std::string_view)>& line) = 0;
  /// From any thread: the call that waits, or else the next one that has to wait, ends with kTransport.
  virtual void Interrupt() = 0;
};

}  // namespace simroot::net
