// SPDX-License-Identifier: Apache-2.0
/// One connection of the server, and what all of them share. Included by http_server.cpp only: it includes Asio, which
/// costs minutes to compile. One thread runs all sockets; nothing of a connection is touched by any other.
///
/// Coroutines are written as plain statements, `const bool x = co_await F();`: g++ 12 makes wrong code of co_await
/// inside conditions, conditional expressions and beside braced temporaries.
#pragma once

#include <openssl/err.h>

#include <array>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <mutex>
#include <optional>

#include "common/net/http_server.hpp"
#include "common/net/messages.hpp"
#include "common/net/tls.hpp"
#include "common/net/worker_pool.hpp"

namespace simroot::net::serving {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

inline constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
inline constexpr std::size_t kRecord = 16 * 1024;  ///< bytes of a TLS record
inline constexpr seconds kFarewell{2};             ///< for the other end to read our last words and to close
inline constexpr std::size_t kFarewellBytes = 1024 * 1024;
inline constexpr auto kAcceptPause = std::chrono::milliseconds(50);

/// What all connections of a server share. Used on the server's thread, but for what says otherwise.
class ServerCore {
 public:
  ServerCore(HttpServerOptions options, HttpHandler handler, TlsContext context)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        context_(std::move(context)),
        pool_(std::max(options_.workers, 1U)) {}

  [[nodiscard]] const HttpServerOptions& options() const { return options_; }
  [[nodiscard]] asio::io_context& io() { return io_; }
  [[nodiscard]] WorkerPool& pool() { return pool_; }
  [[nodiscard]] const HttpHandler& handler() const { return handler_; }
  [[nodiscard]] TlsConnection NewTls(int fd) {
    const std::lock_guard lock(context_mutex_);
    return MakeConnection(context_.get(), fd);
  }
  /// On any thread. Connections that run hold the old one.
  void ReplaceContext(TlsContext context) {
    const std::lock_guard lock(context_mutex_);
    context_.swap(context);
  }
  /// Memory that a record is read into before it is known how much it is; used between two waits only.
  [[nodiscard]] std::array<char, kRecord>& scratch() { return scratch_; }
  /// Bytes of bodies that are received and not yet answered. False: too many. Used by CountedBody only.
  [[nodiscard]] bool GrowBodies(std::size_t by) {
    bodies_ += by;
    return bodies_ <= options_.bodies_limit;
  }
  void ShrinkBodies(std::size_t by) { bodies_ -= by; }

  // Read on any thread.
  std::atomic<std::uint64_t> accepted = 0;
  std::atomic<std::uint64_t> handshake_failures = 0;
  std::atomic<std::uint64_t> requests = 0;
  std::atomic<std::uint64_t> refused = 0;
  std::atomic<unsigned> streams = 0;

 private:
  HttpServerOptions options_;
  HttpHandler handler_;
  std::mutex context_mutex_;
  TlsContext context_;
  std::size_t bodies_ = 0;  ///< before io_: what that destroys may count yet
  asio::io_context io_{1};
  WorkerPool pool_;
  std::array<char, kRecord> scratch_{};
};

/// The share of one request's body in the limit of all bodies, given back exactly once.
class CountedBody {
 public:
  explicit CountedBody(ServerCore& server) : server_(server) {}
  ~CountedBody() { Release(); }
  CountedBody(const CountedBody&) = delete;
  CountedBody& operator=(const CountedBody&) = delete;

  /// The body has `size` bytes now. False: all bodies together are too long.
  [[nodiscard]] bool GrowTo(std::size_t size) {
    const std::size_t grown = size - size_;
    size_ = size;
    return server_.GrowBodies(grown);
  }
  void Release() { server_.ShrinkBodies(std::exchange(size_, 0)); }

 private:
  ServerCore& server_;
  std::size_t size_ = 0;
};

/// One client, from accept to close. Everything runs on the server's thread, but RunHandler and RunPull.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(ServerCore& server, tcp::socket socket, std::string peer);

  asio::awaitable<void> Serve();

  [[nodiscard]] const std::string& peer() const { return peer_; }
  /// A stream has perhaps something to tell.
  void Wake();
  /// Ends when nothing is being done: an idle connection at once.
  void EndSoon();
  void Abort();

