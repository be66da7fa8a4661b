// SPDX-License-Identifier: Apache-2.0
/// A card on which no channel is free, after daemons and clients were killed.
#include "device/daemon/channel_pool.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "device/daemon/card_holder_test_support.hpp"

namespace simroot::device::daemon {
namespace {

using testing::CardHolderTest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kAid;
using testing::kAlice;
using testing::kOtherAid;
using testing::Soon;
using wire::StatusWord;

/// Three channels; over sessions, which it numbers like the channels, or with MANAGE CHANNEL.
class PoolCard final : public Transport {
 public:
  const std::string& Name() const override { return name_; }
  Result<std::unique_ptr<TransportLock>> Lock(Deadline /*deadline*/) override { return nullptr; }
  Result<Channel> OpenChannel(ByteView aid, Deadline /*deadline*/) override {
    if (silent) {
      return Fail(ErrorDomain::kTransport, "no answer");
    }
    for (int number = 1; number <= 3 && !SameBytes(aid, Hex(kOtherAid)); ++number) {
      if (open.insert(number).second) {
        return sessions ? Channel{.number = 0, .session = number}
                        : Channel{.number = static_cast<std::uint8_t>(number), .session = -1};
      }
    }
    return Unexpected(Error{ErrorDomain::kCard, "refused", "", sessions ? StatusWord::kFileNotFound : full});
  }
  Result<void> CloseChannel(const Channel& channel, Deadline /*deadline*/) override {
    if (dies_at_close) {
      return Fail(ErrorDomain::kTransport, "the modem is gone");
    }
    const bool session = channel.session >= 0;
    const int number = session ? channel.session : channel.number;
    closed.push_back((session ? "s" : "") + std::to_string(number));
    if (session != sessions || open.erase(number) == 0) {
      return Unexpected(Error{ErrorDomain::kCard, "nothing to close", "", StatusWord::kChannelNotSupported});
    }
    return {};
  }
  Result<CardResponse> Transmit(const Channel& /*channel*/, ByteView /*command*/, Deadline /*deadline*/) override {
    return CardResponse::From(Hex("9000"), name_);
  }
  Result<std::string> ReadIccid(Deadline /*deadline*/) override { return std::string(); }
  ExchangeCounters Counters() const override { return {}; }
  void SetObserver(TransportObserver* /*observer*/) override {}
  bool UsesSessions() const override { return sessions; }

  bool sessions = false;
  bool silent = false;
  bool dies_at_close = false;
  StatusWord full = StatusWord::kFunctionNotSupported;
  std::set<int> open;
  std::vector<std::string> closed;

 private:
  std::string name_ = "at:/dev/fake";
};

/// Writes the ledger in `folder` as processes that are gone would have left it.
void WriteLedger(const std::string& folder, const CardUri& port, const std::vector<std::string>& channels) {
  client::ChannelLedger(folder, port).Announce();  // makes the file
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().filename().string().starts_with("channels-")) {
      std::ofstream out(file.path(), std::ios::trunc);
      out << "simroot-channels 1\n";
      for (const std::string& channel : channels) {
        out << channel << " 999999999 1\n";
      }
    }
  }
}
const std::string kIntent = "0 -1";

class ChannelPoolTest : public CardHolderTest {
 protected:
  void Start(const std::vector<std::string>& noted) {
    WriteLedger(folder_, port_, noted);
    pool_.Start(client::ChannelLedger(folder_, port_));
  }
  bool Acquire(const std::string& aid = kAid) {
    return pool_.Acquire(transport_, Hex(aid), kAlice, Soon()).has_value();
  }
  [[nodiscard]] std::vector<client::LedgerEntry> Noted() const {
    return client::ChannelLedger(folder_, port_).Entries();
  }

  const CardUri port_ = Options().card;
  PoolCard transport_;
  ChannelPool pool_;
};

TEST_F(ChannelPoolTest, AChannelThatNobodyNotedIsClosedForADeadIntent) {
  transport_.open = {1, 2, 3};
  Start({kIntent});
  EXPECT_TRUE(Acquire());
  EXPECT_THAT(transport_.closed, ElementsAre("3"));
  ASSERT_EQ(Noted().size(), 1U);
  EXPECT_EQ(Noted().front().pid, ::getpid());
}

TEST_F(ChannelPoolTest, NothingIsClosedWithoutADeadIntent) {
  transport_.open = {1, 2, 3};
  Start({});
  EXPECT_FALSE(Acquire());
  EXPECT_THAT(transport_.closed, IsEmpty());
  EXPECT_THAT(Noted(), IsEmpty()) << "its own intent is withdrawn";
}

TEST_F(ChannelPoolTest, NothingIsClosedWhileAChannelIsFree) {
  transport_.open = {1, 2};
  Start({kIntent, kIntent, "1 -1"});
  EXPECT_TRUE(Acquire());
  EXPECT_THAT(transport_.closed, IsEmpty());
}

