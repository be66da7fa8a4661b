// SPDX-License-Identifier: Apache-2.0
#include "device/daemon/listener.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/base/check.hpp"

namespace simroot::device::daemon {
namespace {

using testing::HasSubstr;

class ListenerTest : public testing::Test {
 protected:
  ListenerTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "simroot-listener-XXXXXX").string();
    SR_CHECK(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    path_ = folder_ + "/s";
  }
  ~ListenerTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] mode_t ModeOfSocket() const {
    struct stat status {};
    return ::lstat(path_.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
  }
  std::string folder_;
  std::string path_;
};

TEST_F(ListenerTest, HasTheRightsAskedForWhateverTheMask) {
  const mode_t before = ::umask(0777);
  for (const mode_t mode : {0600U, 0660U, 0666U}) {
    const auto listener = Listener::Make({.path = path_, .mode = mode, .group = {}});
    ASSERT_TRUE(listener) << listener.error().Text();
    EXPECT_EQ(ModeOfSocket(), mode);
  }
  ::umask(before);
  EXPECT_FALSE(std::filesystem::exists(path_)) << "removed at the end";
}

TEST_F(ListenerTest, ReplacesASocketThatNobodyServes) {
  {
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(&address.sun_path[0], sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(path_));
  EXPECT_TRUE(Listener::Make({.path = path_, .mode = 0600, .group = {}}));
}

TEST_F(ListenerTest, DoesNotReplaceWhatIsServedOrNoSocket) {
  const auto first = Listener::Make({.path = path_, .mode = 0600, .group = {}});
  ASSERT_TRUE(first);
  const auto second = Listener::Make({.path = path_, .mode = 0600, .group = {}});
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("somebody listens"));
  EXPECT_TRUE(std::filesystem::exists(path_));

  const std::string file = folder_ + "/file";
  std::ofstream(file) << "precious";
  const auto no_socket = Listener::Make({.path = file, .mode = 0600, .group = {}});
  ASSERT_FALSE(no_socket);
  EXPECT_THAT(no_socket.error().message, HasSubstr("is no socket"));
  EXPECT_TRUE(std::filesystem::exists(file));
}

TEST_F(ListenerTest, LeavesAnotherSocketAlone) {
  {
    const auto listener = Listener::Make({.path = path_, .mode = 0600, .group = {}});
    ASSERT_TRUE(listener);
    std::filesystem::remove(path_);
    std::ofstream(path_) << "somebody else's";
  }
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ListenerTest, WrongArguments) {
  EXPECT_EQ(Listener::Make({.path = "/" + std::string(107, 'x')}).error().domain, ErrorDomain::kUsage);
  EXPECT_EQ(Listener::Make({.path = ""}).error().domain, ErrorDomain::kUsage);
  const auto group = Listener::Make({.path = path_, .mode = 0660, .group = "no-such-group"});
  ASSERT_FALSE(group);
  EXPECT_THAT(group.error().Text(), HasSubstr("groupadd --system no-such-group"));
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(Listener::Make({.path = folder_ + "/missing/s"}).error().domain, ErrorDomain::kStore);
}

TEST_F(ListenerTest, WithoutServiceManager) {
  ::unsetenv("LISTEN_PID");
  const auto none = Listener::FromServiceManager();
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  ::setenv("LISTEN_PID", "1", 1);  // for somebody else
  ::setenv("LISTEN_FDS", "1", 1);
  const auto not_ours = Listener::FromServiceManager();
  ASSERT_TRUE(not_ours);
  EXPECT_FALSE(*not_ours);
  EXPECT_EQ(::getenv("LISTEN_FDS"), nullptr);
}

TEST_F(ListenerTest, PortIsClaimedOnce) {
  const CardUri card{.scheme = "at", .path = "/dev/ttyUSB2", .text = "at:/dev/ttyUSB2"};
  const CardUri other{.scheme = "at", .path = "/dev/ttyUSB3", .text = "at:/dev/ttyUSB3"};
  {
    const auto claim = PortClaim::Take(folder_ + "/run", card);
    ASSERT_TRUE(claim) << claim.error().Text();
    const auto second = PortClaim::Take(folder_ + "/run", card);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message,
                HasSubstr("another card daemon (pid " + std::to_string(::getpid()) + ") owns at:/dev/ttyUSB2"));
    EXPECT_TRUE(PortClaim::Take(folder_ + "/run", other));
  }
  EXPECT_TRUE(PortClaim::Take(folder_ + "/run", card));
}

TEST_F(ListenerTest, ServiceManagerIsTold) {
  const UniqueFd manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  for (const char first : {'/', '@'}) {
    const std::string name = first == '/' ? path_ : "@simroot-test-" + std::to_string(::getpid());
    const UniqueFd own(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(&address.sun_path[0], sizeof address.sun_path - 1);
    if (first == '@') {
      address.sun_path[0] = '\0';
    }
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    ASSERT_EQ(::bind(own.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    NotifyServiceManager("READY=1");
    std::array<char, 32> got{};
    ASSERT_EQ(::recv(own.get(), got.data(), got.size(), 0), 7);
    EXPECT_EQ(std::string_view(got.data()), "READY=1");
  }
  ::unsetenv("NOTIFY_SOCKET");
  NotifyServiceManager("READY=1");  // nobody to tell
}

}  // namespace
}  // namespace simroot::device::daemon
