// SPDX-License-Identifier: Apache-2.0
#include <fstream>

#include "device/daemon/card_holder_test_support.hpp"

namespace simroot::device::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace testing;  // NOLINT(google-build-using-namespace): this folder's own

TEST_F(CardHolderTest, WarmCardCostsAClientNothing) {
  Warm();
  EXPECT_EQ(holder_->Status().iccid, "89880000000000000013");
  Begin();
  const std::uint8_t channel = Open(kAlice);
  EXPECT_EQ(holder_->Iccid(Soon()).value_or(""), "89880000000000000013");
  EXPECT_THAT(Apdus(), IsEmpty());
  EXPECT_EQ(Send(kAlice, channel, kInit), "9000");
  EXPECT_EQ(Send(kAlice, channel, kUpdate), "3301AA9000");
  EXPECT_THAT(Apdus(), ElementsAre("812A000103840101", "812B8001049E020102"));
}

TEST_F(CardHolderTest, NextClientUsesTheSameChannelAtNoCost) {
  Warm();
  for (const ClientId client : {kAlice, kBob, kCarol}) {
    Begin();
    const std::uint8_t channel = Open(client);
    EXPECT_EQ(Send(client, channel, kInit), "9000");
    EXPECT_EQ(Send(client, channel, kUpdate), "3301AA9000");
    holder_->End();
  }
  EXPECT_EQ(Apdus().size(), 6U);
  EXPECT_EQ(card_->OpenChannels(), 1U);
}

TEST_F(CardHolderTest, SessionIsNeverSeenByAnother) {
  Warm();
  Begin();
  const std::uint8_t alices = Open(kAlice);
  EXPECT_EQ(Send(kAlice, alices, kInit), "9000");
  holder_->End();  // taken away, or just unlocked

  Begin();
  const std::uint8_t bobs = Open(kBob);
  EXPECT_EQ(Send(kBob, bobs, kState), "009000");
  EXPECT_EQ(Send(kBob, bobs, kUpdate), "6985") << "Bob must not end Alice's signature";
  holder_->End();
  EXPECT_EQ(card_->OpenChannels(), 2U);

  Begin();
  EXPECT_EQ(Send(kAlice, alices, kUpdate), "3301AA9000") << "Alice goes on where she was";
  holder_->End();
}

TEST_F(CardHolderTest, WhatAKilledClientLeavesIsCleanedBeforeTheNext) {
  Warm();
  Begin();
  EXPECT_EQ(Send(kAlice, Open(kAlice), kInit), "9000");
  holder_->End();
  holder_->Forget(kAlice);
  EXPECT_TRUE(holder_->Status().tidy_at);
  static_cast<void>(card_->TakeEvents());
  holder_->Tidy(Soon());
  EXPECT_THAT(Apdus(), ElementsAre("01A4040007" + kAid));
  EXPECT_FALSE(holder_->Status().tidy_at);
  Begin();
  EXPECT_EQ(Send(kBob, Open(kBob), kState), "009000");
  EXPECT_EQ(card_->OpenChannels(), 1U);
}

TEST_F(CardHolderTest, NextClientCleansIfThereWasNoTime) {
  Warm();
  Begin();
  EXPECT_EQ(Send(kAlice, Open(kAlice), kInit), "9000");
  holder_->End();
  holder_->Forget(kAlice);
  Begin();
  EXPECT_EQ(Send(kBob, Open(kBob), kState), "009000");
}

TEST_F(CardHolderTest, ClosedChannelIsCleaned) {
  Warm();
  Begin();
  const std::uint8_t channel = Open(kAlice);
  EXPECT_EQ(Send(kAlice, channel, kInit), "9000");
  EXPECT_TRUE(holder_->CloseChannel(kAlice, channel));
  EXPECT_FALSE(holder_->CloseChannel(kAlice, channel));
  EXPECT_EQ(Send(kAlice, Open(kAlice), kState), "009000");
}

TEST_F(CardHolderTest, LeastRecentlyUsedSessionIsLostWhenChannelsRunOut) {
  Warm();
  std::map<ClientId, std::uint8_t> channels;
  for (const ClientId client : {kAlice, kBob, kCarol}) {
    Begin();
    channels[client] = Open(client);
    EXPECT_EQ(Send(client, channels[client], kInit), "9000");
    holder_->End();
  }
  EXPECT_EQ(card_->OpenChannels(), 3U);
  constexpr ClientId kDave = 4;
  Begin();
  EXPECT_EQ(Send(kDave, Open(kDave), kState), "009000");
  holder_->End();
  Begin();
  EXPECT_EQ(Send(kAlice, channels[kAlice], kUpdate), "6881") << "the client opens a channel again";
  EXPECT_EQ(Send(kBob, channels[kBob], kUpdate), "3301AA9000");
  holder_->End();
}

