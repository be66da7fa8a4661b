// SPDX-License-Identifier: Apache-2.0
#include "device/transport/pipe_transport.hpp"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "common/host/test_hex.hpp"
#include "device/transport/pipe_line.hpp"

namespace simroot::device {
namespace {

using testing::HasSubstr;

const std::string kAtrMessage = "0004 3B021450";
constexpr std::string_view kBadAtr = "0004 3B031450";

/// The card's end: listens, takes one connection, and plays a script of messages: bytes that must come, bytes that are
/// then sent. Ends when the script does, or after its patience.
class ScriptedPipe {
 public:
  struct Step {
    std::string expected;
    std::string answer;
  };

  ScriptedPipe(const std::string& path, std::vector<Step> steps) : steps_(std::move(steps)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(&address.sun_path[0], sizeof address.sun_path - 1);
    SR_CHECK(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
             ::listen(listener_.get(), 4) == 0);
    thread_ = std::thread([this] { Play(); });
  }
  ~ScriptedPipe() { Join(); }
  ScriptedPipe(const ScriptedPipe&) = delete;
  ScriptedPipe& operator=(const ScriptedPipe&) = delete;

  /// True if all that was expected has come. Waits for the end of the script.
  bool Played() {
    Join();
    return steps_done_ == steps_.size();
  }

 private:
  void Join() {
    if (thread_.joinable()) {
      thread_.join();
    }
  }
  void Play() {
    const UniqueFd connection(Readable(listener_.get()) ? ::accept(listener_.get(), nullptr, nullptr) : -1);
    for (const Step& step : steps_) {
      const Bytes expected = Hex(step.expected);
      for (const std::uint8_t wanted : expected) {
        std::uint8_t got = 0;
        if (!connection || !Readable(connection.get()) || ::recv(connection.get(), &got, 1, 0) != 1 || got != wanted) {
          return;
        }
      }
      ++steps_done_;
      for (const std::uint8_t byte : Hex(step.answer)) {  // one by one, as a serial line does
        static_cast<void>(::send(connection.get(), &byte, 1, MSG_NOSIGNAL));
      }
    }
    // Until the other end is done, so that the script decides how the connection ends.
    std::uint8_t more = 0;
    if (!steps_.empty() && steps_.back().answer.empty() && Readable(connection.get())) {
      static_cast<void>(::recv(connection.get(), &more, 1, 0));
    }
  }
  static bool Readable(int fd) {
    pollfd watched{fd, POLLIN, 0};
    return ::poll(&watched, 1, 20'000) > 0;
  }

  std::vector<Step> steps_;
  std::size_t steps_done_ = 0;
  UniqueFd listener_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::thread thread_;
};

Deadline Enough() {
  return Deadline::After(std::chrono::seconds(20));
}
Deadline Soon() {
  return Deadline::After(std::chrono::milliseconds(100));
}

class PipeTransportTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "pipe-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
    path = folder + "/card";
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  Result<std::unique_ptr<Transport>> Open(Deadline deadline) {
    return OpenTransport(*ParseCardUri("pipe:" + path), deadline);
  }
  std::string OpenError(Deadline deadline) {
    const auto transport = Open(deadline);
    return transport ? "" : transport.error().Text();
  }

