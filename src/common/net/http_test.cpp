// SPDX-License-Identifier: Apache-2.0
// Client and server together.
#include <atomic>
#include <future>
#include <thread>

#include "common/net/testing/net_fixture.hpp"

namespace simroot::net::testing {
namespace {

using HttpTest = NetTest;

TEST_F(HttpTest, ServesRequestsOnOneConnection) {
  Start(Echo);
  const auto client = MakeClient();
  for (int i = 0; i < 3; ++i) {
    const auto reply = client->Send("POST", "/v1/a%20b?x=1&y=%C3%A9", "body");
    ASSERT_TRUE(reply) << reply.error().Text();
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->body, "POST /v1/a b x=1 y=\xC3\xA9 [body]");
    EXPECT_EQ(reply->headers.at("content-type"), "text/plain");
  }
  EXPECT_EQ(server_->Count().connections, 1U);
  EXPECT_EQ(server_->Count().requests, 3U);
}

TEST_F(HttpTest, CarriesLargeBodiesBothWays) {
  Start(Echo);
  const std::string body(3 * 1024 * 1024, 'x');
  const auto reply = MakeClient()->Send("PUT", "/", body);
  ASSERT_TRUE(reply) << reply.error().Text();
  EXPECT_EQ(reply->body, "PUT / [" + body + "]");
}

TEST_F(HttpTest, AnswersHeadWithoutBodyAndKeepsTheConnection) {
  Start(Echo);
  const auto client = MakeClient();
  const auto head = client->Send("HEAD", "/a");
  ASSERT_TRUE(head) << head.error().Text();
  EXPECT_EQ(head->body, "");
  EXPECT_EQ(head->headers.at("content-length"), "10");
  EXPECT_TRUE(client->Send("GET", "/a"));
  EXPECT_EQ(server_->Count().connections, 1U);
}

TEST_F(HttpTest, SendsTokenAndHeaders) {
  Headers seen;
  Start([&](const HttpRequest& request) {
    seen = request.headers;
    HttpResponse answer;
    answer.status = 204;
    answer.headers["x-answer"] = "one\r\nx-injected: two";
    return answer;
  });
  auto options = ClientOptions();
  options.token = "secret";
  const auto reply = MakeClient(std::move(options))->Send("GET", "/", {}, {{"x-question", "why"}});
  ASSERT_TRUE(reply) << reply.error().Text();
  EXPECT_EQ(reply->status, 204);
  EXPECT_EQ(seen["authorization"], "Bearer secret");
  EXPECT_EQ(seen["x-question"], "why");
  EXPECT_FALSE(reply->headers.contains("x-injected"));
}

TEST_F(HttpTest, AnExceptionOfTheHandlerIsA500ThatTellsNothing) {
  Start([](const HttpRequest&) -> HttpResponse { throw std::runtime_error("the key is 42"); });
  const auto client = MakeClient();
  const auto reply = client->Send("GET", "/");
  ASSERT_TRUE(reply) << reply.error().Text();
  EXPECT_EQ(reply->status, 500);
  EXPECT_EQ(reply->body.find("42"), std::string::npos);
  EXPECT_TRUE(client->Send("GET", "/"));
}

TEST_F(HttpTest, ClientComesBackAfterTheServerClosedAKeptConnection) {
  Start(Echo);
  const auto client = MakeClient();
  ASSERT_TRUE(client->Send("GET", "/1"));
  const std::uint16_t port = server_->port();
  server_.reset();
  auto options = Options();
  options.port = port;
  Start(std::move(options), Echo);
  const auto reply = client->Send("GET", "/2");
  ASSERT_TRUE(reply) << reply.error().Text();
  EXPECT_EQ(reply->body, "GET /2 []");
}

/// Answers the first request, reads the second one and closes without a word; answers all that come on later
/// connections.
class ForgetfulServer {
 public:
  explicit ForgetfulServer(const Identity& identity) {
    const std::string no_clients;
    const SecretBytes key = identity.SecretKey();
    context_ = std::move(*MakeServerContext({identity.certificate, key, no_clients}));
    listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 5), 0);
    EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~ForgetfulServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);  // ends accept
    thread_.join();
  }
  ForgetfulServer(const ForgetfulServer&) = delete;
  ForgetfulServer& operator=(const ForgetfulServer&) = delete;

  std::uint16_t port = 0;
  std::atomic<int> requests = 0;

 private:
  void Run() {
    while (true) {
      const UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!fd) {
        return;
      }
      const timeval patience{kPatience_s, 0};
      setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      const TlsConnection ssl = MakeConnection(context_.get(), fd.get());
      std::array<char, 4096> request{};
      while (SSL_accept(ssl.get()) == 1 && SSL_read(ssl.get(), request.data(), static_cast<int>(request.size())) > 0 &&
             ++requests != 2) {
        constexpr std::string_view kAnswer = "HTTP/1.1 204 No Content\r\n\r\n";
        (void)SSL_write(ssl.get(), kAnswer.data(), static_cast<int>(kAnswer.size()));
      }
    }
  }

  TlsContext context_;
  UniqueFd listener_;
  std::thread thread_;
};