 private:
  enum class Got : std::uint8_t { kData, kClosed, kTimeout };
  /// What a stream gave.
  struct Pulled {
    std::string data;
    HttpStream::Next next = HttpStream::Next::kEnd;
  };

  /// From now on the connection may take so long, until it is armed again; then its socket's waits end.
  void Arm(Clock::duration time);
  void WatchDeadline();
  /// Waits until `condition` holds or the time has come; Signal() makes it look. @returns whether it holds.
  template <typename Condition>
  asio::awaitable<bool> WaitUntil(Condition condition, Clock::time_point time);
  void Signal() { event_.cancel(); }

  asio::awaitable<bool> WaitForSocket(int ssl_error);
  asio::awaitable<bool> Handshake();
  asio::awaitable<Got> ReadSome();
  asio::awaitable<bool> Write(std::string_view data);
  asio::awaitable<void> Farewell();

  /// One request with its answer. @returns whether there may be another.
  asio::awaitable<bool> ServeOne();
  asio::awaitable<bool> Receive(RequestReader& reader, CountedBody& counted);
  asio::awaitable<void> Refuse(int status, std::string detail);
  asio::awaitable<HttpResponse> Answer(HttpRequest request);
  asio::awaitable<bool> Respond(HttpResponse answer, bool head_only, bool old_version, bool keep_alive);
  asio::awaitable<bool> Stream(HttpResponse answer, bool old_version, bool keep_alive);
  asio::awaitable<Pulled> Pull(HttpStream& stream, bool idle);
  /// Notices while a stream waits that the client has gone.
  void WatchClient();
  [[nodiscard]] bool ReadWhileStreaming();

  ServerCore& server_;
  tcp::socket socket_;
  std::string peer_;
  TlsConnection ssl_;
  Bytes client_certificate_;
  asio::steady_timer deadline_;
  asio::steady_timer event_;
  Clock::time_point deadline_at_ = Clock::time_point::max();
  std::string in_;  ///< received, not yet read
  std::optional<HttpResponse> answer_;
  std::optional<Pulled> pulled_;
  bool late_ = false;     ///< the deadline has passed
  bool aborted_ = false;  ///< the server closes now
  bool ending_ = false;   ///< the server is stopping
  bool idle_ = false;     ///< between requests
  bool streaming_ = false;
  bool watched_ = false;  ///< WatchClient waits
  bool woken_ = false;
  bool gone_ = false;        ///< the client has closed while a stream waited
  bool last_words_ = false;  ///< something was said that the client should be able to read before we close
};

inline Connection::Connection(ServerCore& server, tcp::socket socket, std::string peer)
    : server_(server),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      deadline_(server.io()),
      event_(server.io()) {}

inline void Connection::Arm(Clock::duration time) {
  const bool sooner = Clock::now() + time < deadline_at_;
  deadline_at_ = Clock::now() + time;
  // A later deadline needs no new wait: the one that runs looks at deadline_at_ when it ends.
  if (sooner) {
    WatchDeadline();
  }
}

inline void Connection::WatchDeadline() {
  deadline_.expires_at(deadline_at_);
  deadline_.async_wait([weak = weak_from_this()](ErrorCode ec) {
    const auto self = weak.lock();
    if (ec || self == nullptr) {
      return;
    }
    if (Clock::now() < self->deadline_at_) {
      self->WatchDeadline();
      return;
    }
    self->deadline_at_ = Clock::time_point::max();
    self->late_ = true;
    ErrorCode ignored;
    self->socket_.cancel(ignored);
  });
}

template <typename Condition>
inline asio::awaitable<bool> Connection::WaitUntil(Condition condition, Clock::time_point time) {
  while (!condition() && Clock::now() < time) {
    event_.expires_at(time);
    co_await event_.async_wait(kAwait);
  }
  co_return condition();
}

inline void Connection::Wake() {
  if (streaming_) {
    woken_ = true;
    Signal();
  }
}

inline void Connection::EndSoon() {
  ending_ = true;
  if (idle_) {
    Abort();
  }
  Signal();
}

