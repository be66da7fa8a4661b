// SPDX-License-Identifier: Apache-2.0
// How a secured session comes to be and how it ends.
#include "card/security_domain/security_domain_test_support.hpp"

namespace simroot::card {
namespace {

using secure::SecurityLevel;
using testing::DomainCard;
using testing::DomainTest;
using testing::Issuer;
using testing::KeySetBytes;
using testing::kSelectDomain;
using testing::MakeImage;

constexpr std::string_view kGetStatus = "80F28002024F0000";
constexpr std::string_view kDomainStatus = "E31D4F08A0000001510000009F70010FC503800000CC08A0000001510000009000";
constexpr std::string_view kPersonalise = "80E620000D000007A000000559001000000000";

TEST_F(DomainTest, FullFlowInEveryLevelOverBothProtocols) {
  for (const bool t0 : {true, false}) {
    for (const SecurityLevel level : {SecurityLevel::kCMac, SecurityLevel::kCMacCDec, SecurityLevel::kCMacRMac,
                                      SecurityLevel::kCMacCDecRMac, SecurityLevel::kFull}) {
      for (const std::size_t size : {16U, 24U, 32U}) {
        const KeySetBytes own = KeySetBytes::Make(0x40, size);
        Bytes memory = MakeImage(own);
        DomainCard other(memory, {}, t0);
        Issuer owner(other);
        other.Send(kSelectDomain);
        ASSERT_EQ(owner.Open(own, level), "9000");
        EXPECT_EQ(owner.Send(kGetStatus), kDomainStatus);
        EXPECT_EQ(owner.Send(kPersonalise), "009000");
        EXPECT_EQ(owner.Send("80E280000311223300"), "00039000");
        EXPECT_EQ(owner.Send("80E280000311223300"), "00039000");
      }
    }
  }
}

TEST_F(DomainTest, SixteenByteChallengesGiveSixteenByteChecks) {
  const Bytes answer = issuer.Begin(0x30, 16);
  ASSERT_EQ(answer.size(), 48U + 2U);
  EXPECT_EQ(answer.at(12), 0x71);
  EXPECT_EQ(issuer.Authenticate(answer, keys, SecurityLevel::kFull), "9000");
  EXPECT_EQ(issuer.Send(kGetStatus), kDomainStatus);
}

TEST_F(DomainTest, AnswerToInitializeUpdateNamesCardKeysAndSequence) {
  const Bytes first = issuer.Begin();
  EXPECT_EQ(ToHex(ByteView(first).first(13)),
            "9888010000000000001030"
            "0370");
  EXPECT_EQ(ToHex(ByteView(first).subspan(29)), "0000019000");
  EXPECT_EQ(ToHex(ByteView(issuer.Begin(0)).subspan(29)), "0000029000");
}

TEST_F(DomainTest, InitializeUpdateChecksItsParameters) {
  EXPECT_EQ(card.Send("80503001080102030405060708"), "6A86");
  EXPECT_EQ(card.Send("805030000701020304050607"), "6700");
  EXPECT_EQ(card.Send("8050300009010203040506070809"), "6700");
  EXPECT_EQ(card.Send("8050300000"), "6700");
  EXPECT_EQ(card.Send("80503100080102030405060708"), "6A88");
  EXPECT_EQ(card.Send("80500100080102030405060708"), "6A88");
  EXPECT_EQ(card.Send("80507F00080102030405060708"), "6A88");
  EXPECT_EQ(card.Send("84503000080102030405060708"), "6982");
}

TEST_F(DomainTest, KeysForSmsDoNotOpenASession) {
  KeySets sets(card.store);
  ASSERT_TRUE(sets.Replace(0, 0x01, keys.Values()));
  EXPECT_EQ(card.Send("80500100080102030405060708"), "6A88");
  EXPECT_EQ(sets.Default(), 0x30);
}

TEST_F(DomainTest, NothingAdministrativeWithoutASession) {
  for (const char* command :
       {"80F28002024F0000", "80E620000D000007A000000559001000000000", "80E280000111", "80D8008101300000",
        "84F2800208000000000000000000", "8482330010000102030405060708090A0B0C0D0E0F"}) {
    EXPECT_EQ(card.Send(command), "6982") << command;
  }
  EXPECT_EQ(card.Send("80AA0000"), "6D00");
}

TEST_F(DomainTest, PlainCommandEndsTheSession) {
  ASSERT_EQ(issuer.Open(), "9000");
  EXPECT_EQ(card.Send("80CA006600"), "6982");
  EXPECT_EQ(ToHex(issuer.SendOnChannel(issuer.Wrap(Hex(kGetStatus)))), "6982");
  EXPECT_EQ(card.Send("80CA0066FF").substr(0, 4), "6631");
}

TEST_F(DomainTest, CommandBetweenChallengeAndAuthenticationEndsIt) {
  for (const char* command : {"80CA0042", "84CA004208000000000000000000"}) {
    const Bytes answer = issuer.Begin();
    card.Send(command);
    EXPECT_EQ(issuer.Authenticate(answer, keys, SecurityLevel::kCMac), "6982");
  }
}

TEST_F(DomainTest, ChangedCommandEndsTheSessionAndForgetsWhatIsNotCommitted) {
  ASSERT_EQ(issuer.Open(), "9000");
  ASSERT_EQ(issuer.Send(kPersonalise), "009000");
  Bytes command = issuer.Wrap(Hex("80E280000311223300"));
  command.at(8) = LowByte(command.at(8) ^ 0x01);
  EXPECT_EQ(ToHex(issuer.SendOnChannel(command)), "6982");
  EXPECT_THAT(card.application.log, ::testing::ElementsAre("end"));
  EXPECT_EQ(ToHex(issuer.SendOnChannel(issuer.Wrap(Hex(kGetStatus)))), "6982");
}

TEST_F(DomainTest, ReplayedCommandIsRefused) {
  ASSERT_EQ(issuer.Open(), "9000");
  const Bytes command = issuer.Wrap(Hex(kGetStatus));
  EXPECT_GT(issuer.SendOnChannel(command).size(), 2U);
  EXPECT_EQ(ToHex(issuer.SendOnChannel(command)), "6982");
}

TEST_F(DomainTest, SessionEndsWithItsChannel) {
  const auto open_and_personalise = [&](Issuer& who) {
    card.application.log.clear();
    ASSERT_EQ(who.Open(), "9000");
    ASSERT_EQ(who.Send(kPersonalise), "009000");
  };
  open_and_personalise(issuer);
  card.Send(kSelectDomain);
  EXPECT_THAT(card.application.log, ::testing::ElementsAre("end"));
  open_and_personalise(issuer);
  card.Send("00A4040007A0000005590010");
  EXPECT_THAT(card.application.log, ::testing::ElementsAre("end"));
  card.Send(kSelectDomain);
  open_and_personalise(issuer);
  card.uicc.Reset();
  EXPECT_THAT(card.application.log, ::testing::ElementsAre("end"));
  ASSERT_EQ(card.Send("0070000001"), "019000");
  card.Send("01A4040008A000000151000000");
  Issuer on_channel_1(card, 1);
  open_and_personalise(on_channel_1);
  card.Send(
      "00700080"
      "01");
  EXPECT_THAT(card.application.log, ::testing::ElementsAre());
  card.Send("00708001");
  EXPECT_THAT(card.application.log, ::testing::ElementsAre("end"));
}

TEST_F(DomainTest, OtherChannelsDoNotDisturbASessionButMayBeginAnother) {
  ASSERT_EQ(card.Send("0070000001"), "019000");
  card.Send("01A4040008A000000151000000");
  Issuer other(card, 1);
  ASSERT_EQ(issuer.Open(), "9000");
  EXPECT_EQ(card.Send("81CA0066FF").substr(0, 4), "6631");
  EXPECT_EQ(card.Send("81F28002024F0000"), "6982");
  EXPECT_EQ(issuer.Send(kGetStatus), kDomainStatus);
  ASSERT_EQ(other.Open(), "9000");
  EXPECT_EQ(other.Send(kGetStatus), kDomainStatus);
  EXPECT_EQ(ToHex(issuer.SendOnChannel(issuer.Wrap(Hex(kGetStatus)))), "6982");
  EXPECT_EQ(other.Send(kGetStatus), kDomainStatus);
}

TEST_F(DomainTest, RefusalsOfCommandsLeaveTheSessionOpen) {
  ASSERT_EQ(issuer.Open(), "9000");
  EXPECT_EQ(issuer.Send("80AA0000"), "6D00");
  EXPECT_EQ(issuer.Send("80CA123400"), "6A88");
  EXPECT_EQ(issuer.Send(kGetStatus), kDomainStatus);
}

TEST_F(DomainTest, TooLongAnAnswerIsAnErrorAndNothingOfItGetsOut) {
  card.application.too_long_answer = true;
  ASSERT_EQ(issuer.Open(), "9000");
  ASSERT_EQ(issuer.Send(kPersonalise), "009000");
  EXPECT_EQ(issuer.Send("80E280000311223300"), "6F00");
  EXPECT_EQ(issuer.Send(kGetStatus), kDomainStatus);
}

TEST_F(DomainTest, FailuresAreCountedThenSlowAndASuccessForgivesThem) {
  const KeySetBytes wrong = KeySetBytes::Make(0x77);
  const auto fail = [&] {
    const Bytes answer = issuer.Begin();
    return answer.size() == 2 ? ToHex(answer) : card.Send("8482010010000102030405060708090A0B0C0D0E0F");
  };
  KeySets sets(card.store);
  for (unsigned attempt = 1; attempt <= 10; ++attempt) {
    EXPECT_EQ(fail(), "6982");
    EXPECT_EQ(sets.Failures(0x30), attempt);
  }
  EXPECT_EQ(fail(), "6985");
  card.uicc.Reset();
  card.Send(kSelectDomain);
  EXPECT_EQ(fail(), "6982");
  EXPECT_EQ(fail(), "6985");
  DomainCard repowered(image);
  repowered.Send(kSelectDomain);
  Issuer owner(repowered);
  KeySets sets_after(repowered.store);
  EXPECT_EQ(sets_after.Failures(0x30), 11U);
  EXPECT_EQ(owner.Open(), "9000");
  EXPECT_EQ(sets_after.Failures(0x30), 0U);
  EXPECT_EQ(Issuer(repowered).Open(wrong), "host");
}

TEST_F(DomainTest, KeySetMayBeBlockedForGoodByPolicy) {
  DomainCard strict(image, {.free_attempts = 10, .max_attempts = 3});
  strict.Send(kSelectDomain);
  Issuer owner(strict);
  for (int attempt = 0; attempt < 3; ++attempt) {
    owner.Begin();
    EXPECT_EQ(strict.Send("8482010010000102030405060708090A0B0C0D0E0F"), "6982");
  }
  EXPECT_EQ(owner.Open(), "6983");
  DomainCard again(image, {.free_attempts = 10, .max_attempts = 3});
  again.Send(kSelectDomain);
  EXPECT_EQ(Issuer(again).Open(), "6983");
}

TEST_F(DomainTest, EveryKindOfWrongAuthenticationLooksAlike) {
  for (const char* command :
       {"8482010010000102030405060708090A0B0C0D0E0F", "8482020010000102030405060708090A0B0C0D0E0F",
        "8482010110000102030405060708090A0B0C0D0E0F", "848201000F000102030405060708090A0B0C0D0E", "84820100"}) {
    ASSERT_EQ(issuer.Begin().size(), 34U);
    EXPECT_EQ(card.Send(command), "6982") << command;
    EXPECT_EQ(card.Send(command), "6982") << "and the challenge is spent";
  }
}

TEST_F(DomainTest, SequenceCounterEndsInsteadOfWrapping) {
  const StoredObject* const key = card.store.Find({iotsafe::ObjectClass::kSecretKey, false, Hex("3001")});
  ASSERT_NE(key, nullptr);
  ASSERT_TRUE(card.store.SetCounter(*key, secure::kMaxSequence - 1));
  EXPECT_EQ(ToHex(ByteView(issuer.Begin()).subspan(29)), "FFFFFF9000");
  EXPECT_EQ(ToHex(issuer.Begin()), "6985");
}

TEST_F(DomainTest, TheSequenceIsOneThatARepairAdvances) {
  const auto rises = [](DomainCard& of, const char* id) {
    const StoredObject* const key = of.store.Find({iotsafe::ObjectClass::kSecretKey, false, Hex(id)});
    return key != nullptr && key->takes_numbers;
  };
  EXPECT_TRUE(rises(card, "3001")) << "before the first session";
  EXPECT_FALSE(rises(card, "3002")) << "which counts failures: nobody may be locked out by damage";
  ASSERT_EQ(issuer.Begin().size(), 34U);
  DomainCard again(image);
  EXPECT_TRUE(rises(again, "3001")) << "it is in the memory";
}

TEST_F(DomainTest, DamagedStoreAnswersNothingElse) {
  Bytes damaged(image.size(), 0x5A);
  DomainCard broken(damaged);
  broken.Send(kSelectDomain);
  ASSERT_NE(broken.store.state(), StoreState::kIntact);
  EXPECT_EQ(broken.Send("80CA006600"), "6400");
  EXPECT_EQ(broken.Send("80503000080102030405060708"), "6400");
}

}  // namespace
}  // namespace simroot::card