TEST_F(HttpTest, WhatIsPerhapsDoneIsAskedForOnceMoreOnlyIfThatDoesNoHarm) {
  const struct {
    const char* method;
    Headers headers;
    bool repeated;
  } kCases[]{{"GET", {}, true},   {"PUT", {}, true},   {"DELETE", {}, true}, {"POST", {{"idempotency-key", "k"}}, true},
             {"POST", {}, false}, {"PATCH", {}, false}};
  for (const auto& one : kCases) {
    SCOPED_TRACE(one.method);
    ForgetfulServer server(server_identity_);
    HttpClientOptions options;
    options.url = "https://127.0.0.1:" + std::to_string(server.port);
    options.ca_file = Path("ca.pem");
    options.timeout = std::chrono::seconds(kPatience_s);
    const auto client = MakeClient(std::move(options));
    ASSERT_TRUE(client->Send("GET", "/"));
    const auto reply = client->Send(one.method, "/", {}, one.headers);
    EXPECT_EQ(reply.has_value(), one.repeated);
    EXPECT_EQ(server.requests, one.repeated ? 3 : 2);
  }
}

// ---- who the server is ----

TEST_F(HttpTest, ClientRefusesAServerOfAnotherCa) {
  Start(Echo);
  auto options = ClientOptions();
  options.ca_file = WriteFile("other.pem", MakeIdentity({.name = "other", .ca = true}, nullptr).certificate);
  const auto reply = MakeClient(std::move(options))->Send("GET", "/");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().domain, ErrorDomain::kCrypto);
  EXPECT_NE(reply.error().Text().find("--ca"), std::string::npos) << reply.error().Text();
}

TEST_F(HttpTest, ClientRefusesAServerWithAnotherName) {
  server_identity_ = MakeIdentity({.name = "localhost", .alternative_names = "DNS:elsewhere.example"}, &root_);
  Start(Echo);
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    auto options = ClientOptions();
    options.url = Url(host);
    const auto reply = MakeClient(std::move(options))->Send("GET", "/");
    ASSERT_FALSE(reply) << host;
    EXPECT_EQ(reply.error().domain, ErrorDomain::kCrypto);
    EXPECT_NE(reply.error().Text().find("name or address"), std::string::npos) << reply.error().Text();
  }
}

TEST_F(HttpTest, ClientTakesAHostName) {
  Start(Echo);
  auto options = ClientOptions();
  options.url = Url("localhost") + "/prefix/";
  const auto reply = MakeClient(std::move(options))->Send("GET", "/a");
  ASSERT_TRUE(reply) << reply.error().Text();
  EXPECT_EQ(reply->body, "GET /prefix/a []");
}

TEST_F(HttpTest, ClientRefusesAnExpiredServer) {
  server_identity_ = MakeIdentity(
      {.name = "server", .alternative_names = "IP:127.0.0.1", .not_before_s = -7200, .not_after_s = -3600}, &root_);
  Start(Echo);
  const auto reply = MakeClient()->Send("GET", "/");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().domain, ErrorDomain::kCrypto);
  EXPECT_NE(reply.error().Text().find("clock"), std::string::npos) << reply.error().Text();
}

TEST_F(HttpTest, ClientSaysWhyItCannotConnect) {
  Start(Echo);
  const std::string url = Url();
  server_.reset();
  HttpClientOptions options;
  options.url = url;
  options.ca_file = Path("ca.pem");
  const auto refused = MakeClient(options)->Send("GET", "/");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().domain, ErrorDomain::kTransport);
  EXPECT_NE(refused.error().Text().find("port"), std::string::npos);
  options.url = "https://no-such-host.invalid";
  const auto unknown = MakeClient(options)->Send("GET", "/");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().domain, ErrorDomain::kTransport);
  EXPECT_NE(unknown.error().Text().find("no-such-host.invalid"), std::string::npos);
}

TEST_F(HttpTest, ClientRefusesWhatItCannotUse) {
  for (const std::string url : {"http://localhost", "https://", "localhost", "https://a@b", "https://h:0",
                                "https://h:99999", "https://h/?q", "https://[::1", "https://h h/", "https://h/../x"}) {
    HttpClientOptions options;
    options.url = url;
    options.ca_file = Path("ca.pem");
    const auto client = HttpClient::Create(options);
    ASSERT_FALSE(client) << url;
    EXPECT_EQ(client.error().domain, ErrorDomain::kUsage);
  }
  HttpClientOptions options;
  options.url = "https://localhost";
  options.ca_file = Path("missing.pem");
  EXPECT_FALSE(HttpClient::Create(options));
  options.ca_file = Path("ca.pem");
  options.client_certificate_file = Path("ca.pem");
  EXPECT_FALSE(HttpClient::Create(options));
}

