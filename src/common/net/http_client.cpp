// SPDX-License-Identifier: Apache-2.0
#include "common/net/http_client.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <thread>

#include "common/host/deadline.hpp"
#include "common/host/unique_fd.hpp"
#include "common/net/messages.hpp"
#include "common/net/tls.hpp"
#include "common/net/url.hpp"
#include "common/net/worker_pool.hpp"

namespace simroot::net {
namespace {

constexpr std::uint64_t kBodyLimit = 64 * 1024 * 1024;
constexpr std::size_t kRecord = 16 * 1024;

struct AddressListDeleter {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, AddressListDeleter>;

/// Says something to whoever polls it: a counter of the system.
class Bell {
 public:
  Bell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  void Ring() const {
    const std::uint64_t one = 1;
    (void)!::write(fd_.get(), &one, sizeof one);
  }
  void Silence() const {
    std::uint64_t count = 0;
    (void)!::read(fd_.get(), &count, sizeof count);
  }
  [[nodiscard]] int fd() const { return fd_.get(); }  ///< readable after Ring; -1 if the system has no more files

 private:
  UniqueFd fd_;
};

/// A lookup that may outlive the one who asked, because getaddrinfo knows no time limit.
struct Lookup {
  Bell done;
  int error = 0;  ///< like the list: to be read after `done`
  AddressList list;
};

AddressList ResolveNow(const ServerAddress& server, int flags, int& error) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* list = nullptr;
  error = ::getaddrinfo(server.host.c_str(), server.port.c_str(), &hints, &list);
  return AddressList(error == 0 ? list : nullptr);
}

enum class Waited : std::uint8_t { kReady, kTooLong, kInterrupted };

/// Waits for one of poll's events, until `interrupt` rings, which is silenced then.
Waited WaitFor(int fd, short events, const Bell& interrupt, Deadline deadline) {
  while (true) {
    std::array<pollfd, 2> both{{{fd, events, 0}, {interrupt.fd(), POLLIN, 0}}};
    const int ready = ::poll(both.data(), both.size(), deadline.PollTimeoutMs());
    if (ready > 0 && both.back().revents != 0) {
      interrupt.Silence();
      return Waited::kInterrupted;
    }
    if (ready > 0) {
      return Waited::kReady;
    }
    if (deadline.Passed() && (ready == 0 || errno == EINTR)) {
      return Waited::kTooLong;
    }
  }
}

tl::unexpected<Error> Interrupted(const std::string& where) {
  return Fail(ErrorDomain::kTransport, "the request to " + where + " was interrupted");
}

Result<AddressList> Resolve(const ServerAddress& server, const Bell& interrupt, Deadline deadline) {
  const auto lookup = std::make_shared<Lookup>();
  if (server.is_ip) {
    lookup->list = ResolveNow(server, AI_NUMERICHOST, lookup->error);
  } else {
    StartQuietThread([lookup, server] {
      int error = 0;
      lookup->list = ResolveNow(server, AI_ADDRCONFIG, error);
      lookup->error = error;
      lookup->done.Ring();
    }).detach();
    const Waited waited = WaitFor(lookup->done.fd(), POLLIN, interrupt, deadline);
    if (waited == Waited::kInterrupted) {
      return Interrupted(server.host);
    }
    lookup->done.Silence();
    if (waited == Waited::kTooLong) {
      return Fail(ErrorDomain::kTransport, "no answer in time to the question for the address of " + server.host,
                  "check the network and the name server of this machine");
    }
  }
  if (lookup->list == nullptr) {
    return Fail(ErrorDomain::kTransport,
                "the name " + server.host + " has no address: " + ::gai_strerror(lookup->error),
                "check the spelling of the URL and the name server of this machine");
  }
  return std::move(lookup->list);
}

/// Connects to one address. @returns 0 or an errno value; ECANCELED: interrupted.
int ConnectTo(const addrinfo& address, const Bell& interrupt, Deadline deadline, UniqueFd& fd) {
  fd = UniqueFd(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) {
    return errno;
  }
  const int on = 1;
  (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) == 0) {
    return 0;
  }
  if (errno != EINPROGRESS) {
    return errno;
  }
  const Waited waited = WaitFor(fd.get(), POLLOUT, interrupt, deadline);
  if (waited != Waited::kReady) {
    return waited == Waited::kInterrupted ? ECANCELED : ETIMEDOUT;
  }
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

std::string ConnectAdvice(int error) {
  switch (error) {
    case ECONNREFUSED:
      return "check the port, and that the server runs";
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return "check the network and the firewalls between";
    default:
      return {};
  }
}

class Client final : public HttpClient {
 public:
  Client(HttpClientOptions options, ServerAddress server, TlsContext context)
      : options_(std::move(options)), server_(std::move(server)), context_(std::move(context)) {}

