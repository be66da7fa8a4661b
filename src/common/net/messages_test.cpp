// SPDX-License-Identifier: Apache-2.0
#include "common/net/messages.hpp"

#include <gtest/gtest.h>

#include "common/net/url.hpp"

namespace simroot::net {
namespace {

using State = RequestReader::State;

/// Feeds all of `text` in pieces of `step` bytes; ends with the state that ends the request.
State FeedAll(RequestReader& reader, const std::string& text, std::size_t step, std::string& in) {
  State state = State::kNeedMore;
  for (std::size_t at = 0; at < text.size(); at += step) {
    in += text.substr(at, step);
    do {
      state = reader.Feed(in);
    } while (state == State::kHead);
    if (state != State::kNeedMore) {
      in += text.substr(std::min(at + step, text.size()));
      break;
    }
  }
  return state;
}

int StatusOf(const std::string& text) {
  int status = -1;
  for (const std::size_t step : {text.size(), std::size_t(1)}) {
    RequestReader reader(1024, 100);
    std::string in;
    const State state = FeedAll(reader, text, std::max<std::size_t>(step, 1), in);
    const int now = state == State::kRefused ? reader.status() : state == State::kDone ? 200 : 0;
    EXPECT_TRUE(status == -1 || status == now) << "in pieces " << now << ", at once " << status << ": " << text;
    status = now;
  }
  return status;
}

TEST(RequestReader, ReadsARequestInPiecesOfAnySize) {
  const std::string text =
      "POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nX-Two: 1\r\nx-two: 2\r\n\r\nhelloGET / HTTP/1.1\r\n";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    RequestReader reader(1024, 100);
    std::string in;
    ASSERT_EQ(FeedAll(reader, text, step, in), State::kDone) << step;
    EXPECT_TRUE(reader.keep_alive());
    const HttpRequest request = reader.Take();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/a");
    EXPECT_EQ(request.query.at("b"), "c");
    EXPECT_EQ(request.body, "hello");
    EXPECT_EQ(request.headers.at("x-two"), "1, 2");
    EXPECT_EQ(in, "GET / HTTP/1.1\r\n");
  }
}

TEST(RequestReader, ReadsChunks) {
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  RequestReader reader(1024, 100);
  std::string in;
  ASSERT_EQ(FeedAll(reader, head + "3\r\nabc\r\n02;x=y\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n", 1, in), State::kDone);
  const HttpRequest request = reader.Take();
  EXPECT_EQ(request.body, "abcde");
  EXPECT_FALSE(request.headers.contains("x-trailer"));
  for (const std::string body : {"g\r\n", "-1\r\n", "\r\n", "3\r\nabcd\r\n", "3\r\nab\r\n", "fffffffffffffffff\r\n",
                                 "3\nabc\n", "0x3\r\nabc\r\n", "3;\r\nabc\r\n"}) {
    EXPECT_EQ(StatusOf(head + body + "0\r\n\r\n0\r\n\r\n"), 400) << body;
  }
  EXPECT_EQ(StatusOf(head + "65\r\n"), 413);
  EXPECT_EQ(StatusOf(head + "40\r\n" + std::string(64, 'x') + "\r\n40\r\n"), 413);
}

TEST(RequestReader, RefusesAmbiguousFraming) {
  const auto with = [](const std::string& headers, const std::string& body = "hello") {
    return StatusOf("POST / HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n" + body);
  };
  EXPECT_EQ(with("Content-Length: 5\r\n"), 200);
  EXPECT_EQ(with("Content-Length: 5\r\nContent-Length: 5\r\n"), 400);
  EXPECT_EQ(with("Content-Length: 5\r\nContent-Length: 6\r\n"), 400);
  EXPECT_EQ(with("Content-Length: 5, 6\r\n"), 400);
  EXPECT_EQ(with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400);
  EXPECT_EQ(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400);
  for (const std::string coding : {"gzip", "gzip, chunked", "chunked, gzip", "identity", "xchunked", "chunked,"}) {
    EXPECT_GE(with("Transfer-Encoding: " + coding + "\r\n"), 400) << coding;
  }
  for (const std::string length : {"-5", "+5", "5x", "0x5", "", "99999999999999999999", "5 5", "5,5,"}) {
    EXPECT_EQ(with("Content-Length: " + length + "\r\n"), 400) << length;
  }
  EXPECT_EQ(with("Content-Length : 5\r\n"), 400);
  EXPECT_EQ(with(" Content-Length: 5\r\n"), 400);
  EXPECT_EQ(with("X: a\r\n Content-Length: 5\r\n"), 400);
  EXPECT_EQ(with("X: a\n"), 400);
  EXPECT_EQ(with("X: a\rb\r\n"), 400);
  EXPECT_EQ(with(std::string("X: a\0b\r\n", 8)), 400);
  EXPECT_EQ(StatusOf("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 501);
}

TEST(RequestReader, RefusesHeadsThatAreNone) {
  for (const std::string head :
       {"GET /\r\n\r\n", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "GET x HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /../x HTTP/1.1\r\nHost: x\r\n\r\n", "GET https://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n: empty\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n", "\x16\x03\x01\x02\x00",
        "G\xC3\xA9T / HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}) {
    EXPECT_EQ(StatusOf(head), 400) << head;
  }
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: x\r\nExpect: magic\r\n\r\n"), 417);
  EXPECT_EQ(StatusOf("\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
  EXPECT_EQ(StatusOf("GET / HTTP/1.0\r\n\r\n"), 200);
}

TEST(RequestReader, KeepsItsLimits) {
  const std::string begin = "GET / HTTP/1.1\r\nHost: x\r\nX: ";
  const std::size_t rest = 1024 - begin.size() - 4;
  EXPECT_EQ(StatusOf(begin + std::string(rest, 'a') + "\r\n\r\n"), 200);
  EXPECT_EQ(StatusOf(begin + std::string(rest + 1, 'a') + "\r\n\r\n"), 431);
  EXPECT_EQ(StatusOf(begin + std::string(5'000, 'a')), 431);
  EXPECT_EQ(StatusOf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + std::string(100, 'b')), 200);
  EXPECT_EQ(StatusOf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n"), 413);
}

TEST(ReplyReader, SkipsInterimRepliesAndEndsWithTheConnection) {
  ReplyReader reader(false, 1000);
  std::string in = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\n\r\nbody";
  EXPECT_EQ(reader.Feed(in), ReplyReader::State::kNeedMore);
  EXPECT_EQ(reader.Close(), ReplyReader::State::kDone);
  EXPECT_EQ(reader.status(), 200);
  EXPECT_EQ(reader.TakeHeaders().at("x"), "y");
  EXPECT_EQ(reader.TakeBody(), "body");
}

TEST(ReplyReader, NoticesWhatWasCutOffOrIsTooLong) {
  for (const std::string text : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody", "HTTP/1.1 200 OK\r\n", "",
                                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n"}) {
    ReplyReader reader(false, 1000);
    std::string in = text;
    EXPECT_EQ(reader.Feed(in), ReplyReader::State::kNeedMore) << text;
    EXPECT_EQ(reader.Close(), ReplyReader::State::kBroken) << text;
  }
  ReplyReader reader(false, 10);
  std::string in = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n";
  EXPECT_EQ(reader.Feed(in), ReplyReader::State::kBroken);
}

TEST(Answers, AreWritten) {
  HttpResponse answer;
  answer.status = 404;
  answer.body = "x";
  answer.headers["X-A"] = "b\r\nX-C: d";
  const std::string head = WriteHead(answer, {true, 1, false});
  EXPECT_TRUE(head.starts_with("HTTP/1.1 404 Not Found\r\nDate: "));
  EXPECT_NE(head.find("Content-Length: 1\r\n"), std::string::npos);
  EXPECT_NE(head.find("X-A: b  X-C: d\r\n"), std::string::npos);
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  EXPECT_EQ(WriteChunk("hello world, hello"), "12\r\nhello world, hello\r\n");
  EXPECT_EQ(WriteChunk(""), "0\r\n\r\n");
}

TEST(ParseTarget, DecodesPathAndQuery) {
  const auto target = ParseTarget("/a%20b/c?x=1+2&y=%26%3D&z");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/a b/c");
  EXPECT_EQ(target->query.at("x"), "1 2");
  EXPECT_EQ(target->query.at("y"), "&=");
  EXPECT_EQ(target->query.at("z"), "");
  EXPECT_TRUE(ParseTarget("/"));
  EXPECT_TRUE(ParseTarget("/a/.../b"));
}

TEST(ParseTarget, RefusesWhatTwoReadersMayReadDifferently) {
  for (const std::string text :
       {"",       "a",      "*",          "//../", "/..",    "/a/../b",  "/./a", "/%2e%2e/a", "/%2E/a",
        "/a%2Fb", "/a%2fb", "/a%5cb",     "/a\\b", "/a%00",  "/a%0a",    "/a%",  "/a%4",      "/a%zz",
        "/a b",   "/a#b",   "/a?x=1&x=2", "/a?=1", "/a?x=%", "/a?x=%0d", "/a?&", "/\xC3\xA9"}) {
    EXPECT_FALSE(ParseTarget(text)) << text;
  }
}

TEST(PercentEncode, IsReadBack) {
  const std::string text = "a b/c?d&e=f+g%h\\\xC3\xA9";
  const auto target = ParseTarget("/x?v=" + PercentEncode(text));
  ASSERT_TRUE(target);
  EXPECT_EQ(target->query.at("v"), text);
}

TEST(ParseHttpsUrl, ReadsHostPortAndPrefix) {
  const auto plain = ParseHttpsUrl("https://example.org");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host, "example.org");
  EXPECT_EQ(plain->port, "443");
  EXPECT_FALSE(plain->is_ip);
  const auto six = ParseHttpsUrl("https://[::1]:8443/a/b/");
  ASSERT_TRUE(six);
  EXPECT_EQ(six->host, "::1");
  EXPECT_EQ(six->port, "8443");
  EXPECT_EQ(six->prefix, "/a/b");
  EXPECT_TRUE(six->is_ip);
}

}  // namespace
}  // namespace simroot::net