TEST_F(HttpTest, ClientGivesUpWhenNoAnswerComes) {
  std::promise<void> release;
  auto released = release.get_future().share();
  Start([released](const HttpRequest&) {
    released.wait();
    return HttpResponse{};
  });
  auto options = ClientOptions();
  options.timeout = std::chrono::milliseconds(300);
  const auto reply = MakeClient(std::move(options))->Send("GET", "/");
  release.set_value();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().domain, ErrorDomain::kTransport);
}

TEST_F(HttpTest, AnInterruptEndsTheRequestThatWaits) {
  std::promise<void> asked;
  std::promise<void> release;
  auto released = release.get_future().share();
  Start([&asked, released](const HttpRequest& request) {
    if (request.path == "/slow") {
      asked.set_value();
      released.wait();
    }
    return HttpResponse{};
  });
  const auto client = MakeClient();
  auto waiting = std::async(std::launch::async, [&] { return client->Send("GET", "/slow"); });
  asked.get_future().wait();
  client->Interrupt();
  const auto reply = waiting.get();
  release.set_value();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().domain, ErrorDomain::kTransport);
  EXPECT_NE(reply.error().message.find("interrupted"), std::string::npos);
  EXPECT_TRUE(client->Send("GET", "/")) << "an interrupt is good for one request";
}

TEST_F(HttpTest, AnInterruptThatComesTooEarlyEndsTheNextRequest) {
  Start(Echo);
  for (const char* const host : {"127.0.0.1", "localhost"}) {
    auto options = ClientOptions();
    options.url = Url(host);
    const auto client = MakeClient(std::move(options));
    client->Interrupt();
    client->Interrupt();
    EXPECT_FALSE(client->Send("GET", "/")) << host;
    EXPECT_TRUE(client->Send("GET", "/")) << host;
  }
}