TEST_F(ChannelPoolTest, NotedChannelsOfTheDeadComeFirstAndItsOwnLast) {
  Start({});
  EXPECT_TRUE(Acquire());
  transport_.open = {1, 2, 3};
  WriteLedger(folder_, port_, {kIntent, "2 -1"});
  client::ChannelLedger(folder_, port_).Add({.number = 1, .session = -1});
  EXPECT_TRUE(Acquire("A000000001"));
  EXPECT_THAT(transport_.closed, ElementsAre("2"));
  EXPECT_TRUE(Acquire("A000000002"));
  EXPECT_THAT(transport_.closed, ElementsAre("2", "3"));
  EXPECT_TRUE(Acquire("A000000003"));
  EXPECT_THAT(transport_.closed, ElementsAre("2", "3", "1"));
}

TEST_F(ChannelPoolTest, OpeningWithoutAnAnswerIsRemembered) {
  Start({});
  transport_.silent = true;
  EXPECT_FALSE(Acquire());
  transport_.silent = false;
  transport_.open = {1, 2, 3};
  EXPECT_TRUE(Acquire());
  EXPECT_THAT(transport_.closed, ElementsAre("3"));
}

TEST_F(ChannelPoolTest, APortThatIsLostMeanwhileLosesNothing) {
  for (const std::vector<std::string>& noted : {std::vector<std::string>{"1 -1", "2 -1"}, {kIntent}}) {
    transport_.open = {1, 2, 3};
    Start(noted);
    transport_.dies_at_close = true;
    const auto acquired = pool_.Acquire(transport_, Hex(kAid), kAlice, Soon());
    ASSERT_FALSE(acquired);
    EXPECT_EQ(acquired.error().domain, ErrorDomain::kTransport);
    EXPECT_EQ(Noted().size(), noted.size() + 1) << "and its own intent, given up";
    transport_.dies_at_close = false;
    EXPECT_TRUE(Acquire());
  }
}

TEST_F(ChannelPoolTest, SessionsOfTheDeadAreClosedByADaemonThatHasNotOpenedOneYet) {
  transport_.sessions = true;
  transport_.open = {1, 2, 3};
  Start({"0 2"});
  EXPECT_TRUE(Acquire());
  EXPECT_THAT(transport_.closed, ElementsAre("s2"));
}

TEST_F(ChannelPoolTest, ASessionThatIsGoneDoesNotStopTheSearch) {
  transport_.sessions = true;
  transport_.open = {1, 2, 3};
  Start({"0 7", "0 8", "0 3"});
  EXPECT_TRUE(Acquire());
  EXPECT_THAT(transport_.closed, ElementsAre("s7", "s8", "s3"));
}

TEST_F(ChannelPoolTest, ASessionThatNobodyNotedIsClosedForADeadIntent) {
  transport_.sessions = true;
  transport_.open = {1, 2, 3};
  Start({kIntent, kIntent});
  EXPECT_TRUE(Acquire());
  EXPECT_THAT(transport_.closed, ElementsAre("s3"));
}

TEST_F(ChannelPoolTest, AnUnknownApplicationCostsNobodyElseAChannel) {
  transport_.sessions = true;
  Start({});
  EXPECT_TRUE(Acquire());
  WriteLedger(folder_, port_, {kIntent});
  transport_.open = {1, 2};
  EXPECT_FALSE(Acquire(kOtherAid));
  EXPECT_THAT(transport_.closed, ElementsAre("s1")) << "the daemon's own is closed first: then one is free for certain";
}

TEST_F(CardHolderTest, AClientGetsChannelsThatAKilledDaemonDidNotNote) {
  for (int i = 0; i < 3; ++i) {
    static_cast<void>(card_->Exchange(0, Hex("0070000001")));
  }
  WriteLedger(folder_, Options().card, {kIntent, kIntent, kIntent});
  Begin();
  EXPECT_EQ(Send(kAlice, 0, "0070000001"), "039000");
  EXPECT_EQ(Send(kAlice, 0, "0070000001"), "029000");
  EXPECT_EQ(Send(kAlice, 0, "0070000001"), "019000");
  EXPECT_EQ(Send(kAlice, 0, "0070000001"), "6A81") << "its own are not taken from it";
  holder_->End();
  EXPECT_EQ(card_->OpenChannels(), 0U);
}

TEST_F(CardHolderTest, AClientsOwnChannelIsNotedBeforeItIsOpened) {
  Begin();
  EXPECT_EQ(Send(kAlice, 0, "0070000001"), "019000");
  const client::ChannelLedger ledger(folder_, Options().card);
  ASSERT_EQ(ledger.Entries().size(), 1U) << "the channel has taken the place of the intent";
  EXPECT_EQ(ledger.Entries().front().channel.number, 1);
  EXPECT_EQ(Send(kAlice, 0, "0070000201"), "029000");
  EXPECT_EQ(Send(kAlice, 0, "00700003"), "039000");
  EXPECT_EQ(Send(kAlice, 0, "0070000001"), "6A81");
  EXPECT_EQ(ledger.Entries().size(), 3U) << "no intent is left";
  card_->SetPort(false);
  static_cast<void>(Send(kAlice, 0, "0070000001"));
  const auto entries = ledger.Entries();
  EXPECT_EQ(std::ranges::count_if(entries, &client::LedgerEntry::IsIntent), 1);
}

}  // namespace
}  // namespace simroot::device::daemon
