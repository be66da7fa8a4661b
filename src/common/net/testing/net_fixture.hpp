// SPDX-License-Identifier: Apache-2.0
/// A server with its own CA, files for clients in a directory of their own, and a client that may send anything.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/host/unique_fd.hpp"
#include "common/net/http_client.hpp"
#include "common/net/http_server.hpp"
#include "common/net/testing/test_pki.hpp"
#include "common/net/tls.hpp"

namespace simroot::net::testing {

/// Long enough for any machine; a test that waits so long has failed.
inline constexpr int kPatience_s = 20;

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, bool tls = true) {
    fd_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{kPatience_s, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    if (connected_ && tls) {
      StartTls();
    }
  }
  ~RawClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  [[nodiscard]] bool ready() const { return connected_ && ssl_ != nullptr; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] SSL* ssl() const { return ssl_; }

  bool Send(std::string_view text) {
    return SSL_write(ssl_, text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size());
  }
  /// Everything until the server closes.
  std::string ReadAll() {
    while (ReadMore()) {
    }
    return std::exchange(received_, {});
  }
  /// Until `text` has come, which is included; what came before it is given. Empty: it did not.
  std::string ReadUntil(std::string_view text) {
    std::size_t at = received_.find(text);
    while (at == std::string::npos && ReadMore()) {
      at = received_.find(text);
    }
    if (at == std::string::npos) {
      return {};
    }
    std::string out = received_.substr(0, at + text.size());
    received_.erase(0, at + text.size());
    return out;
  }
  /// Reads from the bare socket until it is closed. False: it is still open after all patience.
  bool WaitUntilClosed() {
    std::array<char, 4096> buffer{};
    ssize_t got = 0;
    while ((got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0)) > 0) {
    }
    return got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
  }

 private:
  void StartTls() {
    context_ = SSL_CTX_new(TLS_client_method());
    ssl_ = MakeConnection(context_, fd_.get()).release();  // raises no SIGPIPE
    if (SSL_connect(ssl_) != 1) {
      SSL_free(ssl_);
      ssl_ = nullptr;
    }
  }
  bool ReadMore() {
    std::array<char, 4096> buffer{};
    const int got = SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size()));
    received_.append(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    return got > 0;
  }

  UniqueFd fd_;
  bool connected_ = false;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  std::string received_;
};

class NetTest : public ::testing::Test {
 protected:
  NetTest() {
    std::string directory = (std::filesystem::temp_directory_path() / "simroot-net-XXXXXX").string();
    directory_ = ::mkdtemp(directory.data());
    root_ = MakeIdentity({.name = "root", .ca = true}, nullptr);
    server_identity_ = MakeIdentity({.name = "server", .alternative_names = "DNS:localhost,IP:127.0.0.1"}, &root_);
    WriteFile("ca.pem", root_.certificate);
  }
  ~NetTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  std::string WriteFile(const std::string& name, const std::string& content) {
    std::string path = directory_ + "/" + name;
    std::ofstream(path) << content;
    return path;
  }
  [[nodiscard]] std::string Path(const std::string& name) const { return directory_ + "/" + name; }

  HttpServerOptions Options() {
    HttpServerOptions options;
    options.certificate_chain = server_identity_.certificate;
    options.private_key = server_identity_.SecretKey();
    return options;
  }
  void Start(HttpHandler handler) { Start(Options(), std::move(handler)); }
  void Start(HttpServerOptions options, HttpHandler handler) {
    auto server = HttpServer::Start(std::move(options), std::move(handler));
    ASSERT_TRUE(server) << server.error().Text();
    server_ = std::move(*server);
  }
  [[nodiscard]] std::string Url(const std::string& host = "127.0.0.1") const {
    return "https://" + host + ":" + std::to_string(server_->port());
  }
  HttpClientOptions ClientOptions() {
    HttpClientOptions options;
    options.url = Url();
    options.ca_file = Path("ca.pem");
    options.timeout = std::chrono::seconds(kPatience_s);
    return options;
  }
  std::unique_ptr<HttpClient> MakeClient() { return MakeClient(ClientOptions()); }
  std::unique_ptr<HttpClient> MakeClient(HttpClientOptions options) {
    auto client = HttpClient::Create(std::move(options));
    EXPECT_TRUE(client) << client.error().Text();
    return client ? std::move(*client) : nullptr;
  }

  std::string directory_;
  Identity root_;
  Identity server_identity_;
  std::unique_ptr<HttpServer> server_;
};

/// An answer that says what was asked.
inline HttpResponse Echo(const HttpRequest& request) {
  HttpResponse answer;
  answer.content_type = "text/plain";
  answer.body = request.method + " " + request.path;
  for (const auto& [name, value] : request.query) {
    answer.body += " " + name + "=" + value;
  }
  answer.body += " [" + request.body + "]";
  return answer;
}

}  // namespace simroot::net::testing
