// SPDX-License-Identifier: Apache-2.0
#include "device/daemon/daemon.hpp"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <filesystem>

#include "device/daemon/fake_card.hpp"
#include "device/daemon/listener.hpp"
#include "device/transport/daemon_line.hpp"
#include "device/transport/in_process.hpp"

namespace simroot::device {

/// These tests have no virtual card.
Result<std::unique_ptr<InProcessCard>> OpenInProcessCard(const std::string& file) {
  return Fail(ErrorDomain::kStore, "no virtual card " + file);
}

namespace daemon {
namespace {

using testing::FakeCard;
using ::testing::HasSubstr;
using testing::kAid;

const Bytes kInit = Hex("802A000103840101");
const Bytes kUpdate = Hex("802B8001049E020102");
constexpr std::chrono::seconds kPatience{20};

Deadline Soon() {
  return Deadline::After(kPatience);
}

class DaemonTest : public ::testing::Test {
 protected:
  DaemonTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "simroot-daemon-XXXXXX").string();
    SR_CHECK(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    path_ = folder_ + "/s";
    options_.holder.card = {.scheme = "at", .path = "/dev/fake", .text = "at:/dev/fake"};
    options_.holder.open_transport = testing::Opener(card_);
    options_.holder.first_pause = options_.holder.longest_pause = options_.holder.shortest_pause =
        std::chrono::milliseconds(1);
  }
  ~DaemonTest() override {
    card_->LetGo();
    Stop();
    std::filesystem::remove_all(folder_);
  }

