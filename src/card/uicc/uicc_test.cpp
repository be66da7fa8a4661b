// SPDX-License-Identifier: Apache-2.0
// The cases T01 to T26 of the interface reference, class bytes, power, answer to reset.
#include <bit>

#include "card/uicc/atr.hpp"
#include "card/uicc/uicc_test_support.hpp"

namespace simroot::card::testing {
namespace {

TEST(UiccSpec, T01OpensTheFirstFreeChannel) {
  TestCard card;
  EXPECT_EQ(card.Send("0070000001"), "019000");
  EXPECT_EQ(card.Send("0070000001"), "029000");
  EXPECT_EQ(card.Send("0070000001"), "039000");
  EXPECT_EQ(card.Send("0070000001"), "6A81");
}

TEST(UiccSpec, T02OpensWithLe00AndWithoutLe) {
  TestCard card;
  EXPECT_EQ(card.Send("0070000000"), "019000");
  EXPECT_EQ(card.Send("00700000"), "029000");
}

TEST_F(UiccTest, T03SelectsTheGsmaAidWithoutLe) {
  EXPECT_EQ(Send("01A4040007A0000005590010"), "9000");
  EXPECT_EQ(card.iot.log, std::vector<std::string>{"select 1"});
}

TEST_F(UiccTest, T04SelectsWithLe) {
  EXPECT_EQ(Send("00A4040007A000000559001000"), "9000");
}

TEST_F(UiccTest, T05SelectsTheThalesAlias) {
  EXPECT_EQ(Send("01A404000FA00000003053F12401770101495341"), "9000");
  EXPECT_EQ(Send("01A404000FA00000003053F12401770101495342"), "6A82");
}

TEST_F(UiccTest, T06SelectsTheNttAlias) {
  EXPECT_EQ(Send("01A4040010A0000001157000000000000049534102"), "9000");
}

TEST_F(UiccTest, T07UnknownAidLeavesTheSelection) {
  EXPECT_EQ(Send("01A4040007A0000005590098"), "6A82");
  EXPECT_EQ(Send("8184000002"), "00019000");
  EXPECT_TRUE(card.iot.log.empty());
}

TEST_F(UiccTest, T08SelectsTwice) {
  EXPECT_EQ(card.SelectIot(1), "9000");
  EXPECT_EQ(card.SelectIot(1), "9000");
  EXPECT_EQ(card.iot.log, (std::vector<std::string>{"select 1", "select 1"}));
}

TEST_F(UiccTest, T09ImplicitOpening) {
  EXPECT_EQ(Send("0284000004"), "6881");
  EXPECT_EQ(card.SelectIot(2), "9000");
  EXPECT_EQ(Send("8284000002"), "00019000");
  EXPECT_EQ(Send("0070000001"), "039000");  // 2 is taken

  TestCard strict(CompatibilityConfig{.implicit_channel_open = false});
  EXPECT_EQ(strict.SelectIot(2), "6881");
  EXPECT_EQ(strict.Send("8284000002"), "6881");
}

TEST_F(UiccTest, T09ImplicitOpeningWithTheUsim) {
  EXPECT_EQ(Send("02A4040C07A0000000871002"), "9000");
  EXPECT_EQ(Send("02B0870000"), "0809101010325476989000");
}

TEST_F(UiccTest, T09FailedImplicitOpeningLeavesTheChannelClosed) {
  EXPECT_EQ(Send("02A4040007A0000005590098"), "6A82");
  EXPECT_EQ(Send("02A40000023F00"), "6881");
  EXPECT_EQ(Send("82A4040007A0000005590010"), "6881");
  card.iot.select_answer = wire::StatusWord::kConditionsNotSatisfied;
  EXPECT_EQ(card.SelectIot(2), "6985");
  EXPECT_EQ(Send("8284000002"), "6881");
}

TEST_F(UiccTest, T10T11BothClasses) {
  EXPECT_EQ(Send("8184000008"), "00010203040506079000");
  EXPECT_EQ(Send("0184000008"), "00010203040506079000");
}

TEST_F(UiccTest, T12OtherClassesAreRefused) {
  for (const std::string_view cla : {"B1", "A0", "10", "1F", "31", "51", "71", "91", "D1", "F1", "FF"}) {
    EXPECT_EQ(Send(std::string(cla) + "84000008"), "6E00") << cla;
  }
  for (const std::string_view cla : {"40", "41", "4F", "C0", "CF"}) {
    EXPECT_EQ(Send(std::string(cla) + "84000008"), "6881") << cla;
  }
  for (const std::string_view cla : {"04", "05", "08", "0D", "84", "8C", "60", "61", "E0"}) {
    EXPECT_EQ(Send(std::string(cla) + "84000008"), "6882") << cla;
  }
  EXPECT_EQ(card.iot.processed, 0U);
}

TEST_F(UiccTest, T13UnknownInstruction) {
  EXPECT_EQ(Send("8110000000"), "6D00");
  EXPECT_EQ(card.iot.processed, 1U);      // the application's own word
  EXPECT_EQ(Send("0010000000"), "6D00");  // the file system is selected here
  EXPECT_EQ(Send("0084000008"), "6D00");
  EXPECT_EQ(Send("80CA000000"), "6D00");
  EXPECT_EQ(card.iot.processed, 1U);
}

TEST_F(UiccTest, T14ClosesFromBasicAndFromItself) {
  EXPECT_EQ(card.SelectIot(2), "9000");
  EXPECT_EQ(Send("0070800100"), "9000");
  EXPECT_EQ(Send("0270800200"), "9000");
  EXPECT_EQ(card.iot.log, (std::vector<std::string>{"select 2", "deselect 1", "deselect 2"}));
  EXPECT_EQ(Send("8184000008"), "6881");
  EXPECT_EQ(Send("8284000008"), "6881");
}

TEST_F(UiccTest, T15ClosingANotOpenChannelFails) {
  EXPECT_EQ(Send("0070800300"), "6881");
}

TEST_F(UiccTest, T16InterleavedSessionsAreIndependent) {
  EXPECT_EQ(card.SelectIot(2), "9000");
  EXPECT_EQ(Send("812A000103840111"), "9000");
  EXPECT_EQ(Send("822A000103840122"), "9000");
  EXPECT_EQ(Send("812B8001029E00"), "6142");
  EXPECT_EQ(Send("822B8001029E00"), "6142");
  std::string one = "3340";
  std::string two = "3340";
  for (int i = 0; i < 64; ++i) {
    one += "11";
    two += "22";
  }
  EXPECT_EQ(Send("02C0000042"), two + "9000");
  EXPECT_EQ(Send("01C0000042"), one + "9000");
}

TEST_F(UiccTest, T17CaseFourWithoutLeOverT0) {
  EXPECT_EQ(Send("81CD000003850101"), "6147");
}

TEST_F(UiccTest, T18T19T20GetResponseForms) {
  for (const std::string_view form : {"01C0000047", "81C0000047", "01C0000000", "01C00000", "81C00000FF"}) {
    EXPECT_EQ(Send("81CD000003850101"), "6147");
    EXPECT_EQ(Send(form), Pattern(71) + "9000") << form;
    EXPECT_EQ(Send(form), "6985") << form;
  }
}

TEST_F(UiccTest, T21PartialGetResponse) {
  EXPECT_EQ(Send("81CD000003850101"), "6147");
  EXPECT_EQ(Send("01C0000020"), Pattern(32) + "6127");
  EXPECT_EQ(Send("01C0000027"), Pattern(39, 32) + "9000");
  EXPECT_EQ(Send("01C0000001"), "6985");
}

TEST_F(UiccTest, T22NothingPending) {
  EXPECT_EQ(Send("01C0000010"), "6985");
  EXPECT_EQ(Send("00C0000000"), "6985");
}

TEST_F(UiccTest, T23AnotherCommandDropsThePendingResponse) {
  EXPECT_EQ(Send("81CD000003850101"), "6147");
  EXPECT_EQ(Send("8184000004"), "000102039000");
  EXPECT_EQ(Send("01C0000047"), "6985");
}

TEST(UiccSpec, T24CaseFourWithLeOverT1) {
  TestCard card(CompatibilityConfig{.answer_t0 = false});
  ASSERT_EQ(card.SelectIot(1), "9000");
  EXPECT_EQ(card.Send("81CD00000385010100"), Pattern(71) + "9000");
  EXPECT_EQ(card.Send("81CD000003850101"), Pattern(71) + "9000");
  EXPECT_EQ(card.Send("01C0000000"), "6985");
}

TEST_F(UiccTest, T25LcLongerThanTheData) {
  EXPECT_EQ(Send("81CD000005850101"), "6700");
  EXPECT_EQ(card.iot.processed, 0U);
}

TEST_F(UiccTest, T26ExtraLeOnACommandWithoutResponse) {
  EXPECT_EQ(Send("0124000003850105"), "9000");
  EXPECT_EQ(Send("012400000385010500"), "9000");
  EXPECT_EQ(Send("01C0000000"), "6985");
}

TEST_F(UiccTest, TooShortCommandsAreAnswered) {
  EXPECT_EQ(Send(""), "6700");
  EXPECT_EQ(Send("01"), "6700");
  EXPECT_EQ(Send("0184"), "6700");
  EXPECT_EQ(Send("018400"), "6700");
  EXPECT_EQ(Send("FF"), "6E00");
}

TEST_F(UiccTest, ExcessBytesDependOnTheConfiguration) {
  EXPECT_EQ(Send("01240000038501050000"), "9000");
  TestCard strict(CompatibilityConfig{.ignore_excess_bytes = false});
  ASSERT_EQ(strict.SelectIot(1), "9000");
  EXPECT_EQ(strict.Send("01240000038501050000"), "6700");
  EXPECT_EQ(strict.Send("012400000385010500"), "9000");
}

TEST_F(UiccTest, ResetClosesEverythingAndWipes) {
  EXPECT_EQ(card.SelectIot(0), "9000");
  EXPECT_EQ(Send("81CD000003850101"), "6147");
  card.iot.log.clear();
  card.uicc.Reset();
  EXPECT_TRUE(card.BuffersAreClean());
  EXPECT_EQ(card.iot.log, std::vector<std::string>{"reset"});
  EXPECT_EQ(card.other.log, std::vector<std::string>{"reset"});
  EXPECT_EQ(Send("8184000004"), "6881");
  EXPECT_EQ(Send("8084000004"), "6D00");  // the MF is selected
  EXPECT_EQ(Send("80F2000C00"), "9000");
  EXPECT_EQ(Send("0070000001"), "019000");
}

TEST(UiccCounters, CountCommandsAndResets) {
  TestCard card;
  EXPECT_EQ(card.uicc.Counters().commands, 0U);
  card.Send("0070000001");
  card.Send("FF");
  card.uicc.Reset();
  EXPECT_EQ(card.uicc.Counters().commands, 2U);
  EXPECT_EQ(card.uicc.Counters().resets, 1U);
}

/// Reads the protocols in the order in which the TD bytes offer them; independent of the card's own check.
std::vector<int> OfferedProtocols(ByteView atr) {
  std::vector<int> protocols;
  std::size_t at = 2;
  for (unsigned y = atr[1] >> 4U; (y & 8U) != 0;) {
    at += static_cast<std::size_t>(std::popcount(y & 7U));
    protocols.push_back(atr[at] & 0x0F);
    y = atr[at] >> 4U;
    ++at;
  }
  return protocols;
}

TEST(UiccAtr, OffersWhatTheCardDoes) {
  EXPECT_EQ(OfferedProtocols(TestCard().uicc.Atr()), (std::vector<int>{0, 15}));
  EXPECT_EQ(OfferedProtocols(TestCard(CompatibilityConfig{.answer_t0 = false}).uicc.Atr()),
            (std::vector<int>{0, 1, 15}));
}

TEST(UiccAtr, CheckFindsEveryFlippedBitAndEveryCut) {
  for (const ByteView good : {ByteView(kAtrT0), ByteView(kAtrT0AndT1)}) {
    ASSERT_TRUE(AtrIsConsistent(good));
    for (std::size_t i = 0; i < good.size(); ++i) {
      EXPECT_FALSE(AtrIsConsistent(good.first(i)));
      Bytes bad(good.begin(), good.end());
      bad[i] ^= 0x10;
      EXPECT_FALSE(AtrIsConsistent(bad)) << i;
    }
    Bytes longer(good.begin(), good.end());
    longer.push_back(0);
    EXPECT_FALSE(AtrIsConsistent(longer));
  }
}

}  // namespace
}  // namespace simroot::card::testing
