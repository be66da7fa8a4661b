// SPDX-License-Identifier: Apache-2.0
// A telemetry server: devices POST by HTTPS or by CoAP over DTLS, with the certificate or the pre-shared key in their
// SIM. Prints each message with the device it came from, and drops a device that is suspended or revoked.
//
//   c++ -std=c++17 -o telemetry telemetry.cpp $(pkg-config --cflags --libs simroot-server libssl libcrypto) -pthread
//   ./telemetry /var/lib/telemetry server.pem server.key 192.0.2.1 443 5684
// with the folder that `simroot server enrol` has written; port 0 takes a free one.
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <simroot/server.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <thread>

#include "messages.hpp"

namespace {
constexpr int kMostLive = 1'000;
std::atomic<int> live = 0;  // connections, with those that are waited for

struct Close {
  void operator()(SSL* connection) const { SSL_free(connection), --live; }
};
using Connection = std::unique_ptr<SSL, Close>;

void Print(const simroot::ServerDevice& device, const char* key, const std::string& text) {
  const std::string who = "{\"device\":" + Quoted(device.name) + ",\"iccid\":" + Quoted(device.iccid);
  std::puts((who + ",\"" + key + "\":" + Quoted(text) + "}").c_str());  // in one call: lines of threads do not mix
  std::fflush(stdout);
}

/// One connection, from its handshake to its end.
void Serve(simroot::Server& server, const Connection& connection, Protocol protocol) try {
  SSL* const ssl = connection.get();
  const auto device = SSL_accept(ssl) == 1 ? server.Identify(ssl) : std::nullopt;
  if (!device) {
    return;  // the middleware's log says why
  }
  std::atomic<bool> dropped = false;
  const auto watch = server.Watch(ssl, [&dropped, fd = SSL_get_fd(ssl)] {
    dropped = true;           // printed below: the thread that calls this must not wait for anybody
    shutdown(fd, SHUT_RDWR);  // wakes the read
  });
  std::string input, message, reply;
  std::array<char, 4'096> buffer{};
  for (int got = 0; input.size() < 2 * kLongest && (got = SSL_read(ssl, buffer.data(), buffer.size())) > 0;) {
    input.append(buffer.data(), static_cast<std::size_t>(got));
    while (!dropped && !input.empty() && protocol(input, message, reply)) {
      if (!message.empty()) {
        Print(*device, "message", message);
      }
      SSL_write(ssl, reply.data(), static_cast<int>(reply.size()));
    }
  }
  if (dropped) {
    Print(*device, "event", "dropped");
  }
} catch (const std::exception&) {  // no memory: the device will try again
}

/// A socket on the address, whose port may be 0 before and is not after.
int Bind(int type, sockaddr_in& address) {
  const int fd = socket(AF_INET, type, 0), on = 1;
  const timeval idle{600, 0};
  socklen_t size = sizeof(address);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof(idle));
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || (type == SOCK_STREAM && listen(fd, 64) != 0) ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    close(fd);
    throw std::runtime_error("cannot use port " + std::to_string(ntohs(address.sin_port)));
  }
  return fd;
}

/// Waits for the next device.
Connection Accept(SSL_CTX* context, int listener, sockaddr_in* datagrams) {
  Connection connection(SSL_new(context));
  live += connection ? 1 : 0;
  BIO* const bio = datagrams ? BIO_new_dgram(listener, BIO_NOCLOSE) : BIO_new_socket(-1, BIO_CLOSE);
  if (!connection || !bio) {
    throw std::bad_alloc();
  }
  SSL_set_bio(connection.get(), bio, bio);
  int fd = -1;
  if (datagrams) {
    const std::unique_ptr<BIO_ADDR, decltype(&BIO_ADDR_free)> peer(BIO_ADDR_new(), BIO_ADDR_free);
    while (DTLSv1_listen(connection.get(), peer.get()) < 1) {  // until somebody has sent back his cookie
    }
    fd = Bind(SOCK_DGRAM, *datagrams);  // what he sends from now on arrives here
    BIO_connect(fd, peer.get(), 0);
    BIO_ctrl_set_connected(bio, peer.get());
  } else {
    if ((fd = accept(listener, nullptr, nullptr)) < 0) {
      throw std::runtime_error("no descriptor is free");
    }
  }
  BIO_set_fd(bio, fd, BIO_CLOSE);
  return connection;
}

SSL_CTX* MakeContext(simroot::Server& server, const SSL_METHOD* method, char** files) {
  SSL_CTX* const context = SSL_CTX_new(method);
  if (SSL_CTX_use_certificate_chain_file(context, files[0]) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, files[1], SSL_FILETYPE_PEM) != 1) {
    throw std::runtime_error("the server's certificate or key cannot be used");
  }
  SSL_CTX_set_cookie_generate_cb(context, MakeCookie);
  SSL_CTX_set_cookie_verify_cb(context, IsCookie);
  server.Attach(context);
  return context;
}

void Run(simroot::Server& server, SSL_CTX* context, int listener, sockaddr_in* datagrams) {
  for (;; std::this_thread::sleep_for(std::chrono::milliseconds(50))) {  // until something may be free again
    try {
      while (live < kMostLive) {
        std::thread(Serve, std::ref(server), Accept(context, listener, datagrams), datagrams ? Coap : Http).detach();
      }
    } catch (const std::exception&) {  // no descriptor or no thread: the device will try again
    }
  }
}
}  // namespace

int main(int argc, char** argv) try {
  if (argc != 7) {
    throw std::runtime_error("usage: telemetry FOLDER CERTIFICATE.pem KEY.pem ADDRESS HTTPS-PORT COAPS-PORT");
  }
  std::signal(SIGPIPE, SIG_IGN);
  simroot::Server server({argv[1]});
  sockaddr_in https{AF_INET, htons(static_cast<std::uint16_t>(std::atoi(argv[5]))), {inet_addr(argv[4])}, {}};
  sockaddr_in coaps{AF_INET, htons(static_cast<std::uint16_t>(std::atoi(argv[6]))), {inet_addr(argv[4])}, {}};
  const int stream = Bind(SOCK_STREAM, https), datagrams = Bind(SOCK_DGRAM, coaps);
  SSL_CTX* const tls = MakeContext(server, TLS_server_method(), argv + 2);
  SSL_CTX* const dtls = MakeContext(server, DTLS_server_method(), argv + 2);
  std::printf("https on port %d, coaps on port %d\n", ntohs(https.sin_port), ntohs(coaps.sin_port));
  std::fflush(stdout);
  std::thread(Run, std::ref(server), dtls, datagrams, &coaps).detach();
  Run(server, tls, stream, nullptr);
} catch (const std::exception& error) {
  std::fprintf(stderr, "telemetry: %s\n", error.what());
  return 1;
}
