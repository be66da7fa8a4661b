// SPDX-License-Identifier: Apache-2.0
// With http_connection.hpp the only source that knows Asio.
#include "common/net/http_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <condition_variable>
#include <set>

#include "common/net/http_connection.hpp"

namespace simroot::net::serving {
namespace {

class Server final : public HttpServer {
 public:
  Server(HttpServerOptions options, HttpHandler handler, TlsContext context)
      : core_(std::move(options), std::move(handler), std::move(context)),
        acceptor_(core_.io()),
        accept_pause_(core_.io()) {}
  ~Server() override { Stop(0); }

  Result<void> Listen();

  [[nodiscard]] std::uint16_t port() const override { return port_; }
  void Wake() override;
  [[nodiscard]] Result<void> ReplaceIdentity(const std::string& certificate_chain,
                                             const SecretBytes& private_key) override;
  void Stop(unsigned grace_s) override;
  [[nodiscard]] Counters Count() const override;

 private:
  asio::awaitable<void> Accept();
  void Admit(tcp::socket socket);
  asio::awaitable<void> Run(std::shared_ptr<Connection> connection);
  void Close(const std::shared_ptr<Connection>& connection);
  [[nodiscard]] bool WaitUntilEmpty(Clock::time_point until);

  ServerCore core_;
  tcp::acceptor acceptor_;
  asio::steady_timer accept_pause_;
  std::uint16_t port_ = 0;
  std::thread thread_;
  std::set<std::shared_ptr<Connection>> connections_;
  std::map<std::string, unsigned> by_address_;
  std::atomic<bool> wake_pending_ = false;
  std::mutex stop_mutex_;  ///< one Stop at a time
  std::mutex open_mutex_;
  std::condition_variable none_open_;
  std::atomic<unsigned> open_ = 0;
};

Result<void> Server::Listen() {
  const std::string place = core_.options().address + " port " + std::to_string(core_.options().port);
  ErrorCode ec;
  const auto address = asio::ip::make_address(core_.options().address, ec);
  if (ec) {
    return Fail(ErrorDomain::kTransport, "\"" + core_.options().address + "\" is no IP address to listen on",
                "give an address of this machine, for example 127.0.0.1, 0.0.0.0 or ::");
  }
  const tcp::endpoint endpoint(address, core_.options().port);
  acceptor_.open(endpoint.protocol(), ec);
  if (!ec) {
    acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
  }
  if (!ec) {
    acceptor_.bind(endpoint, ec);
  }
  if (!ec) {
    acceptor_.listen(tcp::acceptor::max_listen_connections, ec);
  }
  if (ec) {
    return Fail(ErrorDomain::kTransport, "cannot listen on " + place + ": " + ec.message(),
                "choose another port or address, or end the program that has it");
  }
  port_ = acceptor_.local_endpoint(ec).port();
  asio::co_spawn(core_.io(), Accept(), asio::detached);
  thread_ = StartQuietThread([this] { core_.io().run(); });
  return {};
}

asio::awaitable<void> Server::Accept() {
  while (acceptor_.is_open()) {
    auto [ec, socket] = co_await acceptor_.async_accept(kAwait);
    if (!ec) {
      Admit(std::move(socket));
    } else if (acceptor_.is_open()) {  // out of files, most likely: give running connections time to end
      accept_pause_.expires_after(kAcceptPause);
      co_await accept_pause_.async_wait(kAwait);
    }
  }
}

void Server::Admit(tcp::socket socket) {
  ErrorCode ec;
  auto address = socket.remote_endpoint(ec).address();
  if (ec) {
    return;  // it has gone already
  }
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  std::string peer = address.to_string();
  ++core_.accepted;
  unsigned& same = by_address_[peer];
  if (connections_.size() >= core_.options().connections || same >= core_.options().connections_per_address) {
    ++core_.refused;
    if (same == 0) {
      by_address_.erase(peer);
    }
    return;  // the socket closes
  }
  ++same;
  ++open_;
  // Without it each answer of more than one record waits for an acknowledgement.
  socket.set_option(tcp::no_delay(true), ec);
  socket.non_blocking(true, ec);
  auto connection = std::make_shared<Connection>(core_, std::move(socket), std::move(peer));
  connections_.insert(connection);
  asio::co_spawn(core_.io(), Run(connection), asio::detached);
}

asio::awaitable<void> Server::Run(std::shared_ptr<Connection> connection) {
  try {
    co_await connection->Serve();
  } catch (const std::exception&) {  // no memory: this connection is over
    connection->Abort();
  }
  Close(connection);
}

void Server::Close(const std::shared_ptr<Connection>& connection) {
  const auto same = by_address_.find(connection->peer());
  if (same != by_address_.end() && --same->second == 0) {
    by_address_.erase(same);
  }
  connection->Abort();
  connections_.erase(connection);
  {
    const std::lock_guard lock(open_mutex_);
    --open_;
  }
  none_open_.notify_all();
}

void Server::Wake() {
  if (wake_pending_.exchange(true)) {
    return;  // one that has not begun serves for this change, too
  }
  asio::post(core_.io(), [this] {
    wake_pending_ = false;
    for (const auto& connection : connections_) {
      connection->Wake();
    }
  });
}

Result<void> Server::ReplaceIdentity(const std::string& certificate_chain, const SecretBytes& private_key) {
  SR_TRY(auto context, MakeServerContext({certificate_chain, private_key, core_.options().client_authorities}));
  core_.ReplaceContext(std::move(context));
  return {};
}

bool Server::WaitUntilEmpty(Clock::time_point until) {
  std::unique_lock lock(open_mutex_);
  return none_open_.wait_until(lock, until, [this] { return open_ == 0; });
}

void Server::Stop(unsigned grace_s) {
  const std::lock_guard lock(stop_mutex_);
  if (!thread_.joinable()) {
    return;
  }
  asio::post(core_.io(), [this] {
    ErrorCode ignored;
    acceptor_.close(ignored);
    accept_pause_.cancel();
    for (const auto& connection : connections_) {
      connection->EndSoon();
    }
  });
  if (!WaitUntilEmpty(Clock::now() + seconds(grace_s))) {
    asio::post(core_.io(), [this] {
      for (const auto& connection : connections_) {
        connection->Abort();
      }
    });
    // What is left now are streams whose Pull still runs on a worker.
    (void)WaitUntilEmpty(Clock::now() + kFarewell);
  }
  core_.pool().Stop();
  core_.io().stop();
  thread_.join();
}

HttpServer::Counters Server::Count() const {
  return {core_.accepted, core_.handshake_failures, core_.requests, core_.refused, open_, core_.streams};
}

}  // namespace
}  // namespace simroot::net::serving

namespace simroot::net {

Result<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options, HttpHandler handler) {
  SR_TRY(auto context, MakeServerContext({options.certificate_chain, options.private_key, options.client_authorities}));
  options.private_key = SecretBytes();  // OpenSSL has it
  auto server = std::make_unique<serving::Server>(std::move(options), std::move(handler), std::move(context));
  SR_TRY_VOID(server->Listen());
  return Result<std::unique_ptr<HttpServer>>(std::move(server));
}

}  // namespace simroot::net
