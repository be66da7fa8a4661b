// SPDX-License-Identifier: Apache-2.0
// What existing clients send, byte by byte, as far as the UICC in front of the applet has to cope with it.
#include "card/uicc/uicc_test_support.hpp"

namespace simroot::card::testing {
namespace {

// Orange's library: one 00 too many behind the data of every command, class = channel number, 50-byte GET RESPONSE.

TEST(UiccClients, OrangeOpensSelectsAndCloses) {
  TestCard card;
  EXPECT_EQ(card.Send("0070000001"), "019000");
  EXPECT_EQ(card.Send("01A4040007A000000559001000"), "9000");
  EXPECT_EQ(card.Send("012A0101"), "9000");  // closes a session before it opens one
  EXPECT_EQ(card.Send("00708001"), "9000");
}

TEST(UiccClients, OrangeSignsWithExcessBytes) {
  TestCard card;
  ASSERT_EQ(card.SelectIot(1), "9000");
  EXPECT_EQ(card.Send("012A00010D840101A1010391020001920104"
                      "00"),
            "9000");
  EXPECT_EQ(card.Send("012B8001059B03ABCDEF0000"), "6142");
  EXPECT_EQ(card.Send("01C0000042").substr(0, 8), "33400404");
  EXPECT_EQ(card.Send("012A0101"), "9000");
}

TEST(UiccClients, OrangeReadsAFileInStepsOf50) {
  TestCard card;
  ASSERT_EQ(card.SelectIot(1), "9000");
  EXPECT_EQ(card.Send("01B00000038301020032"), "6132");
  EXPECT_EQ(card.Send("01C0000032"), Pattern(50) + "9000");
  EXPECT_EQ(card.Send("01B00032038301020032"), "6132");
  EXPECT_EQ(card.Send("01C0000032"), Pattern(50, 50) + "9000");
  EXPECT_EQ(card.Send("01B00258038301020032"), "9000");  // at the end of the file
}

TEST(UiccClients, OrangeTakesAPartOfWhatIsOffered) {
  TestCard card;
  ASSERT_EQ(card.SelectIot(1), "9000");
  EXPECT_EQ(card.Send("01B00000038301020000"), "61FF");
  EXPECT_EQ(card.Send("01C0000032"), Pattern(50) + "61CD");
  EXPECT_EQ(card.Send("01B00032038301020000"), "61FF");
  EXPECT_EQ(card.Send("01C0000032"), Pattern(50, 50) + "61CD");
}

TEST(UiccClients, OrangeFailsOnAStrictCard) {
  TestCard card(CompatibilityConfig{.ignore_excess_bytes = false});
  ASSERT_EQ(card.SelectIot(1), "9000");
  EXPECT_EQ(card.Send("012B8001059B03ABCDEF0000"), "6700");
  EXPECT_EQ(card.Send("01B00000038301020032"), "6700");
}

TEST(UiccClients, OrangeKeepsItsChannelOverReconnects) {
  TestCard card;
  ASSERT_EQ(card.SelectIot(1), "9000");
  EXPECT_EQ(card.Send("80F2000C00"), "9000");  // what a reader's presence check may do on channel 0
  EXPECT_EQ(card.Send("0184000004"), "000102039000");
}

// wolfSSL: channel 1 is never opened, commands in class 81, GET RESPONSE in class 01, once.

TEST(UiccClients, WolfSslUsesChannelOneUnopened) {
  TestCard card;
  EXPECT_EQ(card.Send("01A4040007A0000005590010"), "9000");
  EXPECT_EQ(card.Send("8184000020"), Pattern(32) + "9000");
  EXPECT_EQ(card.Send("81B9000003840103"), "6151");
  EXPECT_EQ(card.Send("01C0000051"), Pattern(81) + "9000");
  EXPECT_EQ(card.Send("8124000203850105"), "9000");
  EXPECT_EQ(card.Send("8124010200"), "9000");
  EXPECT_EQ(card.Send("812A00010D840101A1010391020001920104"), "9000");
  EXPECT_EQ(card.Send("812B8001029E00"), "6142");
  EXPECT_EQ(card.Send("01C0000042").size(), 2 * 68U);
}

TEST(UiccClients, WolfSslOnACardThatOpensNothingByItself) {
  TestCard card(CompatibilityConfig{.implicit_channel_open = false});
  EXPECT_EQ(card.Send("01A4040007A0000005590010"), "6881");
  EXPECT_EQ(card.Send("8184000020"), "6881");
}

// Thales: closes channels until one fails, appends Le to everything, SELECT three times, class = channel.

TEST(UiccClients, ThalesClosesChannelsUntilAnError) {
  TestCard card;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(card.Send("0070000001"), "0" + std::to_string(i + 1) + "9000");
  }
  int closed = 0;
  for (int channel = 1; channel <= 19; ++channel) {
    const Bytes command{0x00, 0x70, 0x80, LowByte(channel), 0x00};
    if (card.SendBytes(command) != "9000") {
      break;
    }
    ++closed;
  }
  EXPECT_EQ(closed, 3);
  EXPECT_EQ(card.Send("0070800100"), "6881");
  EXPECT_EQ(card.Send("0070000001"), "019000");
}

TEST(UiccClients, ThalesSelectsOftenAndAppendsLe) {
  TestCard card;
  ASSERT_EQ(card.Send("0070000001"), "019000");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(card.Send("01A404000FA00000003053F12401770101495341"), "9000");
  }
  EXPECT_EQ(card.Send("012400000385010500"), "9000");
  EXPECT_EQ(card.Send("01CD00000385010100"), "6147");
  EXPECT_EQ(card.Send("01C0000047"), Pattern(71) + "9000");
  EXPECT_EQ(card.Send("01CD00000385010100"), "6147");
  EXPECT_EQ(card.Send("00C0000047"), "6985");  // the basic channel has nothing pending
  EXPECT_EQ(card.Send("0170800100"), "9000");
}

// atsign: everything in class 8X, GET RESPONSE too. quantag: basic channel, SELECT with Le, four-byte close.

TEST(UiccClients, AtsignFetchesInTheProprietaryClass) {
  TestCard card;
  ASSERT_EQ(card.Send("0070000000"), "019000");
  ASSERT_EQ(card.SelectIot(1), "9000");
  EXPECT_EQ(card.Send("81B90000058403303031"), "6151");
  EXPECT_EQ(card.Send("81C0000051"), Pattern(81) + "9000");
  EXPECT_EQ(card.Send("81CD0000058503303031"), "6147");
  EXPECT_EQ(card.Send("81C0000047"), Pattern(71) + "9000");
}

TEST(UiccClients, QuantagWorksOnTheBasicChannel) {
  TestCard card(CompatibilityConfig{.answer_t0 = false});
  EXPECT_EQ(card.Send("00A404000FA00000003053F1240177010149534100"), "9000");
  EXPECT_EQ(card.Send("80CD0000048502000200"), Pattern(71) + "9000");
  EXPECT_EQ(card.Send("802A0101"), "9000");
}

}  // namespace
}  // namespace simroot::card::testing
