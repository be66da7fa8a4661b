// SPDX-License-Identifier: Apache-2.0
#include "device/relay/relay_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "common/host/test_hex.hpp"
#include "device/relay/relay_messages.hpp"
#include "device/transport/in_process.hpp"

namespace simroot::device {

// No test opens a virtual card.
Result<std::unique_ptr<InProcessCard>> OpenInProcessCard(const std::string& file) {
  return Fail(ErrorDomain::kUsage, "no virtual card in this test: " + file);
}

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// A card that answers every command of the security domain with its own bytes, and the applet's questions.
class EchoTransport final : public Transport {
 public:
  const std::string& Name() const override { return name_; }
  Result<std::unique_ptr<TransportLock>> Lock(Deadline /*deadline*/) override {
    return std::make_unique<TransportLock>();
  }
  Result<Channel> OpenChannel(ByteView aid, Deadline /*deadline*/) override {
    if (has_no == ToHex(aid)) {
      return Fail(ErrorDomain::kCard, "6A82");
    }
    opened.push_back(ToHex(aid));
    ++open;
    return Channel{.number = 1, .session = -1};
  }
  Result<void> CloseChannel(const Channel& /*channel*/, Deadline /*deadline*/) override {
    --open;
    return {};
  }
  Result<CardResponse> Transmit(const Channel& /*channel*/, ByteView command, Deadline /*deadline*/) override {
    Bytes answer(command.begin(), command.end());
    sent.push_back(ToHex(command));
    if (fails) {
      return Fail(ErrorDomain::kTransport, "the modem is gone");
    }
    const bool refused = !refuses.empty() && sent.back().starts_with(refuses);
    answer.insert(answer.end(),
                  {static_cast<std::uint8_t>(refused ? 0x6A : 0x90), static_cast<std::uint8_t>(refused ? 0x80 : 0x00)});
    return CardResponse::From(answer, name_);
  }
  Result<std::string> ReadIccid(Deadline /*deadline*/) override { return std::string("89882019000000000019"); }
  ExchangeCounters Counters() const override { return {}; }
  void SetObserver(TransportObserver* /*observer*/) override {}

  std::vector<std::string> opened;
  std::vector<std::string> sent;
  std::string refuses;  ///< what begins so
  std::string has_no;   ///< AID
  bool fails = false;
  int open = 0;

 private:
  std::string name_ = "echo";
};

/// A platform that says what the test has written down.
class ScriptedPlatform final : public net::HttpClient {
 public:
  Result<net::HttpReply> Send(const std::string& method, const std::string& target, const std::string& body,
                              const net::Headers& /*headers*/) override {
    requests.push_back(method + " " + target + " " + body);
    if (replies.empty()) {
      return Fail(ErrorDomain::kTransport, "no connection");
    }
    auto reply = std::move(replies.front());
    replies.pop_front();
    return reply;
  }
  Result<net::HttpReply> Stream(const std::string& /*target*/, const net::Headers& /*headers*/,
                                std::chrono::milliseconds /*silence*/,
                                const std::function<bool(std::string_view)>& /*line*/) override {
    return Fail(ErrorDomain::kUsage, "the relay has no streams");
  }
  void Interrupt() override {}
  void Says(int status, std::string body, net::Headers headers = {}) {
    replies.emplace_back(net::HttpReply{status, std::move(headers), std::move(body)});
  }
  void IsAway() { replies.emplace_back(Fail(ErrorDomain::kTransport, "no connection")); }

  std::deque<Result<net::HttpReply>> replies;
  std::vector<std::string> requests;
};

std::string Batch(unsigned step, const std::string& commands) {
  return R"({"session":"AB12","step":)" + std::to_string(step) +
         (step == 1 ? R"(,"security_domain":"A000000151000000")" : "") + R"(,"commands":[)" + commands +
         R"(],"done":false})";
}
constexpr const char* kDone =
    R"({"done":true,"provisioned":true,"retry_after":0,"message":"certificate for d0","key_label":"tls"})";

class RelayClientTest : public ::testing::Test {
 protected:
  Result<RelayResult> Run(std::chrono::seconds wait = std::chrono::seconds(0)) {
    options.wait = wait;
    return RunRelay(card, platform, options, nullptr, [this](std::chrono::seconds time) {
      waited += time.count();
      return true;
    });
  }

