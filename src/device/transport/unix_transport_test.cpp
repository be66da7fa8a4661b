// SPDX-License-Identifier: Apache-2.0
#include "device/transport/unix_transport.hpp"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "common/host/test_hex.hpp"
#include "device/transport/daemon_line.hpp"

namespace simroot::device {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::chrono::seconds kPatience{20};
const std::string kHello = "000B 01 ........ 00 53524344 01";
const std::string kHelloReply = "0002 00 01";

Deadline Soon() {
  return Deadline::After(kPatience);
}

class UnixTransportTest : public testing::Test {
 protected:
  UnixTransportTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "simroot-unix-XXXXXX").string();
    SR_CHECK(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    path_ = folder_ + "/s";
  }
  ~UnixTransportTest() override {
    if (thread_.joinable()) {
      thread_.join();
    }
    std::filesystem::remove_all(folder_);
  }

  struct Step {
    std::string expected;  ///< hexadecimal, a dot for any digit; empty: nothing is waited for
    std::string answer;
  };

  UniqueFd Bind() {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(&address.sun_path[0], sizeof address.sun_path - 1);
    SR_CHECK(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return fd;
  }

  /// A daemon that plays a script with one client, and then waits for its end.
  void Play(std::vector<Step> steps) {
    UniqueFd listener = Bind();
    SR_CHECK(::listen(listener.get(), 4) == 0);
    thread_ = std::thread([this, listener = std::move(listener), steps = std::move(steps)] {
      const UniqueFd client(Readable(listener.get()) ? ::accept(listener.get(), nullptr, nullptr) : -1);
      for (const Step& step : steps) {
        std::string expected = step.expected;
        std::erase(expected, ' ');
        for (; !expected.empty(); expected.erase(0, 2)) {
          std::uint8_t byte = 0;
          if (!Readable(client.get()) || ::recv(client.get(), &byte, 1, 0) != 1) {
            return;
          }
          const std::string got = ToHex(ByteView(&byte, 1));
          if (expected.front() != '.' && got != expected.substr(0, 2)) {
            ADD_FAILURE() << "got " << got << ", wanted " << expected;
            return;
          }
        }
        const Bytes answer = Hex(step.answer);
        static_cast<void>(::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL));
        ++played_;
      }
      std::uint8_t more = 0;
      static_cast<void>(Readable(client.get()) && ::recv(client.get(), &more, 1, 0) == 1);
    });
  }

  Result<std::unique_ptr<Transport>> Open(Deadline deadline = Soon()) {
    return OpenTransport({.scheme = "unix", .path = path_, .text = "unix:" + path_}, deadline);
  }

  static bool Readable(int fd) {
    pollfd watched{fd, POLLIN, 0};
    return fd >= 0 && ::poll(&watched, 1, std::chrono::milliseconds(kPatience).count()) == 1;
  }

  std::string folder_;
  std::string path_;
  std::thread thread_;
  std::atomic<std::size_t> played_{0};
};

TEST_F(UnixTransportTest, UriIsUnderstood) {
  const auto uri = ParseCardUri("unix:/run/simroot/carded.sock");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->scheme, "unix");
  EXPECT_EQ(uri->path, "/run/simroot/carded.sock");
  const auto empty = ParseCardUri("unix:");
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error().Text(), HasSubstr("the socket is missing"));
}

TEST_F(UnixTransportTest, SpeaksTheProtocol) {
  Play({{kHello, kHelloReply},
        {"0006 02 ........ 00", "0001 00"},
        {"000D 04 ........ 00 A0000005590010", "0002 00 02"},
        {"000B 06 ........ 02 8084000008", "000B 00 1122334455667788 9000"},
        {"0006 07 ........ 00", "0014 00 38393838303030303030303030303030303133"},
        {"0006 05 ........ 02", "0001 00"},
        {"0006 03 00000000 00", ""}});
  auto transport = Open();
  ASSERT_TRUE(transport) << transport.error().Text();
  {
    const auto lock = (*transport)->Lock(Soon());
    ASSERT_TRUE(lock);
    const auto channel = (*transport)->OpenChannel(Hex("A0000005590010"), Soon());
    ASSERT_TRUE(channel);
    EXPECT_EQ(*channel, (Channel{.number = 0, .session = 2}));
    const auto response = (*transport)->Transmit(*channel, Hex("8084000008"), Soon());
    ASSERT_TRUE(response);
    EXPECT_TRUE(SameBytes(response->data(), Hex("1122334455667788")));
    const auto iccid = (*transport)->ReadIccid(Soon());
    ASSERT_TRUE(iccid);
    EXPECT_EQ(*iccid, "8988000000000000013");
    EXPECT_TRUE((*transport)->CloseChannel(*channel, Soon()));
  }
  EXPECT_EQ((*transport)->Counters().exchanges, 1U);
  transport->reset();
  thread_.join();
  EXPECT_EQ(played_, 7U);
}