TEST_F(CardHolderTest, ClientsDoNotReachEachOthersChannels) {
  Warm();
  Begin();
  const std::uint8_t alices = Open(kAlice);
  EXPECT_THAT(Send(kBob, alices, kState), HasSubstr("has no channel 1"));
  EXPECT_EQ(holder_->CloseChannel(kBob, alices).error().domain, ErrorDomain::kUsage);
  EXPECT_THAT(Send(kAlice, alices, "81CB000000"), HasSubstr("names a channel"));
  EXPECT_THAT(Send(kAlice, alices, "00A4040007" + kOtherAid), HasSubstr("SELECT"));
  EXPECT_THAT(Send(kAlice, alices, "0070800100"), HasSubstr("MANAGE CHANNEL"));
  static_cast<void>(card_->TakeEvents());
  EXPECT_EQ(Send(kBob, 0, "01CB000000"), "6881") << "channel 1 is the daemon's";
  EXPECT_EQ(Send(kBob, 0, "0070800100"), "6881");
  EXPECT_EQ(Send(kBob, 0, "00A4040007" + kAid), "6982") << "the basic channel is the modem's";
  EXPECT_EQ(Send(kBob, 0, "02A4040007" + kAid), "6881") << "free perhaps, but nobody knows";
  EXPECT_EQ(Send(kBob, 0, "0070000501"), "6A86");
  EXPECT_EQ(Send(kBob, 0, "A0A40000023F00"), "6E00");
  EXPECT_THAT(Apdus(), IsEmpty()) << "none of it reaches the card";
}

TEST_F(CardHolderTest, TooManyChannelsOfOneClient) {
  Warm();
  Begin();
  for (std::uint8_t i = 1; i <= kMaxDaemonChannel; ++i) {
    EXPECT_EQ(Open(kAlice), i);
  }
  const auto more = holder_->OpenChannel(kAlice, Hex(kAid), Soon());
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().domain, ErrorDomain::kUsage);
  EXPECT_EQ(card_->OpenChannels(), 1U);
}

TEST_F(CardHolderTest, ChannelsOfItsOwnLastForOneTransaction) {
  Warm();
  Begin();
  EXPECT_EQ(Send(kAlice, 0, "0070000001"), "019000") << "ours was closed to make room";
  EXPECT_EQ(Send(kAlice, 0, "0070000001"), "029000");
  EXPECT_EQ(Send(kAlice, 0, "0070000001"), "039000");
  EXPECT_EQ(Send(kAlice, 0, "01A4040007" + kAid), "9000");
  EXPECT_EQ(Send(kAlice, 0, "01CB000000"), "009000");
  EXPECT_EQ(Send(kAlice, 0, "0170800200"), "9000");
  EXPECT_EQ(Send(kAlice, 0, "02CB000000"), "6881");
  EXPECT_EQ(Send(kAlice, 0, "0170400300"), "6A86");
  EXPECT_EQ(Send(kAlice, 0, "81C2000000"), "6D00");
  holder_->End();
  EXPECT_EQ(card_->OpenChannels(), 0U);
  Begin();
  EXPECT_EQ(Send(kAlice, 0, "01CB000000"), "6881");
  holder_->End();
  holder_->Tidy(Soon());
  EXPECT_EQ(card_->OpenChannels(), 1U) << "warm again";
}

TEST_F(CardHolderTest, UnknownApplicationIsAskedForOnce) {
  Warm();
  Begin();
  for (int i = 0; i < 2; ++i) {
    const auto opened = holder_->OpenChannel(kAlice, Hex("A000000001"), Soon());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().domain, ErrorDomain::kCard);
    EXPECT_EQ(opened.error().sw, wire::StatusWord::kFileNotFound);
  }
  EXPECT_EQ(Apdus().size(), 3U) << "open, select, close";
}

TEST_F(CardHolderTest, ResetOfTheCardIsNoticed) {
  Warm();
  Begin();
  const std::uint8_t channel = Open(kAlice);
  card_->Reset();
  EXPECT_EQ(Send(kAlice, channel, kInit), "6881");
  EXPECT_EQ(Send(kAlice, channel, kInit), "6881") << "the client has to open a channel again: the SIM may be another";
  EXPECT_TRUE(holder_->CloseChannel(kAlice, channel));
  EXPECT_EQ(Send(kAlice, Open(kAlice), kInit), "9000");
}

TEST_F(CardHolderTest, LostPortIsOpenedAgain) {
  Warm();
  Begin();
  const std::uint8_t channel = Open(kAlice);
  card_->SetPort(false);
  card_->Reset();
  EXPECT_THAT(Send(kAlice, channel, kInit), HasSubstr("is gone"));
  EXPECT_THAT(Send(kAlice, channel, kInit), HasSubstr("is gone")) << "until the next transaction";
  holder_->End();
  EXPECT_FALSE(holder_->Status().open);
  const auto begun = holder_->Begin(Soon());
  ASSERT_FALSE(begun);
  EXPECT_THAT(begun.error().Text(), HasSubstr("there is no port /dev/fake; plug the modem in"));
  EXPECT_EQ(holder_->OpenChannel(kAlice, Hex(kAid), Soon()).error().domain, ErrorDomain::kTransport);
  EXPECT_FALSE(holder_->Iccid(Soon()));

  card_->SetPort(true);
  Begin();
  EXPECT_EQ(Send(kAlice, channel, kInit), "6881") << "channels of before are gone";
  EXPECT_EQ(Send(kAlice, Open(kAlice), kInit), "9000");
  holder_->End();
}

