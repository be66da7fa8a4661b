// SPDX-License-Identifier: Apache-2.0
/// HTTP requests and answers as plain values: what handlers see, whatever carries them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/host/hex.hpp"

namespace simroot::net {

/// Names in lower case.
using Headers = std::map<std::string, std::string, std::less<>>;

struct HttpRequest {
  std::string method;                                     ///< upper case
  std::string path;                                       ///< decoded, begins with "/", without "." and ".." parts
  std::map<std::string, std::string, std::less<>> query;  ///< decoded; a name that comes twice is refused with 400
  Headers headers;
  std::string body;
  std::string peer;          ///< "127.0.0.1"
  Bytes client_certificate;  ///< DER, verified against the server's client CAs; empty: none
};

/// A body that grows while its reader waits: long polls and server-sent events.
class HttpStream {
 public:
  enum class Next : std::uint8_t { kData, kWait, kEnd };
  virtual ~HttpStream() = default;
  /// Appends what there is to `out`. Called on a worker thread whenever the client can take more and Wake() was called
  /// or `idle_s` has passed (then `idle` is true: send a comment to keep the line alive, or end).
  [[nodiscard]] virtual Next Pull(std::string& out, bool idle) = 0;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  Headers headers;
  std::string body;
  std::unique_ptr<HttpStream> stream;  ///< sent chunked after `body`
  bool long_poll = false;              ///< with `stream`: nothing is sent until the stream has its first data or ends
  unsigned idle_s = 15;
};

/// Runs on a worker thread and may block for as long as a transaction takes.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

}  // namespace simroot::net