  [[nodiscard]] Result<HttpReply> Send(const std::string& method, const std::string& target, const std::string& body,
                                       const Headers& headers) override;
  [[nodiscard]] Result<HttpReply> Stream(const std::string& target, const Headers& headers,
                                         std::chrono::milliseconds silence,
                                         const std::function<bool(std::string_view)>& line) override;
  void Interrupt() override { interrupt_.Ring(); }

 private:
  /// How reading from the connection went.
  enum class Got : std::uint8_t { kData, kClosed };

  [[nodiscard]] std::string Where() const { return server_.host + " port " + server_.port; }
  [[nodiscard]] Result<std::string> WriteRequest(const std::string& method, const std::string& target,
                                                 const std::string& body, const Headers& headers) const;
  void Disconnect();
  [[nodiscard]] bool IsUsable();
  [[nodiscard]] Result<void> Connect(Deadline deadline);
  [[nodiscard]] Result<void> Handshake(Deadline deadline);
  /// Waits for what OpenSSL wants. kTransport if the deadline passes.
  [[nodiscard]] Result<void> Await(int ssl_error, Deadline deadline);
  /// False: the server has closed the connection.
  [[nodiscard]] Result<bool> Write(std::string_view data, Deadline deadline);
  [[nodiscard]] Result<Got> Read(Deadline deadline);
  /// Sends; on a kept connection that the server has closed meanwhile, once more on a new one if it `may_repeat`. What
  /// is received of the answer is in in_.
  [[nodiscard]] Result<void> Ask(const std::string& request, bool may_repeat, Deadline deadline);
  [[nodiscard]] Result<void> AskOnce(const std::string& request, Deadline deadline, bool& unanswered);
  [[nodiscard]] Result<ReplyReader::State> ReadOn(ReplyReader& reader, Deadline deadline);
  [[nodiscard]] tl::unexpected<Error> Broken() const {
    return Fail(ErrorDomain::kTransport, Where() + " closed the connection in the middle of its answer", "try again");
  }