inline void Connection::Abort() {
  aborted_ = true;
  ErrorCode ignored;
  socket_.cancel(ignored);
  Signal();
}

inline asio::awaitable<bool> Connection::WaitForSocket(int ssl_error) {
  if (late_ || aborted_ || (ssl_error != SSL_ERROR_WANT_READ && ssl_error != SSL_ERROR_WANT_WRITE)) {
    co_return false;
  }
  const auto what = ssl_error == SSL_ERROR_WANT_READ ? tcp::socket::wait_read : tcp::socket::wait_write;
  const auto [ec] = co_await socket_.async_wait(what, kAwait);
  co_return !ec && !late_ && !aborted_;
}

inline asio::awaitable<bool> Connection::Handshake() {
  ssl_ = server_.NewTls(socket_.native_handle());
  while (ssl_ != nullptr) {
    ERR_clear_error();
    const int done = SSL_accept(ssl_.get());
    if (done == 1) {
      client_certificate_ = PeerCertificate(ssl_.get());
      co_return true;
    }
    const bool ready = co_await WaitForSocket(SSL_get_error(ssl_.get(), done));
    if (!ready) {
      break;
    }
  }
  co_return false;
}

inline asio::awaitable<Connection::Got> Connection::ReadSome() {
  while (true) {
    ERR_clear_error();
    auto& scratch = server_.scratch();
    const int got = SSL_read(ssl_.get(), scratch.data(), static_cast<int>(scratch.size()));
    if (got > 0) {
      in_.append(scratch.data(), static_cast<std::size_t>(got));
      co_return Got::kData;
    }
    const bool ready = co_await WaitForSocket(SSL_get_error(ssl_.get(), got));
    if (!ready) {
      co_return late_ && !aborted_ ? Got::kTimeout : Got::kClosed;
    }
  }
}

