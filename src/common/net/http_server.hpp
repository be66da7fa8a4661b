// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/host/error.hpp"
#include "common/host/secret_bytes.hpp"
#include "common/net/http.hpp"

namespace simroot::net {

struct HttpServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;          ///< 0: any free one
  std::string certificate_chain;   ///< PEM
  SecretBytes private_key;         ///< PEM
  std::string client_authorities;  ///< PEM; empty: clients are not asked for a certificate. One is never demanded.
  unsigned workers = 4;            ///< threads that run the handler
  unsigned connections = 10'000;   ///< beyond: accepted and closed at once
  unsigned connections_per_address = 1'000;
  std::size_t head_limit = 16 * 1024;            ///< bytes of request line and headers: 431
  std::size_t body_limit = 4 * 1024 * 1024;      ///< bytes: 413
  std::size_t bodies_limit = 256 * 1024 * 1024;  ///< bytes of all bodies received and not yet answered: 503
  unsigned handshake_timeout_s = 10;
  unsigned request_timeout_s = 20;  ///< for the whole of a request's head and body, however slowly it drips: 408
  unsigned idle_timeout_s = 60;     ///< between requests
};

/// HTTPS, HTTP/1.1 with keep-alive, TLS 1.2 and 1.3. Requests with ambiguous framing (both length and chunked, two
/// lengths, obsolete folding) are refused.
class HttpServer {
 public:
  /// Listens and serves until Stop. @returns kTransport: the address is in use or cannot be had; kCrypto: certificate
  /// or key cannot be used.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> Start(HttpServerOptions options, HttpHandler handler);
  virtual ~HttpServer() = default;

  [[nodiscard]] virtual std::uint16_t port() const = 0;
  /// Pulls every waiting stream: something has changed.
  virtual void Wake() = 0;
  /// New certificate and key for connections from now on.
  [[nodiscard]] virtual Result<void> ReplaceIdentity(const std::string& certificate_chain,
                                                     const SecretBytes& private_key) = 0;
  /// Stops listening, lets running requests end for up to `grace_s`, closes.
  virtual void Stop(unsigned grace_s) = 0;

  struct Counters {
    std::uint64_t connections = 0;
    std::uint64_t handshake_failures = 0;
    std::uint64_t requests = 0;
    std::uint64_t refused = 0;  ///< 400, 408, 413, 431 made by the server itself, and connections beyond the limits
    unsigned open = 0;
    unsigned streams = 0;
  };
  [[nodiscard]] virtual Counters Count() const = 0;
};

}  // namespace simroot::net