  HttpClientOptions options_;
  ServerAddress server_;
  TlsContext context_;
  Bell interrupt_;
  UniqueFd fd_;
  TlsConnection ssl_;
  std::string in_;
};

bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool IsHeaderValue(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

/// RFC 9110, 9.2.2: what was perhaps done may be asked for again only if twice is the same as once.
bool MayRepeat(std::string_view method, const Headers& headers) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         headers.contains("idempotency-key");
}

Result<std::string> Client::WriteRequest(const std::string& method, const std::string& target, const std::string& body,
                                         const Headers& headers) const {
  if (!IsToken(method) || !ParseTarget(server_.prefix + target)) {
    return Fail(ErrorDomain::kUsage, "a request for \"" + target + "\" cannot be made",
                "give a path that begins with / and is properly encoded");
  }
  const std::string host = server_.host.find(':') == std::string::npos ? server_.host : "[" + server_.host + "]";
  std::string text = method + " " + server_.prefix + target + " HTTP/1.1\r\nHost: " + host +
                     (server_.port == "443" ? std::string() : ":" + server_.port) + "\r\n";
  Headers all = headers;
  all.emplace("accept", "*/*");
  all.emplace("user-agent", "simroot");
  if (!options_.token.empty()) {
    all.emplace("authorization", "Bearer " + options_.token);
  }
  if (!body.empty() || (method != "GET" && method != "HEAD" && method != "DELETE")) {
    all.emplace("content-type", "application/json");
    all["content-length"] = std::to_string(body.size());
  }
  for (const auto& [name, value] : all) {
    if (!IsToken(name) || !IsHeaderValue(value)) {
      return Fail(ErrorDomain::kUsage, "the header " + name + " cannot be sent", "leave out control characters");
    }
    text.append(name).append(": ").append(value).append("\r\n");
  }
  return text.append("\r\n").append(body);
}

void Client::Disconnect() {
  ssl_.reset();
  fd_.Reset();
  in_.clear();
}

bool Client::IsUsable() {
  if (ssl_ == nullptr) {
    return false;
  }
  // Whatever a server says without being asked ends a kept connection: most likely it closes it.
  char byte = 0;
  ERR_clear_error();
  const int got = SSL_peek(ssl_.get(), &byte, 1);
  const bool quiet = got <= 0 && SSL_get_error(ssl_.get(), got) == SSL_ERROR_WANT_READ;
  ERR_clear_error();
  return quiet;
}

Result<void> Client::Connect(Deadline deadline) {
  if (options_.connecting.count() > 0) {
    deadline = deadline.Earlier(Deadline::After(options_.connecting));
  }
  SR_TRY(const auto addresses, Resolve(server_, interrupt_, deadline));
  int error = ETIMEDOUT;
  int left = 0;
  for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
    ++left;
  }
  for (const addrinfo* one = addresses.get(); one != nullptr && !deadline.Passed(); one = one->ai_next) {
    // An address that swallows everything must leave time for the others.
    const auto share = std::chrono::milliseconds(deadline.PollTimeoutMs() / std::max(left, 1));
    --left;
    error = ConnectTo(*one, interrupt_, deadline.Earlier(Deadline::After(share)), fd_);
    if (error == 0) {
      return Handshake(deadline);
    }
    if (error == ECANCELED) {
      Disconnect();
      return Interrupted(Where());
    }
  }
  Disconnect();
  return Fail(ErrorDomain::kTransport, "cannot connect to " + Where() + ": " + std::generic_category().message(error),
              ConnectAdvice(error));
}

Result<void> Client::Handshake(Deadline deadline) {
  ssl_ = MakeConnection(context_.get(), fd_.get());
  if (ssl_ == nullptr || !ExpectHost(ssl_.get(), server_.host, server_.is_ip)) {
    Disconnect();
    return Fail(ErrorDomain::kCrypto, "no memory for a TLS connection");
  }
  while (true) {
    ERR_clear_error();
    const int done = SSL_connect(ssl_.get());
    if (done == 1) {
      return {};
    }
    const int why = SSL_get_error(ssl_.get(), done);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
      Error error = ExplainHandshake(ssl_.get(), server_.host);
      Disconnect();
      return tl::unexpected<Error>(std::move(error));
    }
    SR_TRY_VOID(Await(why, deadline));
  }
}

Result<void> Client::Await(int ssl_error, Deadline deadline) {
  const Waited waited = WaitFor(fd_.get(), ssl_error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, interrupt_, deadline);
  if (waited == Waited::kReady) {
    return {};
  }
  Disconnect();
  if (waited == Waited::kInterrupted) {
    return Interrupted(Where());
  }
  return Fail(ErrorDomain::kTransport, "no answer in time from " + Where(),
              "check the network, or try again later; what was asked for may have been done");
}

Result<bool> Client::Write(std::string_view data, Deadline deadline) {
  while (!data.empty()) {
    ERR_clear_error();
    const int sent = SSL_write(ssl_.get(), data.data(), static_cast<int>(std::min(data.size(), kRecord)));
    if (sent > 0) {
      data.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    const int why = SSL_get_error(ssl_.get(), sent);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
      return false;
    }
    SR_TRY_VOID(Await(why, deadline));
  }
  return true;
}

Result<Client::Got> Client::Read(Deadline deadline) {
  std::array<char, kRecord> record{};
  while (true) {
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), record.data(), static_cast<int>(record.size()));
    if (got > 0) {
      in_.append(record.data(), static_cast<std::size_t>(got));
      return Got::kData;
    }
    const int why = SSL_get_error(ssl_.get(), got);
    if (why == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_last_error()) != SSL_R_UNEXPECTED_EOF_WHILE_READING) {
      // In TLS 1.3 a server tells only now that it does not like the client's certificate.
      Error error = ExplainHandshake(ssl_.get(), server_.host);
      Disconnect();
      return tl::unexpected<Error>(std::move(error));
    }
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
      return Got::kClosed;
    }
    SR_TRY_VOID(Await(why, deadline));
  }
}