inline asio::awaitable<bool> Connection::Write(std::string_view data) {
  while (!data.empty()) {
    Arm(seconds(server_.options().request_timeout_s));  // for this record: a slow reader makes steps
    ERR_clear_error();
    const int sent = SSL_write(ssl_.get(), data.data(), static_cast<int>(std::min(data.size(), kRecord)));
    if (sent > 0) {
      data.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    const bool ready = co_await WaitForSocket(SSL_get_error(ssl_.get(), sent));
    if (!ready) {
      co_return false;
    }
  }
  co_return true;
}

/// Closing a socket with unread bytes in it resets the connection, and the client may lose our last answer. So: say
/// goodbye, then read on for a while.
inline asio::awaitable<void> Connection::Farewell() {
  if (ssl_ == nullptr || late_ || aborted_ || gone_ || !last_words_) {
    co_return;
  }
  Arm(kFarewell);
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ErrorCode ec;
  socket_.shutdown(tcp::socket::shutdown_send, ec);
  for (std::size_t dropped = 0; dropped < kFarewellBytes;) {
    const ssize_t got = ::recv(socket_.native_handle(), server_.scratch().data(), server_.scratch().size(), 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
      break;
    }
    if (got > 0) {
      dropped += static_cast<std::size_t>(got);
      continue;
    }
    const bool ready = co_await WaitForSocket(SSL_ERROR_WANT_READ);
    if (!ready) {
      break;
    }
  }
}

inline asio::awaitable<void> Connection::Serve() {
  Arm(seconds(server_.options().handshake_timeout_s));
  const bool secured = co_await Handshake();
  if (!secured) {
    ++server_.handshake_failures;
    ERR_clear_error();
    co_return;
  }
  for (bool more = true; more;) {
    more = co_await ServeOne();
  }
  co_await Farewell();
  ERR_clear_error();
}

inline asio::awaitable<bool> Connection::ServeOne() {
  if (in_.empty()) {
    idle_ = true;
    Arm(seconds(server_.options().idle_timeout_s));
    Got got = Got::kClosed;
    if (!ending_) {
      got = co_await ReadSome();
    }
    idle_ = false;
    if (got != Got::kData) {
      co_return false;
    }
  }
  Arm(seconds(server_.options().request_timeout_s));
  RequestReader reader(server_.options().head_limit, server_.options().body_limit);
  CountedBody counted(server_);
  const bool received = co_await Receive(reader, counted);
  if (!received) {
    co_return false;
  }
  ++server_.requests;
  const bool old_version = reader.old_version();
  const bool keep_alive = reader.keep_alive();
  HttpRequest request = reader.Take();
  const bool head_only = request.method == "HEAD";
  HttpResponse answer = co_await Answer(std::move(request));
  counted.Release();  // the handler has read it; writing the answer may take long
  if (aborted_) {
    co_return false;
  }
  const bool keep = keep_alive && !ending_;
  if (answer.stream != nullptr && !head_only) {
    const bool streamed = co_await Stream(std::move(answer), old_version, keep);
    co_return streamed;
  }
  const bool responded = co_await Respond(std::move(answer), head_only, old_version, keep);
  co_return responded;
}

inline asio::awaitable<bool> Connection::Receive(RequestReader& reader, CountedBody& counted) {
  bool complete = false;
  while (true) {
    const auto state = reader.Feed(in_);
    if (!counted.GrowTo(reader.body_size())) {
      co_await Refuse(503, "too many request bodies are being worked on; try again later");
      break;
    }
    if (state == RequestReader::State::kRefused) {
      co_await Refuse(reader.status(), reader.detail());
      break;
    }
    if (state == RequestReader::State::kDone) {
      complete = true;
      break;
    }
    if (state == RequestReader::State::kHead) {
      const auto deadline = deadline_at_;
      if (in_.empty() && reader.expects_continue()) {
        const bool invited = co_await Write("HTTP/1.1 100 Continue\r\n\r\n");
        if (!invited) {
          break;
        }
      }
      deadline_at_ = deadline;  // the time for the request goes on
      if (!in_.empty()) {
        continue;
      }
    }
    const Got got = co_await ReadSome();
    if (got == Got::kTimeout) {
      late_ = false;  // for the answer there is some time
      co_await Refuse(408, "the request did not arrive in time");
    }
    if (got != Got::kData) {
      break;
    }
  }
  co_return complete;
}

inline asio::awaitable<void> Connection::Refuse(int status, std::string detail) {
  ++server_.refused;
  const HttpResponse answer = MakeProblem(status, detail);
  last_words_ = true;
  const std::string text = WriteHead(answer, Framing{false, answer.body.size(), false}) + answer.body;
  co_await Write(text);
}

/// On a worker thread.
inline HttpResponse RunHandler(const HttpHandler& handler, const HttpRequest& request) {
  try {
    return handler(request);
  } catch (const std::exception&) {  // this request is over, the server is not; what() may hold anything
    return MakeProblem(500, "the server failed to work on this request");
  }
}

inline asio::awaitable<HttpResponse> Connection::Answer(HttpRequest request) {
  request.peer = peer_;
  request.client_certificate = client_certificate_;
  answer_.reset();
  deadline_at_ = Clock::time_point::max();  // the handler's time is not the client's
  // std::function copies; the request is not small.
  auto shared = std::make_shared<const HttpRequest>(std::move(request));
  server_.pool().Submit([self = shared_from_this(), shared = std::move(shared)]() mutable {
    auto answer = RunHandler(self->server_.handler(), *shared);
    asio::io_context& io = self->server_.io();
    asio::post(io, [self = std::move(self), answer = std::move(answer)]() mutable {
      self->answer_ = std::move(answer);
      self->Signal();
    });
  });
  co_await WaitUntil([this] { return answer_.has_value() || aborted_; }, Clock::time_point::max());
  co_return answer_ ? std::move(*answer_) : HttpResponse{};
}

inline asio::awaitable<bool> Connection::Respond(HttpResponse answer, bool head_only, bool old_version,
                                                 bool keep_alive) {
  const bool keep = keep_alive && !old_version;
  last_words_ = !keep;
  std::string text = WriteHead(answer, Framing{keep, answer.body.size(), false});
  if (!head_only && answer.status != 204 && answer.status != 304) {
    text += answer.body;
  }
  const bool written = co_await Write(text);
  co_return written&& keep;
}

inline asio::awaitable<Connection::Pulled> Connection::Pull(HttpStream& stream, bool idle) {
  pulled_.reset();
  woken_ = false;
  server_.pool().Submit([self = shared_from_this(), &stream, idle]() mutable {
    Pulled pulled;
    try {
      pulled.next = stream.Pull(pulled.data, idle);
    } catch (const std::exception&) {  // this stream is over
      pulled = {};
    }
    asio::io_context& io = self->server_.io();
    asio::post(io, [self = std::move(self), pulled = std::move(pulled)]() mutable {
      self->pulled_ = std::move(pulled);
      self->Signal();
    });
  });
  // Waited for even when the connection is being aborted: the stream must not go while a worker is in it.
  co_await WaitUntil([this] { return pulled_.has_value(); }, Clock::time_point::max());
  co_return std::move(*pulled_);
}

inline bool Connection::ReadWhileStreaming() {
  auto& scratch = server_.scratch();
  while (in_.size() <= server_.options().head_limit) {
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), scratch.data(), static_cast<int>(scratch.size()));
    if (got <= 0) {
      const int why = SSL_get_error(ssl_.get(), got);
      return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
    }
    in_.append(scratch.data(), static_cast<std::size_t>(got));
  }
  return true;
}

