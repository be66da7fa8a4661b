// SPDX-License-Identifier: Apache-2.0
// Clients that do not behave, deadlines, and streams.
#include <netinet/tcp.h>
#include <poll.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "common/net/testing/net_fixture.hpp"

namespace simroot::net::testing {
namespace {

class AttackTest : public NetTest {
 protected:
  std::string Exchange(const std::string& text) {
    RawClient client(server_->port());
    EXPECT_TRUE(client.ready());
    EXPECT_TRUE(client.Send(text));
    return client.ReadAll();
  }
  /// The server still serves.
  void ExpectAlive() {
    const auto reply = MakeClient()->Send("GET", "/alive");
    ASSERT_TRUE(reply) << reply.error().Text();
    EXPECT_EQ(reply->status, 200);
  }
  HttpServerOptions Impatient() {
    auto options = Options();
    options.handshake_timeout_s = 1;
    options.request_timeout_s = 1;
    options.idle_timeout_s = 1;
    return options;
  }
};

TEST_F(AttackTest, RefusalsAreWrittenAndClose) {
  auto options = Options();
  options.body_limit = 1000;
  Start(std::move(options), Echo);
  const std::vector<std::pair<std::string, std::string>> cases{
      {"GARBAGE\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", "413"},
      {"GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'a'), "431"},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "501"},
  };
  for (const auto& [text, status] : cases) {
    const std::string answer = Exchange(text);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + status)) << answer.substr(0, 200);
    EXPECT_NE(answer.find("Connection: close"), std::string::npos);
    EXPECT_NE(answer.find("application/problem+json"), std::string::npos);
  }
  EXPECT_EQ(server_->Count().refused, cases.size());
  EXPECT_EQ(server_->Count().requests, 0U);
  ExpectAlive();
}

TEST_F(AttackTest, ARefusalArrivesThoughTheClientGoesOnSending) {
  auto options = Options();
  options.body_limit = 1000;
  Start(std::move(options), Echo);
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n"));
  for (int i = 0; i < 20; ++i) {
    (void)client.Send(std::string(10'000, 'x'));
  }
  EXPECT_TRUE(client.ReadAll().starts_with("HTTP/1.1 413"));
}

TEST_F(AttackTest, PipelinedRequestsAreAnsweredInOrder) {
  std::atomic<int> at_once = 0;
  std::atomic<int> most = 0;
  Start([&](const HttpRequest& request) {
    most = std::max(most.load(), ++at_once);
    HttpResponse answer = Echo(request);
    --at_once;
    return answer;
  });
  std::string text;
  for (int i = 0; i < 20; ++i) {
    text +=
        "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n" + (i == 19 ? "Connection: close\r\n" : "") + "\r\n";
  }
  const std::string answers = Exchange(text);
  std::size_t at = 0;
  for (int i = 0; i < 20; ++i) {
    at = answers.find("GET /" + std::to_string(i) + " []", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_EQ(most, 1);
}

TEST_F(AttackTest, ContinueIsSaidBeforeTheBody) {
  Start(Echo);
  RawClient client(server_->port());
  ASSERT_TRUE(
      client.Send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"
                  "Connection: close\r\n\r\n"));
  EXPECT_TRUE(client.ReadUntil("\r\n\r\n").starts_with("HTTP/1.1 100 Continue"));
  ASSERT_TRUE(client.Send("ok"));
  EXPECT_TRUE(client.ReadAll().ends_with("POST /a [ok]"));
}

TEST_F(AttackTest, TooLongBodiesAreNotInvited) {
  Start(Echo);
  const std::string answer =
      Exchange("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 413")) << answer;
}

TEST_F(AttackTest, ChunkedUploadsAreServed) {
  Start(Echo);
  EXPECT_TRUE(Exchange("POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                       "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
                  .ends_with("POST /c [abcde]"));
}

TEST_F(AttackTest, AHalfClosedClientGetsItsAnswer) {
  Start(Echo);
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send("GET /half HTTP/1.1\r\nHost: x\r\n\r\n"));
  SSL_shutdown(client.ssl());
  ::shutdown(client.fd(), SHUT_WR);
  EXPECT_NE(client.ReadAll().find("GET /half []"), std::string::npos);
}

TEST_F(AttackTest, OldClientsAreServedOnce) {
  Start(Echo);
  const std::string answer = Exchange("GET /old HTTP/1.0\r\n\r\n");
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("GET /old []"));
}

TEST_F(AttackTest, ConnectionsThatBreakInTheMiddleLeaveNothing) {
  Start(Echo);
  const std::string text = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nhalf of it";
  for (std::size_t size = 0; size <= text.size(); size += 7) {
    RawClient client(server_->port());
    ASSERT_TRUE(client.ready());
    (void)client.Send(text.substr(0, std::max<std::size_t>(size, 1)));
    const linger reset{1, 0};
    setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  ExpectAlive();
  EXPECT_EQ(server_->Count().requests, 1U);
}

TEST_F(AttackTest, WhatIsNotTlsIsDropped) {
  Start(Echo);
  for (const std::string& text : {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string(5'000, '\xFF'),
                                  std::string("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10), std::string(1, '\0')}) {
    RawClient client(server_->port(), false);
    ASSERT_EQ(::send(client.fd(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    ::shutdown(client.fd(), SHUT_WR);
    EXPECT_TRUE(client.WaitUntilClosed());
  }
  ExpectAlive();
  EXPECT_EQ(server_->Count().handshake_failures, 4U);
}

TEST_F(AttackTest, OldTlsIsRefused) {
  Start(Echo);
  const auto connects = [&](int version, const char* ciphers) {
    RawClient client(server_->port(), false);
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    if (ciphers != nullptr) {
      SSL_CTX_set_cipher_list(context, ciphers);
    }
    const TlsConnection ssl = MakeConnection(context, client.fd());
    const bool done = SSL_connect(ssl.get()) == 1;
    SSL_CTX_free(context);
    return done;
  };
  EXPECT_FALSE(connects(TLS1_1_VERSION, "ALL:@SECLEVEL=0"));
  EXPECT_FALSE(connects(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256"));
  EXPECT_TRUE(connects(TLS1_2_VERSION, nullptr));
  EXPECT_TRUE(connects(TLS1_3_VERSION, nullptr));
}

/// One request with this version of TLS, in `session` if there is one. @returns the session, and whether it was an old
/// one.
std::pair<SSL_SESSION*, bool> RequestIn(SSL_SESSION* session, int version, std::uint16_t port) {
  RawClient client(port, false);
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT);
  SSL_CTX_set_max_proto_version(context, version);
  const TlsConnection ssl = MakeConnection(context, client.fd());
  SSL_CTX_free(context);
  if (session != nullptr) {
    SSL_set_session(ssl.get(), session);
  }
  constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(SSL_connect(ssl.get()), 1);
  EXPECT_GT(SSL_write(ssl.get(), kRequest.data(), static_cast<int>(kRequest.size())), 0);
  std::array<char, 4096> answer{};
  while (SSL_read(ssl.get(), answer.data(), static_cast<int>(answer.size())) > 0) {
  }
  SSL_shutdown(ssl.get());
  return {SSL_get1_session(ssl.get()), SSL_session_reused(ssl.get()) == 1};
}

TEST_F(AttackTest, NoSessionIsResumed) {
  Start(Echo);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto [session, reused] = RequestIn(nullptr, version, server_->port());
    EXPECT_EQ(SSL_SESSION_has_ticket(session), 0) << "bytes for nothing";
    const auto [second, reused_now] = RequestIn(session, version, server_->port());
    EXPECT_FALSE(reused || reused_now) << "an old secret opens a new connection";
    SSL_SESSION_free(session);
    SSL_SESSION_free(second);
  }
}

// ---- deadlines: only that they end it, never when ----

TEST_F(AttackTest, ASilentConnectionIsClosedBeforeAndAfterTheHandshake) {
  Start(Impatient(), Echo);
  RawClient silent(server_->port(), false);
  EXPECT_TRUE(silent.WaitUntilClosed());
  RawClient idle(server_->port());
  ASSERT_TRUE(idle.ready());
  EXPECT_TRUE(idle.WaitUntilClosed());
  ExpectAlive();
}

TEST_F(AttackTest, ADrippedRequestIsA408) {
  auto options = Impatient();
  options.idle_timeout_s = 60;
  Start(std::move(options), Echo);
  RawClient client(server_->port());
  ASSERT_TRUE(client.ready());
  // Never silent for as long as the limit, and never complete.
  const std::string text = "GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(200, 'a');
  bool answered = false;
  for (std::size_t sent = 0; sent < text.size() && !answered; ++sent) {
    ASSERT_TRUE(client.Send(std::string_view(text).substr(sent, 1)));
    pollfd readable{client.fd(), POLLIN, 0};
    if (::poll(&readable, 1, 100) == 1) {
      char byte = 0;
      answered = SSL_peek(client.ssl(), &byte, 1) == 1;
    }
  }
  EXPECT_TRUE(answered) << "it was served for as long as it dripped";
  const std::string answer = client.ReadAll();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 408")) << answer;
  ExpectAlive();
}

TEST_F(AttackTest, ABodyThatNeverEndsIsA408) {
  auto options = Impatient();
  options.idle_timeout_s = 60;
  Start(std::move(options), Echo);
  EXPECT_TRUE(Exchange("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf").starts_with("HTTP/1.1 408"));
}

TEST_F(AttackTest, AReaderThatDoesNotReadIsDropped) {
  auto options = Impatient();
  Start(std::move(options), [](const HttpRequest&) {
    HttpResponse answer;
    answer.body.assign(64 * 1024 * 1024, 'x');
    return answer;
  });
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(kPatience_s);
  while (server_->Count().open != 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(server_->Count().open, 0U);
}

TEST_F(AttackTest, BodiesTogetherHaveALimit) {
  auto options = Options();
  options.bodies_limit = 50'000;
  Start(std::move(options), Echo);
  EXPECT_TRUE(Exchange("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n" + std::string(80'000, 'a'))
                  .starts_with("HTTP/1.1 503"));
  // What was received counts only until its request is over.
  const auto client = MakeClient();
  for (int i = 0; i < 3; ++i) {
    const auto reply = client->Send("POST", "/", std::string(40'000, 'b'));
    ASSERT_TRUE(reply) << reply.error().Text();
    EXPECT_EQ(reply->status, 200);
  }
}

TEST_F(AttackTest, ABodyCountsUntilItsAnswerIsMade) {
  auto options = Options();
  options.bodies_limit = 50'000;
  std::promise<void> begun;
  std::promise<void> go_on;
  Start(std::move(options), [&](const HttpRequest& request) {
    if (request.path == "/slow") {
      begun.set_value();
      (void)go_on.get_future().wait_for(std::chrono::seconds(kPatience_s));
    }
    return HttpResponse{};
  });
  RawClient slow(server_->port());
  ASSERT_TRUE(slow.Send("POST /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 40000\r\n\r\n" +
                        std::string(40'000, 'a')));
  ASSERT_EQ(begun.get_future().wait_for(std::chrono::seconds(kPatience_s)), std::future_status::ready);
  const auto send = [&] { return MakeClient()->Send("POST", "/", std::string(40'000, 'b')); };
  const auto refused = send();
  go_on.set_value();
  ASSERT_TRUE(refused) << refused.error().Text();
  EXPECT_EQ(refused->status, 503);
  EXPECT_TRUE(slow.ReadAll().starts_with("HTTP/1.1 200"));
  const auto served = send();
  ASSERT_TRUE(served) << served.error().Text();
  EXPECT_EQ(served->status, 200);
}

// ---- streams ----

/// Gives what was put into it.
class Tap {
 public:
  void Put(const std::string& text, bool last = false) {
    const std::lock_guard lock(mutex_);
    text_ += text;
    last_ = last_ || last;
  }
  HttpStream::Next Pull(std::string& out, bool idle) {
    const std::lock_guard lock(mutex_);
    ++pulls;
    out += std::exchange(text_, {});
    out += idle && idle_text ? "idle\n" : "";
    return last_ || (idle && idle_ends) ? HttpStream::Next::kEnd : HttpStream::Next::kWait;
  }
  bool idle_text = true;
  bool idle_ends = false;
  std::atomic<int> pulls = 0;

 private:
  std::mutex mutex_;
  std::string text_;
  bool last_ = false;
};

class TapStream final : public HttpStream {
 public:
  explicit TapStream(Tap& tap) : tap_(tap) {}
  Next Pull(std::string& out, bool idle) override { return tap_.Pull(out, idle); }

 private:
  Tap& tap_;
};

class StreamTest : public AttackTest {
 protected:
  void Serve(bool long_poll, unsigned idle_s) {
    Start([this, long_poll, idle_s](const HttpRequest&) {
      HttpResponse answer;
      answer.stream = std::make_unique<TapStream>(tap_);
      answer.long_poll = long_poll;
      answer.idle_s = idle_s;
      return answer;
    });
  }
  ~StreamTest() override { server_.reset(); }

  Tap tap_;
};

TEST_F(StreamTest, LinesArriveAsTheyAreMade) {
  Serve(false, 60);
  tap_.Put("first\n");
  std::vector<std::string> lines;
  const auto reply = MakeClient()->Stream("/", {}, std::chrono::seconds(kPatience_s), [&](std::string_view line) {
    lines.emplace_back(line);
    tap_.Put(lines.size() == 1 ? "second\r\nthird\n" : "", lines.size() == 3);
    server_->Wake();
    return true;
  });
  ASSERT_TRUE(reply) << reply.error().Text();
  EXPECT_EQ(lines, (std::vector<std::string>{"first", "second", "third"}));
}

TEST_F(StreamTest, ALongPollIsAnsweredWhenWokenAndKeepsTheConnection) {
  Serve(true, 60);
  const auto client = MakeClient();
  auto asked = std::async(std::launch::async, [&] { return client->Send("GET", "/"); });
  while (tap_.pulls == 0) {
    std::this_thread::yield();
  }
  tap_.Put("news\n", true);
  server_->Wake();
  const auto reply = asked.get();
  ASSERT_TRUE(reply) << reply.error().Text();
  EXPECT_EQ(reply->body, "news\n");
  EXPECT_TRUE(reply->headers.contains("content-length"));
  EXPECT_TRUE(client->Send("GET", "/"));
  EXPECT_EQ(server_->Count().connections, 1U);
}

TEST_F(StreamTest, ALongPollEndsByItselfThoughItIsWokenForNothing) {
  tap_.idle_ends = true;
  Serve(true, 1);
  std::promise<void> over;
  auto waker = std::async(std::launch::async, [this, end = over.get_future()] {
    while (end.wait_for(std::chrono::milliseconds(50)) == std::future_status::timeout) {
      server_->Wake();
    }
  });
  const auto reply = MakeClient()->Send("GET", "/");
  over.set_value();
  ASSERT_TRUE(reply) << reply.error().Text();
  EXPECT_EQ(reply->body, "idle\n");
}

TEST_F(StreamTest, IdleStreamsAreKeptAlive) {
  Serve(false, 1);
  int idle = 0;
  const auto reply = MakeClient()->Stream("/", {}, std::chrono::seconds(kPatience_s), [&](std::string_view line) {
    EXPECT_EQ(line, "idle");
    return ++idle < 2;
  });
  ASSERT_TRUE(reply) << reply.error().Text();
  EXPECT_EQ(idle, 2);
}

TEST_F(StreamTest, AClientThatGoesEndsItsStream) {
  Serve(false, 60);
  {
    RawClient client(server_->port());
    ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    ASSERT_NE(client.ReadUntil("\r\n\r\n"), "");
    EXPECT_EQ(server_->Count().streams, 1U);
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(kPatience_s);
  while (server_->Count().streams != 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(server_->Count().streams, 0U);
}

TEST_F(StreamTest, AGoodbyeThatComesWithTheRequestEndsItsStream) {
  Serve(false, 60);
  RawClient client(server_->port());
  ASSERT_TRUE(client.ready());
  const int together = 1;
  const int now = 0;
  setsockopt(client.fd(), IPPROTO_TCP, TCP_CORK, &together, sizeof together);
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  SSL_shutdown(client.ssl());
  setsockopt(client.fd(), IPPROTO_TCP, TCP_CORK, &now, sizeof now);
  EXPECT_TRUE(client.WaitUntilClosed());  // though its own side stays open
  EXPECT_EQ(server_->Count().requests, 1U);
  EXPECT_EQ(server_->Count().streams, 0U);
}

TEST_F(StreamTest, StopEndsStreams) {
  Serve(false, 60);
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  ASSERT_NE(client.ReadUntil("\r\n\r\n"), "");
  server_->Stop(kPatience_s);
  EXPECT_TRUE(client.ReadAll().ends_with("0\r\n\r\n"));
}

TEST_F(StreamTest, TwoHundredStreamsAreWokenTogether) {
  Serve(true, 60);
  tap_.idle_text = false;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<RawClient>(server_->port()));
    ASSERT_TRUE(clients.back()->Send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  }
  while (tap_.pulls < 200) {
    std::this_thread::yield();
  }
  tap_.Put("", true);
  server_->Wake();
  for (const auto& client : clients) {
    EXPECT_TRUE(client->ReadAll().starts_with("HTTP/1.1 200"));
  }
}

}  // namespace
}  // namespace simroot::net::testing