  EchoTransport card;
  ScriptedPlatform platform;
  RelayOptions options;
  long waited = 0;
};

TEST_F(RelayClientTest, CarriesBatchesUntilThePlatformIsDone) {
  platform.Says(201, Batch(1, R"("8050000000")"));
  platform.Says(200, Batch(2, R"("8482000000","84E2000000")"));
  platform.Says(200, kDone);
  const auto result = Run();
  ASSERT_TRUE(result.has_value()) << result.error().Text();
  EXPECT_TRUE(result->provisioned);
  EXPECT_EQ(result->key_label, "tls");
  EXPECT_EQ(result->message, "certificate for d0");
  EXPECT_EQ(result->round_trips, 3U);
  EXPECT_EQ(result->commands, 4U);
  EXPECT_EQ(result->sessions, 1U);
  ASSERT_EQ(platform.requests.size(), 3U);
  EXPECT_THAT(platform.requests.at(0), HasSubstr(R"(POST /v1/relay/sessions {"iccid":"89882019000000000019")"));
  EXPECT_EQ(platform.requests.at(1), R"(POST /v1/relay/sessions/AB12 {"step":1,"answers":["81500000009000"]})");
  EXPECT_EQ(platform.requests.at(2),
            R"(POST /v1/relay/sessions/AB12 {"step":2,"answers":["85820000009000","85E20000009000"]})");
  EXPECT_THAT(card.opened, ElementsAre("A0000005590010", "A000000151000000"));
  EXPECT_EQ(card.open, 0) << "a channel was left open";
}

TEST_F(RelayClientTest, TheSessionIsBegunOnTheChannelThatIsKept) {
  platform.Says(201, R"({"session":"AB12","step":1,"commands":["8482000000"],"done":false})");
  platform.Says(200, kDone);
  const auto result = Run();
  ASSERT_TRUE(result.has_value()) << result.error().Text();
  EXPECT_THAT(card.opened, ElementsAre("A0000005590010", "A000000151000000"));
  ASSERT_EQ(card.sent.size(), 4U);  // two questions to the applet first
  EXPECT_EQ(card.sent.at(2).substr(0, 10), "8150000008");
  EXPECT_EQ(card.sent.at(3), "8582000000");
  const std::string challenge = card.sent.at(2).substr(10, 16);
  EXPECT_THAT(platform.requests.at(0), HasSubstr(R"("opening":{"security_domain":"A000000151000000","challenge":")" +
                                                 challenge + R"(","answer":")" + card.sent.at(2) + R"(9000"})"));
}

TEST_F(RelayClientTest, AHelloWhoseReplyWasLostIsSentAgainUnchanged) {
  platform.IsAway();
  platform.Says(201, R"({"session":"AB12","step":1,"commands":["8482000000"],"done":false})");
  platform.Says(200, kDone);
  const auto result = Run();
  ASSERT_TRUE(result.has_value()) << result.error().Text();
  ASSERT_EQ(platform.requests.size(), 3U);
  EXPECT_EQ(platform.requests.at(0), platform.requests.at(1));
  EXPECT_EQ(result->sessions, 1U);
}

TEST_F(RelayClientTest, AHelloThatIsRefusedAfterItsReplyWasLostIsMadeAnew) {
  platform.IsAway();
  platform.Says(403, R"({"detail":"the card did not prove itself"})");
  platform.Says(200, kDone);
  const auto result = Run();
  ASSERT_TRUE(result.has_value()) << result.error().Text();
  ASSERT_EQ(platform.requests.size(), 3U);
  EXPECT_NE(platform.requests.at(1), platform.requests.at(2));
  EXPECT_EQ(result->sessions, 2U);

  platform.requests.clear();
  platform.Says(403, "{}");  // nothing was lost: this is the answer
  EXPECT_FALSE(Run().has_value());
  EXPECT_EQ(platform.requests.size(), 1U);
}

TEST_F(RelayClientTest, NoChannelIsHeldWhileItWaits) {
  platform.Says(503, "{}");
  platform.Says(200, kDone);
  options.wait = std::chrono::seconds(60);
  const auto result = RunRelay(card, platform, options, nullptr, [this](std::chrono::seconds) {
    EXPECT_EQ(card.open, 0);
    return true;
  });
  ASSERT_TRUE(result.has_value()) << result.error().Text();
}

TEST_F(RelayClientTest, ACardThatWillNotBeginIsIntroducedWithoutASession) {
  for (const bool refuses : {true, false}) {
    card = EchoTransport();
    platform = ScriptedPlatform();
    (refuses ? card.refuses : card.has_no) = refuses ? "8150" : "A000000151000000";
    platform.Says(201, R"({"session":"AB12","step":1,"security_domain":"A000000151AA","commands":["8482000000"],)"
                       R"("done":false})");
    platform.Says(200, kDone);
    const auto result = Run();
    ASSERT_TRUE(result.has_value()) << result.error().Text();
    EXPECT_THAT(platform.requests.at(0), Not(HasSubstr("opening")));
    EXPECT_EQ(card.opened.back(), "A000000151AA");
    EXPECT_EQ(card.open, 0) << "a channel was left open";
  }
}

TEST_F(RelayClientTest, CommandsForNoDomainAreNonsense) {
  card.has_no = "A000000151000000";
  platform.Says(201, R"({"session":"AB12","step":1,"commands":["8482000000"],"done":false})");
  const auto result = Run();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().domain, ErrorDomain::kProtocol);
}