Result<void> Client::AskOnce(const std::string& request, Deadline deadline, bool& unanswered) {
  SR_TRY(const bool sent, Write(request, deadline));
  // A server may answer and close before it has read all: its answer is worth more than our broken pipe.
  SR_TRY(const Got got, Read(deadline));
  unanswered = got == Got::kClosed;
  if (unanswered) {
    Disconnect();
    return Fail(ErrorDomain::kTransport,
                Where() + " closed the connection " + (sent ? "without an answer" : "while the request was sent"),
                "try again, or look into the server's log");
  }
  return {};
}

Result<void> Client::Ask(const std::string& request, bool may_repeat, Deadline deadline) {
  bool unanswered = false;
  if (IsUsable()) {
    auto asked = AskOnce(request, deadline, unanswered);
    if (asked || !unanswered || !may_repeat) {
      return asked;
    }
  }
  Disconnect();
  SR_TRY_VOID(Connect(deadline));
  return AskOnce(request, deadline, unanswered);
}

Result<ReplyReader::State> Client::ReadOn(ReplyReader& reader, Deadline deadline) {
  SR_TRY(const Got got, Read(deadline));
  return got == Got::kClosed ? reader.Close() : reader.Feed(in_);
}

Result<HttpReply> Client::Send(const std::string& method, const std::string& target, const std::string& body,
                               const Headers& headers) {
  const Deadline deadline = Deadline::After(options_.timeout);
  SR_TRY(const std::string request, WriteRequest(method, target, body, headers));
  SR_TRY_VOID(Ask(request, MayRepeat(method, headers), deadline));
  ReplyReader reader(method == "HEAD", kBodyLimit);
  auto state = reader.Feed(in_);
  while (state == ReplyReader::State::kNeedMore) {
    SR_TRY(state, ReadOn(reader, deadline));
  }
  if (state == ReplyReader::State::kBroken) {
    Disconnect();
    return Broken();
  }
  HttpReply reply{reader.status(), reader.TakeHeaders(), reader.TakeBody()};
  if (!reader.keep_alive() || !in_.empty()) {
    Disconnect();
  }
  return reply;
}

Result<HttpReply> Client::Stream(const std::string& target, const Headers& headers, std::chrono::milliseconds silence,
                                 const std::function<bool(std::string_view)>& line) {
  SR_TRY(const std::string request, WriteRequest("GET", target, {}, headers));
  SR_TRY_VOID(Ask(request, true, Deadline::After(options_.timeout)));
  ReplyReader reader(false, UINT64_MAX);
  HttpReply reply;
  std::string text;
  auto state = reader.Feed(in_);
  bool more = true;
  while (true) {
    if (reader.head_done() && reply.status == 0) {
      reply.status = reader.status();
      reply.headers = reader.TakeHeaders();
    }
    text += reader.TakeBody();
    for (std::size_t end = text.find('\n'); reply.status == 200 && more && end != std::string::npos;
         end = text.find('\n')) {
      std::string one = text.substr(0, end);
      text.erase(0, end + 1);
      more = line(one.ends_with('\r') ? std::string_view(one).substr(0, one.size() - 1) : std::string_view(one));
    }
    if (!more || state != ReplyReader::State::kNeedMore || text.size() > kBodyLimit) {
      break;
    }
    SR_TRY(state, ReadOn(reader, Deadline::After(silence)));
  }
  const bool keep = more && state == ReplyReader::State::kDone && reader.keep_alive() && in_.empty();
  if (!keep) {
    Disconnect();
  }
  if (more && state == ReplyReader::State::kBroken) {
    return Broken();
  }
  reply.body = std::move(text);
  return reply;
}

}  // namespace

Result<std::unique_ptr<HttpClient>> HttpClient::Create(HttpClientOptions options) {
  auto server = ParseHttpsUrl(options.url);
  if (!server) {
    return Fail(ErrorDomain::kUsage, "\"" + options.url + "\" is no URL that can be called",
                "give https://HOST, with :PORT and /PATH behind it if needed");
  }
  if (!IsHeaderValue(options.token)) {
    return Fail(ErrorDomain::kUsage, "the token holds a line break or another control character",
                "give the token as it was printed, in one line");
  }
  SR_TRY(auto context, MakeClientContext({options.ca_file, options.client_certificate_file, options.client_key_file}));
  return std::unique_ptr<HttpClient>(
      std::make_unique<Client>(std::move(options), std::move(*server), std::move(context)));
}

}  // namespace simroot::net