TEST_F(HttpTest, ConnectingHasALimitOfItsOwn) {
  // It listens and never says a word.
  const UniqueFd silent(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(silent.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(silent.get(), 1), 0);
  ASSERT_EQ(::getsockname(silent.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  HttpClientOptions options;
  options.url = "https://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  options.ca_file = Path("ca.pem");
  options.timeout = std::chrono::hours(1);
  options.connecting = std::chrono::milliseconds(100);
  const auto reply = MakeClient(std::move(options))->Send("GET", "/");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().domain, ErrorDomain::kTransport);
}

// ---- client certificates ----

class ClientCertificateTest : public NetTest {
 protected:
  ClientCertificateTest() {
    clients_ = MakeIdentity({.name = "clients", .ca = true}, nullptr);
    auto options = Options();
    options.client_authorities = clients_.certificate;
    Start(std::move(options), [this](const HttpRequest& request) {
      seen_ = request.client_certificate;
      return HttpResponse{};
    });
  }
  Result<HttpReply> SendWith(const Identity& identity) {
    auto options = ClientOptions();
    options.client_certificate_file = WriteFile("client.pem", identity.certificate);
    options.client_key_file = WriteFile("client.key", identity.key);
    return MakeClient(std::move(options))->Send("GET", "/");
  }

  Identity clients_;
  Bytes seen_;
};

TEST_F(ClientCertificateTest, IsHandedToTheHandler) {
  const Identity client = MakeIdentity({.name = "web-1", .client = true}, &clients_);
  const auto reply = SendWith(client);
  ASSERT_TRUE(reply) << reply.error().Text();
  unsigned char* der = nullptr;
  const int size = i2d_X509(client.x509.get(), &der);
  EXPECT_EQ(seen_, Bytes(der, der + size));
  OPENSSL_free(der);
}

TEST_F(ClientCertificateTest, IsNotDemanded) {
  ASSERT_TRUE(MakeClient()->Send("GET", "/"));
  EXPECT_TRUE(seen_.empty());
}

TEST_F(ClientCertificateTest, OfAnotherCaFailsTheHandshake) {
  const auto reply = SendWith(MakeIdentity({.name = "web-1", .client = true}, &root_));
  ASSERT_FALSE(reply);
  EXPECT_TRUE(seen_.empty());
  EXPECT_EQ(server_->Count().requests, 0U);
}

TEST_F(ClientCertificateTest, ExpiredOrForServersFailsTheHandshake) {
  EXPECT_FALSE(
      SendWith(MakeIdentity({.name = "old", .client = true, .not_before_s = -7200, .not_after_s = -3600}, &clients_)));
  EXPECT_FALSE(SendWith(MakeIdentity({.name = "server"}, &clients_)));
  EXPECT_EQ(server_->Count().requests, 0U);
}

// ---- identity, limits, end ----

TEST_F(HttpTest, ReplacesItsIdentityForNewConnections) {
  Start(Echo);
  const auto kept = MakeClient();
  ASSERT_TRUE(kept->Send("GET", "/"));
  const Identity other = MakeIdentity({.name = "other", .ca = true}, nullptr);
  const Identity fresh = MakeIdentity({.name = "fresh", .alternative_names = "IP:127.0.0.1"}, &other);
  EXPECT_FALSE(server_->ReplaceIdentity(fresh.certificate, root_.SecretKey()));
  ASSERT_TRUE(server_->ReplaceIdentity(fresh.certificate, fresh.SecretKey()));
  EXPECT_TRUE(kept->Send("GET", "/"));
  EXPECT_FALSE(MakeClient()->Send("GET", "/"));
  auto options = ClientOptions();
  options.ca_file = WriteFile("other.pem", other.certificate);
  EXPECT_TRUE(MakeClient(std::move(options))->Send("GET", "/"));
}

TEST_F(HttpTest, DoesNotStartWithWhatCannotBeUsed) {
  auto wrong_key = Options();
  wrong_key.private_key = root_.SecretKey();
  EXPECT_EQ(HttpServer::Start(std::move(wrong_key), Echo).error().domain, ErrorDomain::kCrypto);
  auto wrong_address = Options();
  wrong_address.address = "localhost";
  EXPECT_EQ(HttpServer::Start(std::move(wrong_address), Echo).error().domain, ErrorDomain::kTransport);
  Start(Echo);
  auto taken = Options();
  taken.port = server_->port();
  const auto second = HttpServer::Start(std::move(taken), Echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().domain, ErrorDomain::kTransport);
  EXPECT_NE(second.error().Text().find(std::to_string(server_->port())), std::string::npos);
}

TEST_F(HttpTest, StopLetsARunningRequestEnd) {
  std::promise<void> begun;
  std::promise<void> release;
  auto released = release.get_future().share();
  Start([&begun, released](const HttpRequest& request) {
    begun.set_value();
    released.wait();
    return Echo(request);
  });
  auto asked = std::async(std::launch::async, [client = MakeClient()] { return client->Send("GET", "/slow"); });
  begun.get_future().wait();
  auto stopped = std::async(std::launch::async, [this] { server_->Stop(kPatience_s); });
  release.set_value();
  const auto reply = asked.get();
  ASSERT_TRUE(reply) << reply.error().Text();
  EXPECT_EQ(reply->body, "GET /slow []");
  stopped.get();
  EXPECT_FALSE(MakeClient()->Send("GET", "/"));
}

TEST_F(HttpTest, StopWithoutGraceClosesIdleAndHalfSentConnections) {
  Start(Echo);
  RawClient idle(server_->port());
  RawClient half(server_->port());
  ASSERT_TRUE(idle.ready() && half.ready());
  ASSERT_TRUE(half.Send("GET / HTTP/1.1\r\nHos"));
  server_->Stop(0);
  EXPECT_TRUE(idle.WaitUntilClosed());
  EXPECT_TRUE(half.WaitUntilClosed());
}

TEST_F(HttpTest, ClosesConnectionsBeyondItsLimits) {
  auto options = Options();
  options.connections_per_address = 2;
  Start(std::move(options), Echo);
  RawClient first(server_->port());
  RawClient second(server_->port());
  ASSERT_TRUE(first.ready() && second.ready());
  RawClient third(server_->port());
  EXPECT_FALSE(third.ready());
  ASSERT_TRUE(first.Send("GET /still HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  EXPECT_NE(first.ReadAll().find("GET /still"), std::string::npos);
  EXPECT_GE(server_->Count().refused, 1U);
}

TEST_F(HttpTest, ServesFiveHundredConnectionsAtOnce) {
  Start(Echo);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 500; ++i) {
    clients.push_back(std::make_unique<RawClient>(server_->port()));
    ASSERT_TRUE(clients.back()->ready()) << i;
  }
  EXPECT_EQ(server_->Count().open, 500U);
  for (const auto& client : clients) {
    ASSERT_TRUE(client->Send("GET /many HTTP/1.1\r\nHost: a\r\n\r\n"));
  }
  for (const auto& client : clients) {
    EXPECT_NE(client->ReadUntil("GET /many []"), "");
  }
}

}  // namespace
}  // namespace simroot::net::testing
