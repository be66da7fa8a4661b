// SPDX-License-Identifier: Apache-2.0
#include "card/uicc/uicc_test_support.hpp"

namespace simroot::card::testing {
namespace {

TEST(UiccChannels, OpensAGivenChannelOnce) {
  TestCard card;
  EXPECT_EQ(card.Send("00700002"), "9000");
  EXPECT_EQ(card.Send("0070000200"), "6A81");
  EXPECT_EQ(card.Send("0070000001"), "019000");
  EXPECT_EQ(card.Send("0070000001"), "039000");
  EXPECT_EQ(card.Send("0070000001"), "6A81");
  EXPECT_EQ(card.Send("00700003"), "6A81");
}

TEST(UiccChannels, RefusesParametersThatAreNotDefined) {
  TestCard card;
  EXPECT_EQ(card.Send("0070000401"), "6A86");
  EXPECT_EQ(card.Send("0070010001"), "6A86");
  EXPECT_EQ(card.Send("0070810100"), "6A86");
  EXPECT_EQ(card.Send("0070FF0100"), "6A86");
  EXPECT_EQ(card.Send("007000000101"), "6700");
  EXPECT_EQ(card.Send("8070000001"), "6E00");
  EXPECT_EQ(card.Send("0070000001"), "019000");
}

TEST(UiccChannels, ClosesInEveryForm) {
  for (const std::string_view close : {"00708001", "0070800100", "01708001", "0170800100"}) {
    TestCard card;
    ASSERT_EQ(card.Send("0070000001"), "019000");
    ASSERT_EQ(card.SelectIot(1), "9000");
    EXPECT_EQ(card.Send(close), "9000") << close;
    EXPECT_EQ(card.Send("8184000001"), "6881");
    EXPECT_NE(card.Send(close), "9000") << close;
    EXPECT_EQ(card.iot.log, (std::vector<std::string>{"select 1", "deselect 1"}));
  }
}

TEST(UiccChannels, NeverClosesTheBasicChannel) {
  TestCard card;
  ASSERT_EQ(card.Send("0070000001"), "019000");
  EXPECT_EQ(card.Send("0070800000"), "6A86");
  EXPECT_EQ(card.Send("0170800000"), "6A86");
  EXPECT_EQ(card.Send("0070800400"), "6A86");
  EXPECT_EQ(card.Send("0070800200"), "6881");
  EXPECT_EQ(card.Send("00A4000C023F00"), "9000");
}

TEST(UiccChannels, AClosedChannelStartsAfresh) {
  TestCard card;
  ASSERT_EQ(card.SelectIot(1), "9000");
  ASSERT_EQ(card.Send("81CD000003850101"), "6147");
  ASSERT_EQ(card.Send("00708001"), "9000");
  EXPECT_TRUE(card.BuffersAreClean());
  EXPECT_EQ(card.Send("01C0000000"), "6881");
  ASSERT_EQ(card.Send("0070000001"), "019000");
  EXPECT_EQ(card.Send("01C0000000"), "6985");
  EXPECT_EQ(card.Send("8184000001"), "6D00");
  EXPECT_EQ(card.Send("01B0000000"), "6986");
}

TEST(UiccChannels, OpenedFromTheBasicChannelItStartsWithTheMf) {
  TestCard card;
  ASSERT_EQ(card.SelectIot(0), "9000");
  ASSERT_EQ(card.Send("0070000001"), "019000");
  EXPECT_EQ(card.Send("8184000001"), "6D00");
  EXPECT_EQ(card.iot.log, std::vector<std::string>{"select 0"});
}

TEST(UiccChannels, OpenedFromAnotherItStartsWithWhatIsSelectedThere) {
  TestCard card;
  ASSERT_EQ(card.SelectIot(1), "9000");
  EXPECT_EQ(card.Send("0170000001"), "029000");
  EXPECT_EQ(card.Send("8284000001"), "009000");
  EXPECT_EQ(card.iot.log, (std::vector<std::string>{"select 1", "select 2"}));

  ASSERT_EQ(card.Send("01A4040C07A0000000871002"), "9000");
  EXPECT_EQ(card.Send("01700003"), "9000");
  EXPECT_EQ(card.Send("03B0870009"), "0809101010325476989000");  // EF.IMSI by its short identifier
  EXPECT_EQ(card.Send("03A4000C023F00"), "9000");
  EXPECT_EQ(card.Send("03A4000C027FFF"), "9000");  // the USIM is active here too
}

TEST(UiccChannels, ARefusedInheritedSelectionOpensNothing) {
  TestCard card;
  ASSERT_EQ(card.SelectIot(1), "9000");
  card.iot.select_answer = wire::StatusWord::kConditionsNotSatisfied;
  EXPECT_EQ(card.Send("0170000001"), "6985");
  EXPECT_EQ(card.Send("8284000001"), "6881");
  EXPECT_EQ(card.Send("0070000001"), "029000");
}

TEST(UiccChannels, PendingResponsesBelongToTheirChannel) {
  TestCard card;
  ASSERT_EQ(card.SelectIot(1), "9000");
  ASSERT_EQ(card.SelectIot(2), "9000");
  EXPECT_EQ(card.Send("81CD000003850101"), "6147");
  EXPECT_EQ(card.Send("82B9000003840101"), "6151");
  EXPECT_EQ(card.Send("0070000001"), "039000");  // on channel 0: drops nothing of 1 and 2
  EXPECT_EQ(card.Send("01C0000010"), Pattern(16) + "6137");
  EXPECT_EQ(card.Send("82C0000051"), Pattern(81) + "9000");
  EXPECT_EQ(card.Send("81C0000000"), Pattern(55, 16) + "9000");
}

}  // namespace
}  // namespace simroot::card::testing