  std::string folder;
  std::string path;
  const ScriptedPipe::Step kStart{"0001 04", kAtrMessage};
};

TEST_F(PipeTransportTest, OpensAChannelAndCarriesApdus) {
  ScriptedPipe card(path, {kStart,
                           {"0005 0070000001", "0003 029000"},
                           {"000C 02A4040007A0000005590010", "0002 9000"},
                           {"0005 8284000002", "0004 ABCD9000"},
                           {"0005 0070800200", "0002 9000"}});
  auto transport = Open(Enough());
  ASSERT_TRUE(transport) << transport.error().Text();
  EXPECT_EQ((*transport)->Name(), "pipe:" + path);
  EXPECT_TRUE((*transport)->Lock(Enough()));
  const auto channel = (*transport)->OpenChannel(Hex("A0000005590010"), Enough());
  ASSERT_TRUE(channel) << channel.error().Text();
  const auto answer = (*transport)->Transmit(*channel, Hex("8284000002"), Enough());
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(ToHex(answer->data()), "ABCD");
  EXPECT_TRUE((*transport)->CloseChannel(*channel, Enough()));
  const ExchangeCounters counters = (*transport)->Counters();
  EXPECT_EQ(counters.exchanges, 4U);
  EXPECT_EQ(counters.bytes_sent, 27U);
  EXPECT_EQ(counters.bytes_received, 11U);
  EXPECT_TRUE(card.Played());
}

TEST_F(PipeTransportTest, ThrowsAwayTheLateResponseForSomebodyElse) {
  ScriptedPipe card(path, {{"0001 04", "0004 3B009000" + kAtrMessage}, {"0005 8084000001", "0003 AA9000"}});
  auto transport = Open(Enough());
  ASSERT_TRUE(transport) << transport.error().Text();
  const auto answer = (*transport)->Transmit({}, Hex("8084000001"), Enough());
  ASSERT_TRUE(answer);
  EXPECT_EQ(ToHex(answer->bytes()), "AA9000");
}

TEST_F(PipeTransportTest, RefusesWhatIsNoCard) {
  ScriptedPipe card(path, {{"0001 04", std::string(kBadAtr) + "0002 9000"}});
  EXPECT_THAT(OpenError(Enough()), HasSubstr("has not sent an answer to reset"));
}

TEST_F(PipeTransportTest, RefusesMessagesThatNoCardSends) {
  for (const std::string_view message : {"0000", "0001 90", "1003 00", "FFFF"}) {
    ScriptedPipe card(path, {kStart, {"0005 8084000001", std::string(message)}});
    auto transport = Open(Enough());
    ASSERT_TRUE(transport);
    const auto answer = (*transport)->Transmit({}, Hex("8084000001"), Enough());
    ASSERT_FALSE(answer) << message;
    EXPECT_EQ(answer.error().domain, ErrorDomain::kProtocol);
    EXPECT_THAT(answer.error().Text(), HasSubstr("which no card sends"));
    EXPECT_FALSE((*transport)->Transmit({}, Hex("8084000001"), Enough())) << "dead for good";
    transport->reset();
    std::filesystem::remove(path);
  }
}

TEST_F(PipeTransportTest, SilenceEndsAtTheDeadlineAndIsFinal) {
  ScriptedPipe card(path, {kStart, {"0005 8084000001", "0003 AA"}, {"", ""}});
  auto transport = Open(Enough());
  ASSERT_TRUE(transport);
  const auto answer = (*transport)->Transmit({}, Hex("8084000001"), Soon());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().domain, ErrorDomain::kTransport);
  EXPECT_THAT(answer.error().Text(), HasSubstr("has not answered in time"));
  const auto again = (*transport)->Transmit({}, Hex("8084000001"), Enough());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().Text(), answer.error().Text());
}

TEST_F(PipeTransportTest, CardThatServesSomebodyElseIsWaitedFor) {
  ScriptedPipe card(path, {kStart});
  const auto mine = Open(Enough());
  ASSERT_TRUE(mine);
  EXPECT_THAT(OpenError(Soon()), HasSubstr("another program may have it"));
}

TEST_F(PipeTransportTest, EndOfTheConnectionIsNamed) {
  {
    ScriptedPipe card(path, {kStart, {"0005 8084000001", "0003"}});
    auto transport = Open(Enough());
    ASSERT_TRUE(transport);
    const auto answer = (*transport)->Transmit({}, Hex("8084000001"), Enough());
    ASSERT_FALSE(answer);
    EXPECT_THAT(answer.error().Text(), HasSubstr("has ended"));
  }
  EXPECT_THAT(OpenError(Enough()), HasSubstr("nobody serves the socket"));
}

TEST_F(PipeTransportTest, NamesWhatIsWrongWithThePath) {
  EXPECT_THAT(OpenError(Enough()), HasSubstr("there is no socket"));
  std::ofstream(path) << "a file";
  EXPECT_THAT(OpenError(Enough()), HasSubstr("nobody serves"));
  path = folder + "/" + std::string(120, 'x');
  EXPECT_THAT(OpenError(Enough()), HasSubstr("File name too long"));
}

TEST_F(PipeTransportTest, UriNeedsAPath) {
  const auto uri = ParseCardUri("pipe:");
  ASSERT_FALSE(uri);
  EXPECT_THAT(uri.error().Text(), HasSubstr("the socket is missing"));
  EXPECT_THAT(uri.error().Text(), HasSubstr("pipe:PATH"));
}

TEST_F(PipeTransportTest, RefusesToWorkInAForkedChild) {
  ScriptedPipe card(path, {kStart});
  auto transport = Open(Enough());
  ASSERT_TRUE(transport);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto answer = (*transport)->Transmit({}, Hex("8084000001"), Soon());
    ::_exit(answer || answer.error().domain != ErrorDomain::kTransport ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(PipeTransportTest, RefusesCommandsOfImpossibleLength) {
  ScriptedPipe card(path, {kStart});
  auto transport = Open(Enough());
  ASSERT_TRUE(transport);
  EXPECT_EQ((*transport)->Transmit({}, Bytes(3), Enough()).error().domain, ErrorDomain::kUsage);
  EXPECT_EQ((*transport)->Transmit({}, Bytes(wire::kMaxCommand + 1), Enough()).error().domain, ErrorDomain::kUsage);
}

TEST_F(PipeTransportTest, LineResetsAndSendsProductCodes) {
  ScriptedPipe card(path, {kStart, {"0001 00 0001 01 0001 04", kAtrMessage}, {"0001 80", kAtrMessage}});
  const auto line = PipeLine::Open(path, "pipe:" + path, Enough());
  ASSERT_TRUE(line) << line.error().Text();
  EXPECT_TRUE((*line)->Reset(Enough()));
  EXPECT_TRUE((*line)->ProductControl(0x80, Enough()));
  EXPECT_TRUE(card.Played());
}

}  // namespace
}  // namespace simroot::device
