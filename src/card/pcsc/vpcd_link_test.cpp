// SPDX-License-Identifier: Apache-2.0
#include "card/pcsc/vpcd_link.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "card/modem/testing/scripted_card.hpp"
#include "common/base/check.hpp"

namespace simroot::card {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

/// The reader's side: listens on a loopback port that the kernel chooses.
class FakeVpcd {
 public:
  FakeVpcd() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    SR_CHECK(::bind(listener_.get(), generic, size) == 0 && ::listen(listener_.get(), 4) == 0);
    SR_CHECK(::getsockname(listener_.get(), generic, &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

  void Accept() {
    SR_CHECK(Readable(listener_.get()));
    connection_ = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    SR_CHECK(static_cast<bool>(connection_));
  }
  void HangUp() { connection_.Reset(); }
  void StopListening() { listener_.Reset(); }

  /// Sends hexadecimal text as it is.
  void SendRaw(std::string_view hex) {
    const Bytes bytes = FromHex(hex).value();
    SR_CHECK(::send(connection_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    sent_ += bytes.size();
  }
  [[nodiscard]] std::size_t sent() const { return sent_; }
  /// Sends length and body in two writes, as vpcd does.
  void Send(const Bytes& body) {
    const std::array length{LowByte(body.size() >> 8U), LowByte(body.size())};
    SendRaw(ToHex(length));
    SendRaw(ToHex(body));
  }
  /// The body of the next message in hexadecimal; empty if none comes or it is cut short.
  std::string Receive() {
    std::uint16_t length = 0;
    const Bytes head = ReadExactly(2);
    return ByteReader(head).ReadU16(length) ? ToHex(ReadExactly(length)) : std::string();
  }
  [[nodiscard]] bool Silent() const {
    pollfd watched{connection_.get(), POLLIN, 0};
    return ::poll(&watched, 1, 0) == 0;
  }

 private:
  static bool Readable(int fd) {
    pollfd watched{fd, POLLIN, 0};
    return ::poll(&watched, 1, Deadline::After(seconds(10)).PollTimeoutMs()) == 1;
  }
  Bytes ReadExactly(std::size_t count) {
    Bytes bytes;
    while (bytes.size() < count && Readable(connection_.get())) {
      Bytes piece(count - bytes.size());
      const ssize_t size = ::recv(connection_.get(), piece.data(), piece.size(), 0);
      if (size <= 0) {
        break;
      }
      bytes.insert(bytes.end(), piece.begin(), piece.begin() + size);
    }
    return bytes;
  }

  UniqueFd listener_;
  UniqueFd connection_;
  std::uint16_t port_ = 0;
  std::size_t sent_ = 0;
};

class VpcdLinkTest : public testing::Test {
 protected:
  VpcdLinkTest() {
    options_.port = reader_.port();
    options_.reconnect_interval = milliseconds(1);
    card_.Answer("8084000004", "112233449000");
  }
  void Connect() {
    auto link = VpcdLink::Open(card_, options_);
    SR_CHECK(link.has_value());
    link_ = std::move(*link);
    reader_.Accept();
  }
  /// Serves everything that has been sent so far.
  void Serve() {
    while (link_->Counters().bytes_in < reader_.sent()) {
      SR_CHECK(link_->RunOnce(Deadline::After(seconds(10))).value());
    }
  }

  FakeVpcd reader_;
  ScriptedCard card_;
  VpcdOptions options_;
  std::unique_ptr<VpcdLink> link_;
};

TEST_F(VpcdLinkTest, AnswersWithItsAtrEvenUnpowered) {
  Connect();
  reader_.SendRaw("000104");
  Serve();
  EXPECT_EQ(reader_.Receive(), ScriptedCard::kAtrHex);
  reader_.SendRaw(
      "000100"
      "000104");
  Serve();
  EXPECT_EQ(reader_.Receive(), ScriptedCard::kAtrHex);
  EXPECT_EQ(link_->Counters().atr_requests, 2U);
}

TEST_F(VpcdLinkTest, ResetsTheCardWithPowerAndReset) {
  Connect();
  for (const char* const control : {"000101", "000102", "000100"}) {
    reader_.SendRaw(control);
  }
  Serve();
  EXPECT_THAT(card_.log(), ElementsAre("reset", "reset", "reset"));
  EXPECT_TRUE(reader_.Silent());
  const VpcdCounters expected{.connections = 1,
                              .power_ons = 1,
                              .power_offs = 1,
                              .resets = 1,
                              .atr_requests = 0,
                              .apdus = 0,
                              .bytes_in = 9,
                              .bytes_out = 0};
  EXPECT_EQ(link_->Counters(), expected);
}

TEST_F(VpcdLinkTest, PassesOverUnknownControlsAndEmptyMessages) {
  Connect();
  reader_.SendRaw(
      "000103"
      "0000"
      "0001FF"
      "000104");
  Serve();
  EXPECT_EQ(reader_.Receive(), ScriptedCard::kAtrHex);
  EXPECT_TRUE(reader_.Silent());
  EXPECT_EQ(card_.resets(), 0);
}

TEST_F(VpcdLinkTest, ExchangesApdusUnchanged) {
  card_.Answer("00708001", "6881").Answer("8002", "6700");
  Connect();
  for (const char* const command : {"8084000004", "00708001", "8002"}) {
    reader_.Send(FromHex(command).value());
  }
  Serve();
  EXPECT_EQ(reader_.Receive(), "112233449000");
  EXPECT_EQ(reader_.Receive(), "6881");
  EXPECT_EQ(reader_.Receive(), "6700");
  EXPECT_THAT(card_.log(), ElementsAre("8084000004", "00708001", "8002"));
}

TEST_F(VpcdLinkTest, UnderstandsMessagesInPiecesAndTogether) {
  Connect();
  for (const char* const byte : {"00", "05", "80", "84", "00", "00", "04"}) {
    EXPECT_TRUE(reader_.Silent());
    reader_.SendRaw(byte);
    EXPECT_TRUE(link_->RunOnce(Deadline::After(seconds(10))).value());
  }
  EXPECT_EQ(reader_.Receive(), "112233449000");
  reader_.SendRaw(
      "00058084000004"
      "00058084000004"
      "0005");
  Serve();
  EXPECT_EQ(reader_.Receive(), "112233449000");
  EXPECT_EQ(reader_.Receive(), "112233449000");
  EXPECT_TRUE(reader_.Silent());
  reader_.SendRaw("8084000004");
  Serve();
  EXPECT_EQ(reader_.Receive(), "112233449000");
}

TEST_F(VpcdLinkTest, TakesTheLongestCommandAndRefusesOneByteMore) {
  Connect();
  reader_.Send(Bytes(wire::kMaxCommand));
  Serve();
  EXPECT_EQ(reader_.Receive(), "6D00");
  reader_.Send(Bytes(wire::kMaxCommand + 1));
  Serve();
  EXPECT_EQ(reader_.Receive(), "6700");
  reader_.Send(Bytes(65535));
  Serve();
  EXPECT_EQ(reader_.Receive(), "6700");
  EXPECT_EQ(card_.log().size(), 1U);
  EXPECT_EQ(link_->Counters().apdus, 1U);
}

TEST_F(VpcdLinkTest, GivesTheLongestResponse) {
  const std::string longest = std::string(2 * wire::kMaxExtendedData, 'A') + "9000";
  card_.Answer("00B000000000000000", longest);
  Connect();
  reader_.Send(FromHex("00B000000000000000").value());
  Serve();
  EXPECT_EQ(reader_.Receive(), longest);
}

TEST_F(VpcdLinkTest, EndsWhenAMessageStaysIncomplete) {
  options_.message_timeout = milliseconds(1);
  Connect();
  reader_.SendRaw("00058084");
  EXPECT_TRUE(link_->RunOnce(Deadline::After(seconds(10))).value());
  auto result = link_->RunOnce(Deadline::After(seconds(10)));
  while (result && !*result) {  // the wait for the rest ends without it
    result = link_->RunOnce(Deadline::After(seconds(10)));
  }
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().domain, ErrorDomain::kTransport);
  EXPECT_THAT(result.error().Text(), HasSubstr("a part of a message"));
  EXPECT_TRUE(card_.log().empty());
}

TEST_F(VpcdLinkTest, SaysThatTheConnectionHasEnded) {
  Connect();
  reader_.HangUp();
  const auto result = link_->RunOnce(Deadline::After(seconds(10)));
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().Text(), HasSubstr("closed by pcscd"));
}

TEST_F(VpcdLinkTest, SaysWhatToDoWithoutVpcd) {
  reader_.StopListening();
  const auto link = VpcdLink::Open(card_, options_);
  ASSERT_FALSE(link.has_value());
  EXPECT_EQ(link.error().domain, ErrorDomain::kTransport);
  EXPECT_THAT(link.error().Text(), HasSubstr("is pcscd running with the vpcd driver"));
}

TEST_F(VpcdLinkTest, ConnectsOnlyToThisMachineUnlessToldOtherwise) {
  options_.host = "0.0.0.0";  // this machine too, but by an address that is not loopback
  const auto refused = VpcdLink::Open(card_, options_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().domain, ErrorDomain::kUsage);
  EXPECT_THAT(refused.error().Text(), HasSubstr("not on this machine"));
  options_.allow_remote = true;
  EXPECT_TRUE(VpcdLink::Open(card_, options_).has_value());
}

TEST_F(VpcdLinkTest, RefusesWhatIsNoAddress) {
  for (const char* const host : {"", "reader.example", "127.0.0.1:35963", "300.0.0.1"}) {
    options_.host = host;
    const auto link = VpcdLink::Open(card_, options_);
    ASSERT_FALSE(link.has_value()) << host;
    EXPECT_EQ(link.error().domain, ErrorDomain::kUsage) << host;
  }
  options_.host = "localhost";
  EXPECT_TRUE(VpcdLink::Open(card_, options_).has_value());
}

/// Runs the link in a thread of its own until Stop or the end of the scope.
class Running {
 public:
  explicit Running(VpcdLink& link) {
    std::array<int, 2> ends{};
    SR_CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0);
    stop_read_ = UniqueFd(ends.front());
    stop_write_ = UniqueFd(ends.back());
    thread_ = std::thread([&link, this] { result_ = link.Run(stop_read_.get()); });
  }
  ~Running() { static_cast<void>(Stop()); }

  Result<void> Stop() {
    stop_write_.Reset();
    return Wait();
  }
  Result<void> Wait() {
    if (thread_.joinable()) {
      thread_.join();
    }
    return result_;
  }

 private:
  UniqueFd stop_read_;
  UniqueFd stop_write_;
  Result<void> result_;
  std::thread thread_;
};

TEST_F(VpcdLinkTest, ServesAThousandApdusFromAThread) {
  Connect();
  Running running(*link_);
  for (int i = 0; i < 1000; ++i) {
    reader_.Send(FromHex("8084000004").value());
    ASSERT_EQ(reader_.Receive(), "112233449000") << i;
  }
  EXPECT_EQ(link_->Counters().apdus, 1000U);
  EXPECT_TRUE(running.Stop().has_value());
}

TEST_F(VpcdLinkTest, ReturnsWhenPcscdIsRestarted) {
  Connect();
  Running running(*link_);
  reader_.SendRaw("0005");  // must not become the beginning of the next connection's first message
  reader_.HangUp();
  reader_.Accept();
  reader_.Send(FromHex("8084000004").value());
  EXPECT_EQ(reader_.Receive(), "112233449000");
  EXPECT_TRUE(running.Stop().has_value());
  EXPECT_THAT(card_.log(), ElementsAre("reset", "8084000004"));
  EXPECT_EQ(link_->Counters().connections, 2U);
}

TEST_F(VpcdLinkTest, GivesUpWhenPcscdStaysAway) {
  options_.reconnect_for = milliseconds(5);
  Connect();
  reader_.StopListening();
  Running running(*link_);
  reader_.HangUp();
  const auto result = running.Wait();
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().Text(), HasSubstr("is pcscd running"));
}

TEST_F(VpcdLinkTest, StopsWhileItWaitsForPcscd) {
  options_.reconnect_interval = milliseconds(20000);
  Connect();
  reader_.StopListening();
  Running running(*link_);
  reader_.HangUp();
  EXPECT_TRUE(running.Stop().has_value());
}

TEST_F(VpcdLinkTest, TellsItsObserver) {
  class Recorder final : public ModemObserver {
   public:
    void OnExchange(ByteView command, ByteView response) override {
      seen.push_back(ToHex(command) + ">" + ToHex(response));
    }
    std::vector<std::string> seen;
  } recorder;
  options_.observer = &recorder;
  Connect();
  reader_.SendRaw(
      "000104"
      "00058084000004");
  Serve();
  EXPECT_THAT(recorder.seen, ElementsAre("8084000004>112233449000"));
}

}  // namespace
}  // namespace simroot::card
