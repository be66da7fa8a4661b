// SPDX-License-Identifier: Apache-2.0
/// Live connections hear of it when their device is refused.
#include <atomic>
#include <thread>

#include "server/tls/testing/tls_world.hpp"

namespace simroot::server::testing {
namespace {

class Watching : public ::testing::Test {
 protected:
  void SetUp() override { world.Start(); }

  [[nodiscard]] Ended Connected() { return world.Connect({.certificate = &world.device}); }
  [[nodiscard]] std::shared_ptr<void> Watched(const Ended& ended, std::vector<Refusal>& into) {
    return Watch(world.middleware, ended.server_end.get(), [&into](Refusal refusal) { into.push_back(refusal); });
  }

  TlsWorld world{Kind::kTls13};
};

TEST_F(Watching, IsToldOnceWhenTheDeviceIsRefused) {
  const Ended ended = Connected();
  std::vector<Refusal> told;
  const auto watch = Watched(ended, told);
  world.middleware.SetState(world.psk_id, CredentialState::kRevoked);  // another one
  world.middleware.SetState(world.device_id, CredentialState::kSuperseded);
  EXPECT_TRUE(told.empty());
  world.middleware.SetState(world.device_id, CredentialState::kSuspended);
  world.middleware.SetState(world.device_id, CredentialState::kRevoked);
  EXPECT_EQ(told, std::vector{Refusal::kSuspended});
}

TEST_F(Watching, IsToldWhenTheIdBecomesAnothers) {
  const Ended ended = Connected();
  std::vector<Refusal> told;
  const auto watch = Watched(ended, told);
  world.middleware.GiveAgain(world.device_id, "89490000000000009999");
  EXPECT_EQ(told, std::vector{Refusal::kRevoked});
}

TEST_F(Watching, IsToldOfEachConnection) {
  const Ended one = Connected();
  const Ended two = Connected();
  std::vector<Refusal> told_one;
  std::vector<Refusal> told_two;
  const auto watch_one = Watched(one, told_one);
  const auto watch_two = Watched(two, told_two);
  const auto watch_three = Watched(two, told_two);
  world.middleware.SetState(world.device_id, CredentialState::kDeleted);
  EXPECT_EQ(told_one.size(), 1U);
  EXPECT_EQ(told_two.size(), 2U);
  EXPECT_EQ(world.middleware.live(), 3);
}

TEST_F(Watching, IsToldAtOnceWhenItIsTooLate) {
  const Ended ended = Connected();
  world.middleware.SetState(world.device_id, CredentialState::kRevoked);
  std::vector<Refusal> told;
  const auto watch = Watched(ended, told);
  EXPECT_EQ(told, std::vector{Refusal::kRevoked});
}

TEST_F(Watching, IsNotToldAfterItsEnd) {
  const Ended ended = Connected();
  std::vector<Refusal> told;
  auto one = Watched(ended, told);
  auto other = Watched(ended, told);
  one.reset();
  world.middleware.SetState(world.device_id, CredentialState::kRevoked);
  EXPECT_EQ(told.size(), 1U);
  EXPECT_EQ(world.middleware.live(), 1);
  other.reset();
  EXPECT_EQ(world.middleware.live(), 0);
  world.middleware.SetState(world.device_id, CredentialState::kSuspended);
  EXPECT_EQ(told.size(), 1U);
}

TEST_F(Watching, MayEndWhileItIsTold) {
  const Ended ended = Connected();
  std::shared_ptr<void> watch;
  int told = 0;
  watch = Watch(world.middleware, ended.server_end.get(), [&](Refusal /*refusal*/) {
    ++told;
    watch.reset();
  });
  world.middleware.SetState(world.device_id, CredentialState::kRevoked);
  world.middleware.SetState(world.device_id, CredentialState::kSuspended);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(watch, nullptr);
}

TEST_F(Watching, OutlivesItsConnection) {
  std::vector<Refusal> told;
  std::shared_ptr<void> watch;
  {
    const Ended ended = Connected();
    watch = Watched(ended, told);
  }
  world.middleware.SetState(world.device_id, CredentialState::kRevoked);
  EXPECT_EQ(told.size(), 1U);
}

TEST_F(Watching, SaysSoForWhoeverIsNoDevice) {
  std::vector<Refusal> told;
  const Ended ended = world.Connect({});
  EXPECT_EQ(Watched(ended, told), nullptr);
  EXPECT_EQ(Watch(world.middleware, nullptr, [&](Refusal refusal) { told.push_back(refusal); }), nullptr);
  EXPECT_EQ(told, (std::vector{Refusal::kNoCredential, Refusal::kNoCredential}));
}

TEST_F(Watching, ManyThreads) {
  constexpr int kRounds = 200;         // at least
  constexpr int kMostRounds = 50'000;  // until somebody is told of something
  const Ended ended = Connected();
  std::atomic<int> told = 0;
  std::atomic<int> watches = 0;
  std::atomic<bool> stop = false;
  std::thread platform([&] {
    while (!stop) {
      world.middleware.SetState(world.device_id, CredentialState::kSuspended);
      world.middleware.SetState(world.device_id, CredentialState::kActive);
    }
  });
  std::vector<std::thread> servers;
  const auto attached = world.context();
  ASSERT_NE(attached, nullptr);
  for (int i = 0; i < 3; ++i) {
    servers.emplace_back([&] {
      for (int round = 0; round < kRounds || (told == 0 && round < kMostRounds); ++round) {
        ++watches;
        const auto alive = std::make_shared<std::atomic<bool>>(true);
        auto watch = Watch(world.middleware, ended.server_end.get(), [&told, alive](Refusal /*refusal*/) {
          std::this_thread::yield();
          EXPECT_TRUE(alive->load());  // it is not called any more when the watch is dead, and does not run
          ++told;
        });
        watch.reset();
        *alive = false;
      }
    });
  }
  for (std::thread& server : servers) {
    server.join();
  }
  stop = true;
  platform.join();
  EXPECT_GT(told, 0);
  EXPECT_LE(told, watches);
}

}  // namespace
}  // namespace simroot::server::testing
