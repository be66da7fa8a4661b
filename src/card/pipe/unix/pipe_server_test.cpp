// SPDX-License-Identifier: Apache-2.0
#include "card/pipe/unix/pipe_server.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "card/pipe/fake_pipe_card.hpp"
#include "common/host/test_hex.hpp"

namespace simroot::card {
namespace {

constexpr std::chrono::seconds kPatience{20};

class Recorder final : public ModemObserver {
 public:
  void OnExchange(ByteView command, ByteView response) override {
    const std::lock_guard lock(mutex);
    seen += ToHex(command) + ">" + ToHex(response) + " ";
  }
  std::mutex mutex;
  std::string seen;
};

UniqueFd Connect(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(&address.sun_path[0], sizeof address.sun_path - 1);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? std::move(fd)
                                                                                               : UniqueFd();
}

void Write(const UniqueFd& fd, std::string_view hex) {
  const Bytes bytes = Hex(hex);
  ASSERT_EQ(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

/// The next `count` bytes; fewer if the connection ends or the patience does.
std::string Read(const UniqueFd& fd, std::size_t count) {
  const Deadline deadline = Deadline::After(kPatience);
  Bytes got;
  while (got.size() < count) {
    pollfd watched{fd.get(), POLLIN, 0};
    std::uint8_t byte = 0;
    if (::poll(&watched, 1, deadline.PollTimeoutMs()) <= 0 || ::recv(fd.get(), &byte, 1, 0) != 1) {
      break;
    }
    got.push_back(byte);
  }
  return ToHex(got);
}

class PipeServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "pipe-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
    options.path = folder + "/card";
    options.observer = &recorder;
  }
  void TearDown() override {
    Stop();
    std::filesystem::remove_all(folder);
  }

  void Start() {
    auto opened = PipeServer::Open(card, options);
    ASSERT_TRUE(opened.has_value()) << opened.error().Text();
    server = *std::move(opened);
    thread = std::thread([this] { result = server->Run(stop.get()); });
  }
  void Stop() {
    if (thread.joinable()) {
      ASSERT_EQ(::eventfd_write(stop.get(), 1), 0);
      thread.join();
      EXPECT_TRUE(result.has_value());
    }
    server.reset();
  }
  std::string OpenError() {
    const auto opened = PipeServer::Open(card, options);
    return opened ? "" : opened.error().Text();
  }

  std::string folder;
  PipeServerOptions options;
  Recorder recorder;
  testing::ReversingCard card;
  UniqueFd stop{::eventfd(0, EFD_CLOEXEC)};
  std::unique_ptr<PipeServer> server;
  std::thread thread;
  Result<void> result;
};

TEST_F(PipeServerTest, AnswersAndTellsTheObserver) {
  Start();
  const UniqueFd client = Connect(options.path);
  Write(client, "0004 01020304");
  EXPECT_EQ(Read(client, 8), "0006040302019000");
  Write(client, "0001 04");
  EXPECT_EQ(Read(client, 6), "00043B021450");
  Stop();
  EXPECT_EQ(recorder.seen, "01020304>040302019000 ");
}

TEST_F(PipeServerTest, SocketIsForItsOwnerAndIsRemoved) {
  Start();
  struct stat found {};
  ASSERT_EQ(::lstat(options.path.c_str(), &found), 0);
  EXPECT_TRUE(S_ISSOCK(found.st_mode));
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  Stop();
  EXPECT_NE(::lstat(options.path.c_str(), &found), 0);
}

TEST_F(PipeServerTest, NextConnectionGetsAFreshCard) {
  Start();
  UniqueFd first = Connect(options.path);
  Write(first, "0001 04");
  ASSERT_EQ(Read(first, 6), "00043B021450");
  const UniqueFd second = Connect(options.path);  // waits in the queue
  Write(second, "0001 04");
  Write(first, "0004 01");  // half a message is forgotten with its sender
  first.Reset();
  EXPECT_EQ(Read(second, 6), "00043B021450");
  EXPECT_EQ(card.resets, 1U);
  EXPECT_EQ(card.commands, 0U);
}

TEST_F(PipeServerTest, MessageThatDoesNotGoOnEndsTheConnection) {
  options.message_timeout = std::chrono::milliseconds(50);
  Start();
  const UniqueFd client = Connect(options.path);
  Write(client, "0004 0102");
  EXPECT_EQ(Read(client, 1), "");  // closed
  const UniqueFd next = Connect(options.path);
  Write(next, "0001 04");
  EXPECT_EQ(Read(next, 6), "00043B021450");
}

TEST_F(PipeServerTest, ReplacesOnlyADeadSocket) {
  Start();
  EXPECT_NE(OpenError().find("served by a running program"), std::string::npos);
  Stop();
  {
    // A socket whose program has ended without removing it.
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    options.path.copy(&address.sun_path[0], sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  Start();
  Stop();
  std::ofstream(options.path) << "precious";
  EXPECT_NE(OpenError().find("is no socket"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_regular_file(options.path));
}

TEST_F(PipeServerTest, NamesBadPaths) {
  const std::string good = options.path;
  options.path = folder + "/" + std::string(120, 'x');
  EXPECT_NE(OpenError().find("give a shorter path"), std::string::npos);
  options.path = folder + "/missing/card";
  EXPECT_NE(OpenError().find("No such file or directory"), std::string::npos);
  options.path = "";
  EXPECT_NE(OpenError().find("cannot be the name"), std::string::npos);
  options.path = good;
}

}  // namespace
}  // namespace simroot::card
