// SPDX-License-Identifier: Apache-2.0
/// HTTPS: requests a second on kept connections, and full handshakes a second of our server beside a bare OpenSSL
/// accept loop with the same certificate, in turn in the same run.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "bench/rounds.hpp"
#include "common/host/unique_fd.hpp"
#include "common/net/http_client.hpp"
#include "common/net/http_server.hpp"
#include "common/net/testing/test_pki.hpp"
#include "common/net/tls.hpp"

namespace simroot::bench {
namespace {

[[noreturn]] void GiveUp(const std::string& why) {
  static_cast<void>(std::fprintf(stderr, "bench: %s\n", why.c_str()));
  std::exit(1);
}

UniqueFd Dial(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    GiveUp("cannot connect to the server under test");
  }
  return fd;
}

/// One full handshake as a client that trusts anybody; then the connection is cut.
void HandShake(SSL_CTX* context, std::uint16_t port) {
  const UniqueFd fd = Dial(port);
  const net::TlsConnection connection = net::MakeConnection(context, fd.get());
  if (SSL_connect(connection.get()) != 1) {
    GiveUp("the handshake failed");
  }
}

/// Accepts, shakes hands, closes: the least a TLS server can do, in one thread.
class BareServer {
 public:
  explicit BareServer(SSL_CTX* context) : context_(context), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd_.get(), 64) != 0 || ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      GiveUp("cannot listen");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~BareServer() {
    over_ = true;
    Dial(port_).Reset();  // it is woken, and has nobody to wait for
    thread_.join();
  }
  BareServer(const BareServer&) = delete;
  BareServer& operator=(const BareServer&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  void Run() {
    while (!over_) {
      const UniqueFd client(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      const int on = 1;
      (void)::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const net::TlsConnection connection = net::MakeConnection(context_, client.get());
      if (SSL_accept(connection.get()) == 1) {
        char byte = 0;
        (void)SSL_read(connection.get(), &byte, 1);  // until the client goes
      }
    }
  }

  SSL_CTX* context_;
  UniqueFd fd_;
  std::uint16_t port_ = 0;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

void Run(const std::string& folder) {
  using net::testing::MakeIdentity;
  const auto root = MakeIdentity({.name = "root", .ca = true}, nullptr);
  const auto identity = MakeIdentity({.name = "server", .alternative_names = "IP:127.0.0.1"}, &root);
  std::ofstream(folder + "/ca.pem") << root.certificate;

  net::HttpServerOptions options;
  options.certificate_chain = identity.certificate;
  options.private_key = identity.SecretKey();
  auto server = net::HttpServer::Start(std::move(options), [](const net::HttpRequest&) {
    net::HttpResponse answer;
    answer.body = R"({"status":"ok"})";
    return answer;
  });
  if (!server) {
    GiveUp(server.error().Text());
  }
  net::HttpClientOptions to_server;
  to_server.url = "https://127.0.0.1:" + std::to_string((*server)->port());
  to_server.ca_file = folder + "/ca.pem";

  constexpr int kThreads = 8;
  constexpr int kRequests = 1000;
  std::vector<std::thread> threads;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      const auto client = net::HttpClient::Create(to_server);
      for (int request = 0; client && request < kRequests; ++request) {
        if (const auto reply = (*client)->Send("GET", "/"); !reply || reply->status != 200) {
          GiveUp(reply ? "wrong status" : reply.error().Text());
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("requests on %d kept connections: %.0f/s (clients share the machine)\n", kThreads,
              kThreads * kRequests / took.count());

  const std::string no_authorities;
  auto bare_context = net::MakeServerContext({identity.certificate, identity.SecretKey(), no_authorities});
  const net::TlsContext client_context(SSL_CTX_new(TLS_client_method()));
  if (!bare_context || client_context == nullptr) {
    GiveUp("no TLS context");
  }
  BareServer bare(bare_context->get());
  const Comparison result = Compare([&] { HandShake(client_context.get(), (*server)->port()); },
                                    [&] { HandShake(client_context.get(), bare.port()); }, 9, 60);
  std::printf("full handshakes, one client: ours %.0f/s, bare accept loop %.0f/s, ratio %.2f\n", 1e6 / result.first_us,
              1e6 / result.second_us, result.ratio);
}

}  // namespace
}  // namespace simroot::bench

int main() {
  std::string folder = (std::filesystem::temp_directory_path() / "simroot-bench-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    simroot::bench::GiveUp("cannot make a folder like " + folder);
  }
  simroot::bench::Run(folder);
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  return 0;
}
