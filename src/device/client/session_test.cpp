// SPDX-License-Identifier: Apache-2.0
/// Opening, recovery, threads, forks.
#include "device/client/session.hpp"

#include <sys/wait.h>

#include <thread>

#include "device/client/fake_transport.hpp"

namespace simroot::device::client {
namespace {

using iotsafe::HashAlgorithm;
using testing::CardSetup;
using testing::FileName;
using testing::HelloDigest;
using testing::kHelloHex;
using testing::MakeCard;
using testing::PrivateKey;
using testing::Script;

const std::string kInit = "812A00010D840101A1010391020001920104";
const std::string kUpdate = "812B8001229E20" + std::string(kHelloHex) + "00";
const std::string kSigned = "3340" + std::string(128, '1') + "9000";
const std::string kRandomOne = "8184000001";

class SessionTest : public ::testing::Test {
 protected:
  void Use(const CardSetup& setup) { card_ = MakeCard(script_, setup); }
  Result<RawSignature> Sign() { return card_->Sign(PrivateKey("01"), HashAlgorithm::kSha256, HelloDigest()); }
  void OpenAndSign() {
    script_->ThenOpened().Then(kInit, "9000").Then(kUpdate, kSigned);
    ASSERT_TRUE(Sign());
  }
  void TearDown() override {
    EXPECT_TRUE(script_->Done());
    script_->Otherwise([](const std::string& event) -> std::optional<std::string> {
      return event == "close 1" ? std::optional<std::string>("") : std::nullopt;
    });
  }

  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  std::shared_ptr<Card> card_ = MakeCard(script_);
};

TEST_F(SessionTest, TriesTheApplicationIdentifiersInOrder) {
  script_->Then("open", "")
      .Then("channel A0000005590010", "!6A82")
      .Then("channel A00000003053F12401770101495341", "2")
      .Then("8284000001", "AA9000")
      .Then("close 2", "");
  EXPECT_TRUE(card_->Random(1));
  card_->Close();
  // The one that was found is tried first from now on.
  script_->Then("open", "").Then("channel A00000003053F12401770101495341", "1").Then(kRandomOne, "AA9000");
  EXPECT_TRUE(card_->Random(1));
}

TEST_F(SessionTest, TriesOnlyTheGivenIdentifiers) {
  Use({.aids = {{0xF0, 0x01}, {0xF0, 0x02}}});
  script_->Then("open", "").Then("channel F001", "!6A82").Then("channel F002", "!6A82");
  const auto random = card_->Random(1);
  ASSERT_FALSE(random);
  EXPECT_EQ(random.error().sw, wire::StatusWord::kFileNotFound);
  EXPECT_NE(random.error().message.find("no IoT SAFE applet on at:/dev/fake"), std::string::npos);
}

TEST_F(SessionTest, AnyOtherRefusalOfAnIdentifierStops) {
  script_->Then("open", "").Then("channel A0000005590010", "!6985");
  EXPECT_EQ(card_->Random(1).error().sw, wire::StatusWord::kConditionsNotSatisfied);
}

TEST_F(SessionTest, ReadsTheIccidWithoutAnApplet) {
  script_->Then("open", "").Then("iccid", "8988211000000000017");
  EXPECT_EQ(card_->Iccid().value(), "8988211000000000017");
}

TEST_F(SessionTest, OpensAPortThatIsNotThereOnlyOnce) {
  script_->Then("open", "!transport");
  const auto signature = Sign();
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().domain, ErrorDomain::kTransport);
}

TEST_F(SessionTest, OpensAgainAfterATransportError) {
  OpenAndSign();
  script_->Then(kInit, "9000").Then(kUpdate, "!transport");
  script_->ThenOpened().Then(kInit, "9000").Then(kUpdate, kSigned);
  EXPECT_TRUE(Sign());
}

TEST_F(SessionTest, OpensAgainOnlyOnce) {
  OpenAndSign();
  script_->Then(kInit, "!transport").ThenOpened().Then(kInit, "!transport");
  EXPECT_EQ(Sign().error().domain, ErrorDomain::kTransport);
  // The next operation has its own chance.
  script_->ThenOpened().Then(kInit, "9000").Then(kUpdate, kSigned);
  EXPECT_TRUE(Sign());
}

TEST_F(SessionTest, OpensTheChannelAgainAfterACardReset) {
  OpenAndSign();
  script_->Then(kInit, "6881").Then("channel A0000005590010", "1").Then(kInit, "9000").Then(kUpdate, kSigned);
  EXPECT_TRUE(Sign());
}

TEST_F(SessionTest, OpensTheChannelAgainWhenItIsLostBetweenInitAndUpdate) {
  OpenAndSign();
  script_->Then(kInit, "9000").Then(kUpdate, "6881");
  script_->Then("channel A0000005590010", "1").Then(kInit, "9000").Then(kUpdate, kSigned);
  EXPECT_TRUE(Sign());
}

TEST_F(SessionTest, SelectsAgainWhenAnotherApplicationAnswers) {
  OpenAndSign();
  script_->Then(kInit, "6D00").Then("close 1", "").Then("channel A0000005590010", "1");
  script_->Then(kInit, "9000").Then(kUpdate, kSigned);
  EXPECT_TRUE(Sign());
  const std::string interindustry = "01" + kInit.substr(2);
  script_->Then(kInit, "6E00").Then(interindustry, "6E00").Then("close 1", "").Then("channel A0000005590010", "1");
  script_->Then(kInit, "9000").Then(kUpdate, kSigned);
  EXPECT_TRUE(Sign());
}

TEST_F(SessionTest, TakesA6985ForARefusalUnlessTheChannelWasIdle) {
  OpenAndSign();
  script_->Then(kInit, "6985");
  EXPECT_EQ(Sign().error().sw, wire::StatusWord::kConditionsNotSatisfied);
}

TEST_F(SessionTest, SelectsAgainAfterA6985OnAnIdleChannel) {
  Use({.idle_limit = std::chrono::milliseconds(0)});
  OpenAndSign();
  script_->Then(kInit, "6985").Then("close 1", "").Then("channel A0000005590010", "1").Then(kInit, "6985");
  EXPECT_EQ(Sign().error().sw, wire::StatusWord::kConditionsNotSatisfied);
}

TEST_F(SessionTest, NeverSelectsAgainOnAFreshChannel) {
  Use({.idle_limit = std::chrono::milliseconds(0)});
  script_->ThenOpened().Then(kInit, "6D00");
  EXPECT_EQ(Sign().error().sw, wire::StatusWord::kUnknownInstruction);
}

TEST_F(SessionTest, RefreshesAndRepeatsOnceAfter6989) {
  OpenAndSign();
  script_->Then(kInit, "6989").Then(kInit, "9000").Then(kUpdate, kSigned);
  EXPECT_TRUE(Sign());
  script_->Then(kInit, "6989").Then(kInit, "6989");
  EXPECT_EQ(Sign().error().sw, wire::StatusWord::kCapacityReached);
}

TEST_F(SessionTest, DoesNotRepeatAfterTheTimeLimit) {
  Use({.timeout = std::chrono::milliseconds(0)});
  script_->ThenOpened().Then(kInit, "!transport");
  EXPECT_EQ(Sign().error().domain, ErrorDomain::kTransport);
}

TEST_F(SessionTest, CountsOverAllTransports) {
  OpenAndSign();
  script_->Then("close 1", "");
  card_->Close();
  script_->ThenOpened().Then(kRandomOne, "AA9000");
  ASSERT_TRUE(card_->Random(1));
  EXPECT_EQ(card_->Counters().exchanges, 3U);
}

TEST_F(SessionTest, ServesEightThreads) {
  constexpr int kThreads = 8;
  constexpr int kSignatures = 50;
  bool between_init_and_update = false;
  script_->ThenOpened().Otherwise([&](const std::string& event) -> std::optional<std::string> {
    // A transaction is never interleaved with another's.
    EXPECT_EQ(between_init_and_update, event == kUpdate);
    between_init_and_update = event == kInit;
    return event == kInit ? "9000" : kSigned;
  });
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kSignatures; ++n) {
        good += Sign() ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(good, kThreads * kSignatures);
  EXPECT_EQ(script_->Apdus(), 2U * kThreads * kSignatures);
}

/// Runs `body` in a child; true if it returned true and no expectation failed there.
bool InChild(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    const bool good = body() && !::testing::Test::HasFailure();
    std::_Exit(good ? 0 : 1);
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(SessionTest, AChildOpensItsOwnChannelAndLeavesItsParentsAlone) {
  OpenAndSign();
  EXPECT_TRUE(InChild([&] {
    script_->ForgetSeen();
    script_->Then("open", "").Then("channel A0000005590010", "2");
    script_->Then("822A" + kInit.substr(4), "9000").Then("822B" + kUpdate.substr(4), kSigned).Then("close 2", "");
    const bool good = Sign().has_value();
    card_.reset();
    return good && script_->Done();
  }));
  // The parent goes on as if nothing had happened.
  script_->Then(kInit, "9000").Then(kUpdate, kSigned);
  EXPECT_TRUE(Sign());
}

TEST_F(SessionTest, AChildThatDoesNothingSaysNothing) {
  OpenAndSign();
  EXPECT_TRUE(InChild([&] {
    script_->ForgetSeen();
    card_.reset();
    return script_->seen().empty();
  }));
}

TEST_F(SessionTest, AForkInTheMiddleOfATransactionDoesNotBlockTheChild) {
  bool child_was_good = false;
  bool forked = false;
  script_->ThenOpened().Otherwise([&](const std::string& event) -> std::optional<std::string> {
    if (event == kInit && !forked) {
      forked = true;  // this thread holds the card's mutex and the lock of the port
      std::thread([&] {
        child_was_good = InChild([&] {
          script_->StartAnew();
          script_->Then("open", "").Then("channel A0000005590010", "1").Then(kRandomOne, "AA9000");
          return card_->Random(1).has_value() && script_->Done();
        });
      }).join();
    }
    return event == kInit ? "9000" : kSigned;
  });
  EXPECT_TRUE(Sign());
  EXPECT_TRUE(child_was_good);
}

TEST_F(SessionTest, AGrandchildWorksToo) {
  OpenAndSign();
  EXPECT_TRUE(InChild([&] {
    return InChild([&] {
      script_->ThenOpened().Then(kRandomOne, "AA9000");
      return card_->Random(1).has_value();
    });
  }));
}

}  // namespace
}  // namespace simroot::device::client