  void Start() {
    auto listener = Listener::Make({.path = path_, .mode = 0600, .group = {}});
    ASSERT_TRUE(listener) << listener.error().Text();
    listener_.emplace(*std::move(listener));
    stop_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
    thread_ = std::thread([this] {
      Daemon daemon(options_, listener_->fd());
      const auto ended = daemon.Run(stop_.get());
      EXPECT_TRUE(ended) << ended.error().Text();
    });
  }
  void AskToStop() {
    const std::uint64_t one = 1;
    ASSERT_EQ(::write(stop_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }
  void Stop() {
    if (thread_.joinable()) {
      AskToStop();
      thread_.join();
      listener_.reset();
    }
  }

  std::unique_ptr<Transport> Connect() {
    auto transport = OpenTransport({.scheme = "unix", .path = path_, .text = "unix:" + path_}, Soon());
    EXPECT_TRUE(transport) << transport.error().Text();
    return transport ? *std::move(transport) : nullptr;
  }
  std::unique_ptr<TransportLock> Lock(Transport& transport) {
    auto lock = transport.Lock(Soon());
    EXPECT_TRUE(lock) << lock.error().Text();
    return lock ? *std::move(lock) : nullptr;
  }
  static std::string SendOn(Transport& transport, const Channel& channel, ByteView command) {
    const auto answer = transport.Transmit(channel, command, Soon());
    return answer ? ToHex(answer->bytes()) : answer.error().Text();
  }
  /// One whole signature by a new connection.
  std::string SignOnce() {
    const auto transport = Connect();
    const auto lock = Lock(*transport);
    const auto channel = transport->OpenChannel(Hex(kAid), Soon());
    if (!channel) {
      return channel.error().Text();
    }
    const std::string begun = SendOn(*transport, *channel, kInit);
    return begun + SendOn(*transport, *channel, kUpdate);
  }
  DaemonStatus Status() {
    const auto status = AskDaemonStatus(path_, "unix:" + path_, Soon());
    EXPECT_TRUE(status) << status.error().Text();
    return status.value_or(DaemonStatus());
  }
  /// Asks for the status until it is as wanted; each question is a round trip.
  template <typename Condition>
  bool WaitForStatus(Condition wanted) {
    const Deadline deadline = Soon();
    while (!deadline.Passed()) {
      if (wanted(Status())) {
        return true;
      }
    }
    return false;
  }
  void WaitUntilWarm() {
    ASSERT_TRUE(WaitForStatus([](const DaemonStatus& status) { return status.open && !status.iccid.empty(); }));
    static_cast<void>(card_->TakeEvents());
  }

  std::shared_ptr<FakeCard> card_ = std::make_shared<FakeCard>();
  std::string folder_;
  std::string path_;
  DaemonOptions options_;
  std::optional<Listener> listener_;
  UniqueFd stop_;
  std::thread thread_;
};

TEST_F(DaemonTest, ColdProcessSignsWithTwoApdus) {
  Start();
  WaitUntilWarm();
  const std::uint32_t before = Status().exchanges;
  EXPECT_EQ(SignOnce(), "90003301AA9000");
  EXPECT_EQ(SignOnce(), "90003301AA9000");
  EXPECT_EQ(Status().exchanges, before + 4);
}

TEST_F(DaemonTest, IccidComesFromMemory) {
  Start();
  WaitUntilWarm();
  const auto transport = Connect();
  const auto lock = Lock(*transport);
  EXPECT_EQ(transport->ReadIccid(Soon()).value_or(""), "89880000000000000013");
  EXPECT_EQ(card_->TakeEvents().size(), 1U) << "the lock of the port";
}

TEST_F(DaemonTest, NothingWithoutATransaction) {
  Start();
  const auto transport = Connect();
  const auto channel = transport->OpenChannel(Hex(kAid), Soon());
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().domain, ErrorDomain::kUsage);
  EXPECT_THAT(channel.error().message, HasSubstr("in a transaction only"));
  EXPECT_FALSE(transport->ReadIccid(Soon()));
  const auto lock = Lock(*transport);
  const auto twice = transport->Lock(Soon());
  ASSERT_FALSE(twice);
  EXPECT_THAT(twice.error().message, HasSubstr("has begun a transaction already"));
}

TEST_F(DaemonTest, WaitingClientsAreServedInOrder) {
  Start();
  const auto first = Connect();
  auto lock = Lock(*first);
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::thread> threads;
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&, i] {
      const auto transport = Connect();
      const auto own = Lock(*transport);
      const std::lock_guard guard(mutex);
      order.push_back(i);
    });
    const auto waiting = static_cast<std::size_t>(i) + 1;
    ASSERT_TRUE(WaitForStatus([waiting](const DaemonStatus& status) { return status.waiting.size() == waiting; }));
  }
  lock.reset();
  auto again = Lock(*first);  // behind all of them
  {
    const std::lock_guard guard(mutex);
    EXPECT_THAT(order, ::testing::ElementsAre(0, 1, 2, 3, 4));
  }
  again.reset();
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST_F(DaemonTest, ManyRequestsOfOneDoNotStarveAnother) {
  Start();
  std::atomic<bool> stop{false};
  std::vector<std::thread> busy;
  for (int i = 0; i < 3; ++i) {
    busy.emplace_back([&] {
      while (!stop) {
        EXPECT_EQ(SignOnce(), "90003301AA9000");
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(SignOnce(), "90003301AA9000");
  }
  stop = true;
  for (std::thread& thread : busy) {
    thread.join();
  }
}

TEST_F(DaemonTest, WaitEndsInTimeAndSaysWhoIsInTheWay) {
  Start();
  const auto first = Connect();
  const auto lock = Lock(*first);
  const auto second = Connect();
  const auto refused = second->Lock(Deadline::After(std::chrono::milliseconds(100)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().domain, ErrorDomain::kTransport);
  EXPECT_THAT(refused.error().message, HasSubstr("the card is busy: pid " + std::to_string(::getpid())));
}

TEST_F(DaemonTest, LongTransactionIsTakenAwayWhenSomebodyWaits) {
  options_.transaction_limit = std::chrono::milliseconds(50);
  Start();
  const auto slow = Connect();
  auto lock = Lock(*slow);
  const auto channel = slow->OpenChannel(Hex(kAid), Soon());
  ASSERT_TRUE(channel);
  EXPECT_EQ(SendOn(*slow, *channel, kInit), "9000");
  EXPECT_EQ(SignOnce(), "90003301AA9000");
  const auto refused = slow->Transmit(*channel, kUpdate, Soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().domain, ErrorDomain::kTransport);
  EXPECT_THAT(refused.error().message, HasSubstr("was taken away"));
  EXPECT_EQ(Status().taken_away, 1U);
  lock.reset();
  lock = Lock(*slow);
  EXPECT_EQ(SendOn(*slow, *channel, kUpdate), "3301AA9000") << "its own session was kept for it";
}

TEST_F(DaemonTest, SilentCardDoesNotKeepOthersFromTheirAnswer) {
  Start();
  WaitUntilWarm();
  const auto first = Connect();
  const auto lock = Lock(*first);
  const auto channel = first->OpenChannel(Hex(kAid), Soon());
  ASSERT_TRUE(channel);
  card_->Hold();
  std::thread asking([&] { EXPECT_EQ(SendOn(*first, *channel, kInit), "9000"); });
  ASSERT_TRUE(card_->WaitUntilHeld());
  const auto second = Connect();
  const auto refused = second->Lock(Deadline::After(std::chrono::milliseconds(100)));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("the card is busy"));
  EXPECT_EQ(Status().holder.value_or(DaemonStatus::Peer()).pid, static_cast<std::uint32_t>(::getpid()));
  card_->LetGo();
  asking.join();
}

TEST_F(DaemonTest, ClientThatLeavesInTheMiddleLeavesNothing) {
  Start();
  WaitUntilWarm();
  {
    const auto transport = Connect();
    auto lock = Lock(*transport);
    const auto channel = transport->OpenChannel(Hex(kAid), Soon());
    ASSERT_TRUE(channel);
    EXPECT_EQ(SendOn(*transport, *channel, kInit), "9000");
  }
  ASSERT_TRUE(WaitForStatus([](const DaemonStatus& status) {
    return !status.holder && status.clients == 1 && status.channels.size() == 1 && status.channels.front().clean;
  }));
  static_cast<void>(card_->TakeEvents());
  EXPECT_EQ(SignOnce(), "90003301AA9000");
}

TEST_F(DaemonTest, ClientThatLeavesDuringAnExchangeDoesNotDisturbTheNext) {
  Start();
  WaitUntilWarm();
  auto leaving = Connect();
  auto lock = Lock(*leaving);
  const auto channel = leaving->OpenChannel(Hex(kAid), Soon());
  ASSERT_TRUE(channel);
  card_->Hold();
  const auto late = leaving->Transmit(*channel, kInit, Deadline::After(std::chrono::milliseconds(50)));
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().message, HasSubstr("no answer from the card daemon"));
  lock.reset();
  leaving.reset();
  card_->LetGo();
  EXPECT_EQ(SignOnce(), "90003301AA9000");
}

TEST_F(DaemonTest, LostPortIsToldAndComesBack) {
  Start();
  WaitUntilWarm();
  card_->SetPort(false);
  card_->Reset();
  const auto transport = Connect();
  {
    const auto lock = Lock(*transport);
    const auto channel = transport->OpenChannel(Hex(kAid), Soon());
    ASSERT_TRUE(channel);
    EXPECT_THAT(SendOn(*transport, *channel, kInit), HasSubstr("the modem at at:/dev/fake is gone"));
  }
  const auto refused = transport->Lock(Soon());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().Text(), HasSubstr("there is no port /dev/fake; plug the modem in"));
  EXPECT_FALSE(Status().open);
  card_->SetPort(true);
  WaitUntilWarm();  // without any client
  EXPECT_EQ(SignOnce(), "90003301AA9000");
  EXPECT_EQ(Status().openings, 2U);
}

TEST_F(DaemonTest, StartsWithoutACard) {
  card_->SetPort(false);
  Start();
  const auto transport = Connect();
  EXPECT_FALSE(transport->Lock(Soon()));
  EXPECT_THAT(Status().trouble, HasSubstr("there is no port"));
}

TEST_F(DaemonTest, StopTellsThoseWhoWaitAndClosesTheChannels) {
  Start();
  WaitUntilWarm();
  const auto first = Connect();
  auto lock = Lock(*first);
  const auto channel = first->OpenChannel(Hex(kAid), Soon());
  ASSERT_TRUE(channel);
  EXPECT_EQ(SendOn(*first, *channel, kInit), "9000");
  std::thread waiting([this] {
    const auto transport = Connect();
    const auto refused = transport->Lock(Soon());
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("is being stopped"));
  });
  ASSERT_TRUE(WaitForStatus([](const DaemonStatus& status) { return status.waiting.size() == 1; }));
  Stop();
  waiting.join();
  EXPECT_EQ(card_->OpenChannels(), 0U);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

// Hostile clients.

class HostileClientTest : public DaemonTest {
 protected:
  UniqueFd RawConnection() {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(&address.sun_path[0], sizeof address.sun_path - 1);
    SR_CHECK(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return fd;
  }
  static void Send(const UniqueFd& fd, const std::string& hex) {
    const Bytes bytes = Hex(hex);
    static_cast<void>(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }
  /// True once the daemon has closed the connection; what it says before that is skipped.
  static bool IsClosed(const UniqueFd& fd) {
    const Deadline deadline = Soon();
    std::array<std::uint8_t, 256> memory{};
    pollfd watched{fd.get(), POLLIN, 0};
    while (::poll(&watched, 1, deadline.PollTimeoutMs()) == 1) {
      if (::recv(fd.get(), memory.data(), memory.size(), 0) <= 0) {
        return true;
      }
    }
    return false;
  }
  static inline const std::string kHello = "000B 01 00000000 00 53524344 01";
};

TEST_F(HostileClientTest, MalformedFramesCloseThatClientOnly) {
  Start();
  const auto good = Connect();
  const auto lock = Lock(*good);
  for (const std::string& bytes :
       {std::string("0000"), std::string("FFFF"), std::string("474554202F"), "0006 02 000003E8 00" + kHello,
        std::string("000B 01 00000000 00 53524345 01"), kHello + kHello, kHello + "0006 09 000003E8 00",
        kHello + "0006 02 000003E8 07", kHello + "0005 02 000003E8", kHello + "1010 06 000003E8 00 00"}) {
    const UniqueFd bad = RawConnection();
    Send(bad, bytes);
    EXPECT_TRUE(IsClosed(bad)) << bytes;
  }
  EXPECT_TRUE(good->ReadIccid(Soon()));
}

TEST_F(HostileClientTest, HalfARequestIsNotWaitedForForever) {
  options_.half_done_limit = std::chrono::milliseconds(50);
  Start();
  const UniqueFd slow = RawConnection();
  Send(slow, kHello + "0006 02");
  EXPECT_TRUE(IsClosed(slow));
}

TEST_F(HostileClientTest, RepliesThatNobodyReadsAreNotPiledUp) {
  options_.half_done_limit = std::chrono::milliseconds(200);
  Start();
  const UniqueFd deaf = RawConnection();
  const timeval patience{10, 0};
  ASSERT_EQ(::setsockopt(deaf.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
  Send(deaf, kHello);
  bool closed = false;
  const Bytes status = Hex("0006 08 00000000 00");
  for (int i = 0; i < 200000 && !closed; ++i) {
    closed = ::send(deaf.get(), status.data(), status.size(), MSG_NOSIGNAL) < 0;
  }
  EXPECT_TRUE(closed) << "either the daemon stops reading and gives up, or we would send for ever";
  EXPECT_EQ(SignOnce(), "90003301AA9000");
}

TEST_F(HostileClientTest, ConnectionsAreBounded) {
  options_.max_clients = 8;
  options_.max_clients_of_user = 8;
  Start();
  const auto holder = Connect();
  const auto lock = Lock(*holder);
  std::vector<UniqueFd> idle;
  for (int i = 0; i < 40; ++i) {
    idle.push_back(RawConnection());
    Send(idle.back(), kHello);
  }
  ASSERT_TRUE(WaitForStatus([](const DaemonStatus& status) { return status.clients <= 8; }));
  EXPECT_TRUE(IsClosed(idle.front())) << "the connection that was idle longest went";
  EXPECT_TRUE(holder->ReadIccid(Soon())) << "not the one that has the card";
}

TEST_F(HostileClientTest, WhoWaitsIsNotThrownOut) {
  options_.max_clients = 3;
  options_.max_clients_of_user = 3;
  Start();
  const auto holder = Connect();
  const auto lock = Lock(*holder);
  const UniqueFd first = RawConnection();
  const UniqueFd second = RawConnection();
  Send(first, kHello);
  Send(second, kHello);
  Send(first, "0006 02 0000EA60 00");
  Send(second, "0006 02 0000EA60 00");
  // Both wait before the next one comes: their sockets are read before a new one is accepted or are waiting to be.
  std::array<std::uint8_t, 4> reply{};
  for (const UniqueFd* fd : {&first, &second}) {
    ASSERT_EQ(::recv(fd->get(), reply.data(), reply.size(), 0), 4);
  }
  ASSERT_TRUE([&] {
    const Deadline deadline = Soon();
    while (!deadline.Passed()) {
      const auto refused = DaemonLine::Open(path_, "x", Soon());
      if (!refused && refused.error().message.find("too many programs") != std::string::npos) {
        return true;
      }
    }
    return false;
  }());
}

TEST_F(HostileClientTest, PipelinedRequestsAreServedOneByOne) {
  Start();
  WaitUntilWarm();
  const UniqueFd client = RawConnection();
  Send(client, kHello + "0006 02 00002710 00" + "000D 04 00002710 00" + kAid + "000E 06 00002710 01 802A000103840101" +
                   "0006 03 00000000 00" + "0006 02 00002710 00");
  const Bytes expected =
      Hex("0002 00 01"
          "0001 00"
          "0002 00 01"
          "0003 00 9000"
          "0001 00");
  Bytes got;
  while (got.size() < expected.size()) {
    std::array<std::uint8_t, 64> memory{};
    pollfd watched{client.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&watched, 1, Soon().PollTimeoutMs()), 1);
    const ssize_t count = ::recv(client.get(), memory.data(), memory.size(), 0);
    ASSERT_GT(count, 0);
    got.insert(got.end(), memory.begin(), memory.begin() + count);
  }
  EXPECT_EQ(got, expected);
}

}  // namespace
}  // namespace daemon
}  // namespace simroot::device