TEST_F(RelayClientTest, ABatchStopsAtTheFirstRefusal) {
  card.refuses = "85E2000000";
  platform.Says(201, Batch(1, R"("8050000000","84E2000000","84E2000100")"));
  platform.Says(200, kDone);
  const auto result = Run();
  ASSERT_TRUE(result.has_value()) << result.error().Text();
  EXPECT_EQ(platform.requests.at(1),
            R"(POST /v1/relay/sessions/AB12 {"step":1,"answers":["81500000009000","85E20000006A80"]})");
}

TEST_F(RelayClientTest, AStepWhoseReplyWasLostIsSentAgainUnchanged) {
  platform.Says(201, Batch(1, R"("8050000000")"));
  platform.IsAway();
  platform.IsAway();
  platform.Says(200, kDone);
  const auto result = Run();
  ASSERT_TRUE(result.has_value()) << result.error().Text();
  ASSERT_EQ(platform.requests.size(), 4U);
  EXPECT_EQ(platform.requests.at(1), platform.requests.at(2));
  EXPECT_EQ(platform.requests.at(1), platform.requests.at(3));
  EXPECT_EQ(result->commands, 2U);
}

TEST_F(RelayClientTest, ButNotForEver) {
  platform.Says(201, Batch(1, R"("8050000000")"));
  const auto result = Run();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().domain, ErrorDomain::kTransport);
  EXPECT_EQ(platform.requests.size(), 2U + options.resends);
  EXPECT_EQ(card.open, 0);
}

TEST_F(RelayClientTest, ASessionThatIsOverIsBegunAnew) {
  for (const int status : {404, 409}) {
    platform = ScriptedPlatform();
    platform.Says(201, Batch(1, R"("8050000000")"));
    platform.Says(status, "{}");
    platform.Says(201, Batch(1, R"("8050000000")"));
    platform.Says(200, kDone);
    const auto result = Run();
    ASSERT_TRUE(result.has_value()) << result.error().Text();
    EXPECT_EQ(result->sessions, 2U);
  }
}

TEST_F(RelayClientTest, SessionsThatAlwaysEndAreGivenUp) {
  options.sessions = 3;
  for (int i = 0; i < 10; ++i) {
    platform.Says(404, "{}");
  }
  const auto result = Run();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(platform.requests.size(), 3U);
}

TEST_F(RelayClientTest, ACardThatIsRefusedStopsItWithASentence) {
  platform.Says(201, Batch(1, R"("8050000000")"));
  platform.Says(403, R"({"title":"Forbidden","detail":"the card did not prove itself"})");
  const auto result = Run();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().domain, ErrorDomain::kProtocol);
  EXPECT_THAT(result.error().Text(), HasSubstr("the card did not prove itself"));
  EXPECT_THAT(result.error().Text(), HasSubstr("89882019000000000019"));
  EXPECT_EQ(platform.requests.size(), 2U);
}

TEST_F(RelayClientTest, ComesAgainWhenItIsToldTo) {
  platform.Says(200, R"({"done":true,"provisioned":false,"retry_after":10,"message":"later"})");
  platform.Says(200, kDone);
  const auto result = Run(std::chrono::seconds(15));
  ASSERT_TRUE(result.has_value()) << result.error().Text();
  EXPECT_TRUE(result->provisioned);
  EXPECT_EQ(waited, 10);
}

TEST_F(RelayClientTest, ButWaitsNoLongerThanItMay) {
  platform.Says(200, R"({"done":true,"provisioned":false,"retry_after":10,"message":"later"})");
  const auto result = Run(std::chrono::seconds(9));
  ASSERT_TRUE(result.has_value()) << result.error().Text();
  EXPECT_FALSE(result->provisioned);
  EXPECT_EQ(result->retry_after_s, 10U);
  EXPECT_EQ(waited, 0);
}

TEST_F(RelayClientTest, APlatformThatIsBusyIsAskedLater) {
  platform.Says(429, "{}", {{"retry-after", "20"}});
  platform.Says(503, "{}");
  platform.Says(200, kDone);
  const auto result = Run(std::chrono::seconds(60));
  ASSERT_TRUE(result.has_value()) << result.error().Text();
  EXPECT_EQ(waited, 25);
}

TEST_F(RelayClientTest, ACardThatGoesAwayEndsIt) {
  platform.Says(201, Batch(1, R"("8050000000")"));
  card.fails = true;
  const auto result = Run();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().domain, ErrorDomain::kTransport);
}

TEST_F(RelayClientTest, NonsenseOfThePlatformIsAnError) {
  for (const char* const body : {"", "{}", "<html>", R"({"done":false})"}) {
    platform.Says(200, body);
    const auto result = Run();
    ASSERT_FALSE(result.has_value()) << body;
    EXPECT_EQ(result.error().domain, ErrorDomain::kProtocol);
  }
}

}  // namespace
}  // namespace simroot::device
