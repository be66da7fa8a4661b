// SPDX-License-Identifier: Apache-2.0
// A telemetry server: devices POST by HTTPS or by CoAP over DTLS, with the certificate or the pre-shared key in their
// SIM. Prints each message with the device it came from, and drops a device that is suspended or revoked.
//
//   c++ -std=c++17 -o telemetry telemetry.cpp $(pkg-config --cflags --libs simroot-server libssl libcrypto) -pthread
//   ./telemetry /var/lib/telemetry server.pem server.key 192.0.2.1 443 5684
// with the folder that `simroot server enrol` has written; port 0 takes a free one. Connections are not limited here.
#include <arpa/inet.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <simroot/server.hpp>

#include <array>
#include <csignal>
#include <cstdio>
#include <thread>

#include "messages.hpp"

namespace {
void Print(const simroot::ServerDevice& device, const char* key, const std::string& text) {
  std::string line = "{\"device\":\"" + device.name + "\",\"iccid\":\"" + device.iccid + "\",\"" + key + "\":\"";
  for (const char c : text) {
    std::array<char, 8> json{c};
    if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\') {
      std::snprintf(json.data(), json.size(), "\\u%04x", static_cast<unsigned>(c));
    }
    line += json.data();
  }
  std::puts((line + "\"}").c_str());  // in one call: lines of several threads do not mix
  std::fflush(stdout);
}

/// One connection, from its handshake to its end.
void Serve(simroot::Server& server, SSL* connection, Protocol protocol) {
  const std::unique_ptr<SSL, decltype(&SSL_free)> owner(connection, SSL_free);
  if (SSL_accept(connection) != 1) {
    return;  // the middleware's log says why
  }
  const auto device = server.Identify(connection);
  if (!device) {
    return;
  }
  const auto watch = server.Watch(connection, [&device, fd = SSL_get_fd(connection)] {
    Print(*device, "event", "dropped");
    shutdown(fd, SHUT_RDWR);  // wakes the read below
  });
  std::string input, message, reply;
  std::array<char, 4'096> buffer{};
  for (int got = 0; input.size() < 2 * kLongest && (got = SSL_read(connection, buffer.data(), buffer.size())) > 0;) {
    input.append(buffer.data(), static_cast<std::size_t>(got));
    while (!input.empty() && protocol(input, message, reply)) {
      if (!message.empty()) {
        Print(*device, "message", message);
      }
      SSL_write(connection, reply.data(), static_cast<int>(reply.size()));
    }
  }
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
    throw std::runtime_error("cannot use port " + std::to_string(ntohs(address.sin_port)));
  }
  return fd;
}

/// Waits for the next device.
SSL* Accept(SSL_CTX* context, int listener, sockaddr_in* datagrams) {
  SSL* const connection = SSL_new(context);
  BIO* const bio = datagrams ? BIO_new_dgram(listener, BIO_NOCLOSE) : BIO_new_socket(-1, BIO_CLOSE);
  SSL_set_bio(connection, bio, bio);
  int fd = -1;
  if (datagrams) {
    const std::unique_ptr<BIO_ADDR, decltype(&BIO_ADDR_free)> peer(BIO_ADDR_new(), BIO_ADDR_free);
    while (DTLSv1_listen(connection, peer.get()) < 1) {  // until somebody has sent back his cookie
    }
    fd = Bind(SOCK_DGRAM, *datagrams);  // what he sends from now on arrives here
    BIO_connect(fd, peer.get(), 0);
    BIO_ctrl_set_connected(bio, peer.get());
  } else {
    while ((fd = accept(listener, nullptr, nullptr)) < 0) {
    }
  }
  BIO_set_fd(bio, fd, BIO_CLOSE);
  return connection;
}

/// What a stranger must send back to show that he is at his address.
int MakeCookie(SSL* connection, unsigned char* cookie, unsigned* size) {
  static std::array<unsigned char, 32> key{};
  static const int random = RAND_bytes(key.data(), 32);
  std::array<unsigned char, sizeof(sockaddr_in)> peer{};
  BIO_ctrl(SSL_get_rbio(connection), BIO_CTRL_DGRAM_GET_PEER, peer.size(), peer.data());
  return random == 1 && HMAC(EVP_sha256(), key.data(), key.size(), peer.data(), peer.size(), cookie, size) != nullptr;
}
int IsCookie(SSL* connection, const unsigned char* cookie, unsigned size) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> right{};
  unsigned length = 0;
  return MakeCookie(connection, right.data(), &length) && size == length && !CRYPTO_memcmp(cookie, right.data(), size);
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
  for (;;) {
    std::thread(Serve, std::ref(server), Accept(context, listener, datagrams), datagrams ? Coap : Http).detach();
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