TEST_F(UnixTransportTest, PassesOnWhatTheDaemonReports) {
  Play({{kHello, kHelloReply}, {"0006 02 ........ 00", "0011 01 01 9000 0004 676F6E65 0005 706C756720 "}});
  auto transport = Open();
  ASSERT_TRUE(transport);
  const auto lock = (*transport)->Lock(Soon());
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().domain, ErrorDomain::kTransport);
  EXPECT_EQ(lock.error().message, "unix:" + path_ + ": gone");
}

TEST_F(UnixTransportTest, NobodyThere) {
  const auto missing = Open();
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().domain, ErrorDomain::kTransport);
  EXPECT_THAT(missing.error().message, HasSubstr("there is no card daemon at unix:" + path_));
  EXPECT_THAT(missing.error().next_step, HasSubstr("simroot carded --card"));

  const UniqueFd silent = Bind();  // nobody listens
  const auto refused = Open();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("is not running"));
}

TEST_F(UnixTransportTest, PathTooLong) {
  path_ = "/" + std::string(107, 'x');
  const auto opened = Open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().domain, ErrorDomain::kUsage);
  EXPECT_THAT(opened.error().message, HasSubstr("has 108 characters, a socket takes at most 107"));
  path_ = "/" + std::string(106, 'x');
  EXPECT_EQ(Open().error().domain, ErrorDomain::kTransport) << "the longest path is only not there";
}

TEST_F(UnixTransportTest, AnotherProtocol) {
  Play({{kHello, "FFFF 48545450"}});
  const auto opened = Open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().domain, ErrorDomain::kProtocol);
  EXPECT_THAT(opened.error().message, HasSubstr("no reply of a card daemon"));
}

TEST_F(UnixTransportTest, AnotherVersion) {
  Play({{kHello, "0002 00 02"}});
  const auto opened = Open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().domain, ErrorDomain::kProtocol);
  EXPECT_THAT(opened.error().message, HasSubstr("another version"));
}

TEST_F(UnixTransportTest, SilenceEndsAtTheDeadline) {
  Play({{kHello, ""}});
  const auto opened = Open(Deadline::After(std::chrono::milliseconds(50)));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().domain, ErrorDomain::kTransport);
  EXPECT_THAT(opened.error().message, HasSubstr("no answer from the card daemon"));
}

TEST_F(UnixTransportTest, DeadAfterTheConnectionEnded) {
  Play({{kHello, kHelloReply}, {"0006 02 ........ 00", "0001 00"}, {"00", ""}});
  auto transport = Open();
  ASSERT_TRUE(transport);
  auto lock = (*transport)->Lock(Soon());
  ASSERT_TRUE(lock);
  // The script ends at the first byte of this request, and with it the connection.
  for (int i = 0; i < 2; ++i) {
    const auto iccid = (*transport)->ReadIccid(Soon());
    ASSERT_FALSE(iccid);
    EXPECT_EQ(iccid.error().domain, ErrorDomain::kTransport);
    EXPECT_THAT(iccid.error().message, HasSubstr("has ended the connection"));
  }
}

TEST_F(UnixTransportTest, RefusedConnectionSaysWhy) {
  Play({{"", "000C 01 01 9000 0004 66756C6C 0000"}});
  const auto opened = Open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, "unix:" + path_ + ": full");
}

TEST_F(UnixTransportTest, WrongArgumentsStayHere) {
  Play({{kHello, kHelloReply}});
  auto transport = Open();
  ASSERT_TRUE(transport);
  EXPECT_EQ((*transport)->OpenChannel(Hex("A0000005"), Soon()).error().domain, ErrorDomain::kUsage);
  EXPECT_EQ((*transport)->Transmit(Channel{}, Hex("808400"), Soon()).error().domain, ErrorDomain::kUsage);
  EXPECT_EQ((*transport)->CloseChannel(Channel{.number = 0, .session = 5}, Soon()).error().domain, ErrorDomain::kUsage);
}

TEST_F(UnixTransportTest, ChildKeepsSilent) {
  Play({{kHello, kHelloReply}, {"0006 02 ........ 00", "0001 00"}, {"0006 07 ........ 00", "0001 00"}});
  auto transport = Open();
  ASSERT_TRUE(transport);
  auto lock = (*transport)->Lock(Soon());
  ASSERT_TRUE(lock);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto refused = (*transport)->ReadIccid(Soon());
    const bool as_expected = !refused && refused.error().message.find("was opened by process") != std::string::npos;
    lock->reset();  // an UNLOCK here would end the parent's transaction
    ::_exit(as_expected ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE((*transport)->ReadIccid(Soon())) << "the next bytes the daemon sees are the parent's";
}

}  // namespace
}  // namespace simroot::device