inline void Connection::WatchClient() {
  if (watched_ || gone_ || in_.size() > server_.options().head_limit) {
    return;
  }
  watched_ = true;
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](ErrorCode ec) {
    self->watched_ = false;
    if (!self->streaming_ || self->aborted_) {
      return;
    }
    if (ec || !self->ReadWhileStreaming()) {
      self->gone_ = true;
      self->Signal();
    } else {
      self->WatchClient();
    }
  });
}

inline asio::awaitable<bool> Connection::Stream(HttpResponse answer, bool old_version, bool keep_alive) {
  const bool keep = keep_alive && !old_version;
  const auto frame = [&](std::string_view data) { return old_version ? std::string(data) : WriteChunk(data); };
  const auto pause = seconds(std::max(answer.idle_s, 1U));
  std::string out = std::exchange(answer.body, {});
  std::string text;  // what is being written
  bool begun = false;
  bool ended = false;
  bool ok = true;
  bool idle = false;
  ++server_.streams;
  streaming_ = true;
  last_words_ = !keep;
  gone_ = !ReadWhileStreaming();  // what came with the request may lie in OpenSSL's buffer, where no wait sees it
  WatchClient();
  auto idle_at = Clock::now() + pause;
  while (ok && !ended) {
    if (!answer.long_poll && !begun) {  // the reader learns at once that it is served
      begun = true;
      text = WriteHead(answer, Framing{keep, std::nullopt, !old_version});
      text += out.empty() ? std::string() : frame(out);
      out.clear();
      ok = co_await Write(text);
    }
    const bool ending = ending_;
    deadline_at_ = Clock::time_point::max();
    Pulled pulled = co_await Pull(*answer.stream, idle || ending);
    out += pulled.data;
    ended = ending || pulled.next == HttpStream::Next::kEnd;
    if (gone_ || aborted_) {
      ok = false;
      break;
    }
    if (!begun && ended) {  // a long poll with one part: an ordinary answer
      text = WriteHead(answer, Framing{keep, out.size(), false}) + out;
      ok = co_await Write(text);
      break;
    }
    if (!out.empty()) {
      text = begun ? std::string() : WriteHead(answer, Framing{keep, std::nullopt, !old_version});
      text += frame(out);
      begun = true;
      out.clear();
      ok = co_await Write(text);
      idle_at = Clock::now() + pause;
    }
    if (ended) {
      if (ok && !old_version) {
        text = WriteChunk({});
        ok = co_await Write(text);
      }
    } else if (ok && pulled.next == HttpStream::Next::kWait) {
      deadline_at_ = Clock::time_point::max();
      const bool told = co_await WaitUntil([this] { return woken_ || gone_ || aborted_ || ending_; }, idle_at);
      idle = !told;
      idle_at = idle ? Clock::now() + pause : idle_at;
      ok = !gone_ && !aborted_;
    }
  }
  streaming_ = false;
  --server_.streams;
  co_return ok&& keep && !ending_;
}

}  // namespace simroot::net::serving