TEST_F(CardHolderTest, ClosedPortIsNotTriedTooOften) {
  HolderOptions options = Options();
  options.first_pause = options.shortest_pause = std::chrono::hours(1);
  options.longest_pause = std::chrono::hours(2);
  holder_.emplace(options);
  card_->SetPort(false);
  EXPECT_FALSE(holder_->Begin(Soon()));
  card_->SetPort(true);
  EXPECT_TRUE(holder_->Begin(Soon())) << "a port that failed once may be back at once";
  holder_->End();

  holder_.emplace(options);
  card_->SetPort(false);
  EXPECT_FALSE(holder_->Begin(Soon()));
  EXPECT_FALSE(holder_->Begin(Soon()));
  card_->SetPort(true);
  EXPECT_FALSE(holder_->Begin(Soon())) << "not tried";
}

TEST_F(CardHolderTest, PinOfOneClientDoesNotServeAnother) {
  card_->SetPin(kPin);
  Warm();
  Begin();
  const std::uint8_t alices = Open(kAlice);
  const std::uint8_t bobs = Open(kBob);
  EXPECT_EQ(Send(kAlice, alices, kInit), "6982");
  EXPECT_EQ(Send(kAlice, alices, kVerify), "9000");
  EXPECT_EQ(Send(kAlice, alices, kInit), "9000");
  EXPECT_EQ(Send(kAlice, alices, kUpdate), "3301AA9000");
  static_cast<void>(card_->TakeEvents());
  EXPECT_EQ(Send(kBob, bobs, kInit), "6982");
  EXPECT_THAT(Apdus(), IsEmpty()) << "the card would have done it";
  EXPECT_EQ(Send(kBob, bobs, kState), "009000") << "reading needs no PIN";
  EXPECT_EQ(Send(kBob, bobs, kVerify), "9000");
  EXPECT_EQ(Send(kBob, bobs, kInit), "9000");
}

TEST_F(CardHolderTest, PinOfAGoneClientDoesNotServeTheNext) {
  card_->SetPin(kPin);
  Warm();
  Begin();
  EXPECT_EQ(Send(kAlice, Open(kAlice), kVerify), "9000");
  holder_->End();
  holder_->Forget(kAlice);
  Begin();
  EXPECT_EQ(Send(kBob, Open(kBob), kInit), "6982");
  EXPECT_EQ(Send(kBob, 0, "0070000001"), "019000");
  EXPECT_EQ(Send(kBob, 0, "01A4040007" + kAid), "9000");
  EXPECT_EQ(Send(kBob, 0, "812A000103840101"), "6982") << "nor on a channel of its own";
}

TEST_F(CardHolderTest, PinGivenThroughAKilledDaemonServesNobody) {
  card_->SetPin(kPin);
  Warm();
  Begin();
  EXPECT_EQ(Send(kAlice, Open(kAlice), kVerify), "9000");
  Start();  // kill -9 and a new one, the card keeps its power
  Begin();
  const std::uint8_t channel = Open(kBob);
  EXPECT_EQ(Send(kBob, channel, kInit), "6982");
  EXPECT_EQ(Send(kBob, channel, kVerify), "9000");
  EXPECT_EQ(Send(kBob, channel, kInit), "9000");
}

TEST_F(CardHolderTest, ChannelsOfAKilledDaemonAreClosed) {
  Warm();
  Begin();
  EXPECT_EQ(Send(kAlice, Open(kAlice), kInit), "9000");
  EXPECT_EQ(Send(kAlice, 0, "0070000001"), "029000");
  EXPECT_EQ(card_->OpenChannels(), 2U);
  // kill -9: nothing is closed. The next daemon is another process: in the ledger, this one's entries get a pid that
  // does not exist.
  holder_.reset();
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    std::string text;
    {
      std::ifstream in(file.path());
      text.assign(std::istreambuf_iterator<char>(in), {});
    }
    const std::string pid = " " + std::to_string(::getpid()) + " ";
    for (std::size_t at = text.find(pid); at != std::string::npos; at = text.find(pid)) {
      text.replace(at, pid.size(), " 999999999 ");
    }
    std::ofstream(file.path()) << text;
  }
  Start();
  holder_->Tidy(Soon());
  EXPECT_EQ(card_->OpenChannels(), 1U) << "the warm one of the new daemon";
}

TEST_F(CardHolderTest, ShutdownClosesEverything) {
  Warm();
  Begin();
  EXPECT_EQ(Send(kAlice, Open(kAlice), kInit), "9000");
  holder_->End();
  holder_->Shutdown(Soon());
  EXPECT_EQ(card_->OpenChannels(), 0U);
  EXPECT_FALSE(holder_->Status().open);
}

}  // namespace
}  // namespace simroot::device::daemon
