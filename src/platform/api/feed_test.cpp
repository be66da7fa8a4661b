// SPDX-License-Identifier: Apache-2.0
// Snapshot and feed as application servers read them.
#include "platform/api/testing/api_fixture.hpp"

namespace simroot::platform::testing {
namespace {

class FeedTest : public ApiTest {
 protected:
  net::HttpResponse Follow(const net::Headers& query, const net::Headers& headers = {}) {
    auto request = As("viewer@acme", Request("GET", "/v1/feed"));
    for (const auto& [name, value] : query) {
      request.query[name] = value;
    }
    for (const auto& [name, value] : headers) {
      request.headers[name] = value;
    }
    return Send(request);
  }
};

TEST_F(FeedTest, GivesWhatIsThereAndWhereToGoOn) {
  EXPECT_EQ(Follow({{"after", "7"}}).body, "{\"items\":[],\"next\":7}\n");
  service_.AddEvent(3);
  service_.AddEvent(9);
  const json::object all = Parse(Follow({}));
  EXPECT_EQ(all.at("items").as_array().size(), 2U);
  EXPECT_EQ(all.at("next").to_number<int>(), 9);
  const json::object one = Parse(Follow({{"limit", "1"}}));
  EXPECT_EQ(one.at("next").to_number<int>(), 3);
  EXPECT_EQ(Parse(Follow({{"after", "3"}})).at("items").at(0).at("number").to_number<int>(), 9);
}

TEST_F(FeedTest, ASnapshotJoinsWithoutGapAndTellsWhereToGoOn) {
  const auto part = [&](const std::string& token, const std::string& after) {
    auto request = As(token, Request("GET", "/v1/feed/snapshot"));
    request.query["after"] = after;
    request.query["limit"] = "1";
    return Parse(Send(request));
  };
  const json::object first = part("viewer", "0");
  EXPECT_EQ(first.at("items").at(0).at("credential").at("id").to_number<int>(), 1);
  EXPECT_EQ(first.at("items").at(0).at("credential").at("tenant").as_string(), "acme");
  EXPECT_EQ(first.at("items").at(0).at("fingerprint").as_string(), ToHex(Bytes(32, 7)));
  EXPECT_TRUE(first.at("items").at(0).at("credential").at("device").is_null());
  EXPECT_EQ(first.at("feed").to_number<int>(), 41);
  EXPECT_EQ(first.at("next").to_number<int>(), 1);
  const json::object second = part("viewer", "1");
  EXPECT_EQ(second.at("items").at(0).at("credential").at("id").to_number<int>(), 2);
  EXPECT_TRUE(second.at("items").at(0).at("fingerprint").is_null());
  const json::object last = part("viewer", "2");
  EXPECT_TRUE(last.at("items").as_array().empty());
  EXPECT_TRUE(last.at("next").is_null());
  EXPECT_EQ(part("viewer@acme", "0").at("items").as_array().size(), 1U);
  EXPECT_TRUE(part("viewer@acme", "1").at("items").as_array().empty());
}

TEST_F(FeedTest, ALongPollEndsWithTheFirstChange) {
  const auto answer = Follow({{"wait", "30"}});
  ASSERT_NE(answer.stream, nullptr);
  EXPECT_TRUE(answer.long_poll);
  EXPECT_EQ(answer.idle_s, 30U);
  std::string out;
  EXPECT_EQ(answer.stream->Pull(out, false), net::HttpStream::Next::kWait);
  EXPECT_EQ(out, "");
  service_.AddEvent(4);
  EXPECT_EQ(answer.stream->Pull(out, false), net::HttpStream::Next::kEnd);
  EXPECT_NE(out.find("\"next\":4"), std::string::npos);
}

TEST_F(FeedTest, ALongPollEndsEmptyWhenItsTimeIsOver) {
  const auto answer = Follow({{"wait", "1"}, {"after", "5"}});
  std::string out;
  EXPECT_EQ(answer.stream->Pull(out, true), net::HttpStream::Next::kEnd);
  EXPECT_EQ(out, "{\"items\":[],\"next\":5}\n");
}

TEST_F(FeedTest, ALongPollThatCannotReadIsNoEmptyAnswer) {
  const auto failing = Follow({{"wait", "30"}});
  std::string out;
  service_.failure = Failure(FailureKind::kUnavailable, "the disk is gone");
  for (const bool idle : {false, true}) {
    EXPECT_EQ(failing.stream->Pull(out, idle), net::HttpStream::Next::kEnd);
    EXPECT_EQ(out, "") << "the reader must not take it for nothing new";
  }
  EXPECT_EQ(Follow({{"wait", "30"}}).status, 503) << "nothing has been sent yet";
  service_.failure.reset();
  const auto unknown = Follow({{"wait", "30"}, {"after", "5"}});
  service_.login_failure = Failure(FailureKind::kUnavailable, "the disk is gone");
  EXPECT_EQ(unknown.stream->Pull(out, false), net::HttpStream::Next::kEnd);
  EXPECT_EQ(out, "");
  out.clear();
  service_.login_failure.reset();
  service_.revoked = true;
  service_.AddEvent(9);
  EXPECT_EQ(unknown.stream->Pull(out, false), net::HttpStream::Next::kEnd);
  EXPECT_EQ(out, "{\"items\":[],\"next\":5}\n") << "who is shut out learns nothing";
}

TEST_F(FeedTest, EventsResumeAfterTheLastOneSeen) {
  service_.AddEvent(3);
  service_.AddEvent(4);
  const auto answer = Follow({{"after", "1"}}, {{"accept", "text/event-stream"}, {"last-event-id", "3"}});
  EXPECT_EQ(answer.content_type, "text/event-stream");
  std::string out;
  EXPECT_EQ(answer.stream->Pull(out, false), net::HttpStream::Next::kWait);
  EXPECT_EQ(out.find("id: 3\n"), std::string::npos);
  EXPECT_TRUE(out.starts_with("id: 4\nevent: credential.active\ndata: {\"number\":4,")) << out;
  EXPECT_TRUE(out.ends_with("}\n\n"));
  out.clear();
  EXPECT_EQ(answer.stream->Pull(out, false), net::HttpStream::Next::kWait);
  EXPECT_EQ(out, "");
  EXPECT_EQ(answer.stream->Pull(out, true), net::HttpStream::Next::kWait);
  EXPECT_EQ(out, ": still here\n\n");
  for (const std::string wrong : {"x", "-1", "3 ", ""}) {
    EXPECT_EQ(Follow({}, {{"accept", "text/event-stream"}, {"last-event-id", wrong}}).status, 422) << wrong;
  }
}

TEST_F(FeedTest, EventsEndWhenTheTokenIsRevoked) {
  const auto answer = Follow({}, {{"accept", "text/event-stream"}});
  std::string out;
  EXPECT_EQ(answer.stream->Pull(out, false), net::HttpStream::Next::kWait);
  service_.revoked = true;
  service_.AddEvent(3);
  EXPECT_EQ(answer.stream->Pull(out, false), net::HttpStream::Next::kEnd);
  EXPECT_EQ(out, "");
}

}  // namespace
}  // namespace simroot::platform::testing
