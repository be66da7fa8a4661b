// SPDX-License-Identifier: Apache-2.0
/// HTTP/1.1 on the wire: bytes to requests and replies, answers to bytes. No sockets in here.
#pragma once

#include <memory>
#include <optional>

#include "common/net/http.hpp"

namespace simroot::net {

/// Reads one request from the bytes of a connection, as they come. Stricter than the parser below it: everything that
/// two readers could understand differently is refused.
class RequestReader {
 public:
  enum class State : std::uint8_t {
    kNeedMore,
    kHead,     ///< the head is complete and its body is not; given once
    kDone,     ///< Take() gives the request
    kRefused,  ///< status() says how
  };

  /// @param head_limit, body_limit in bytes
  RequestReader(std::size_t head_limit, std::size_t body_limit);
  ~RequestReader();

  /// Reads from the front of `in` and takes away what was read; what belongs to the next request stays.
  [[nodiscard]] State Feed(std::string& in);

  /// After kRefused: 400, 413, 417, 431, 501 or 505, and one sentence.
  [[nodiscard]] int status() const;
  [[nodiscard]] const std::string& detail() const;
  /// After kHead: the client waits for "100 Continue" before it sends the body.
  [[nodiscard]] bool expects_continue() const;
  /// Bytes of the body so far.
  [[nodiscard]] std::size_t body_size() const;
  /// After kDone: the client wants the connection to stay open.
  [[nodiscard]] bool keep_alive() const;
  /// After kDone: HTTP/1.0, which knows no chunks.
  [[nodiscard]] bool old_version() const;
  /// After kDone, once: all but peer and client certificate.
  [[nodiscard]] HttpRequest Take();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// Reads one reply.
class ReplyReader {
 public:
  enum class State : std::uint8_t { kNeedMore, kDone, kBroken };

  /// @param head_only the request was HEAD. @param body_limit in bytes.
  ReplyReader(bool head_only, std::uint64_t body_limit);
  ~ReplyReader();

  /// Reads from the front of `in` and takes away what was read. Interim replies (1xx) are skipped.
  [[nodiscard]] State Feed(std::string& in);
  /// The server has closed: kDone if the reply may end so, else kBroken.
  [[nodiscard]] State Close();

  [[nodiscard]] bool head_done() const;
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] int status() const;
  /// After the head: names in lower case; lines with the same name joined by ", ".
  [[nodiscard]] Headers TakeHeaders();
  /// What there is of the body, which is then forgotten.
  [[nodiscard]] std::string TakeBody();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// What the head of an answer says besides the answer's own headers.
struct Framing {
  bool keep_alive = false;
  std::optional<std::size_t> length;  ///< nothing: chunked, or until the end of the connection
  bool chunked = false;
};

/// Status line, headers and the empty line. Control characters in header values become spaces.
[[nodiscard]] std::string WriteHead(const HttpResponse& answer, const Framing& framing);

/// `data` as one chunk; empty: the last one, which ends the body.
[[nodiscard]] std::string WriteChunk(std::string_view data);

/// "Not Found" for 404, "Unknown" for what has no name here.
[[nodiscard]] std::string_view ReasonPhrase(int status);

/// An RFC 9457 problem, as the server itself answers what never reaches a handler. `detail` is plain ASCII without
/// quotation marks.
[[nodiscard]] HttpResponse MakeProblem(int status, const std::string& detail);

}  // namespace simroot::net
