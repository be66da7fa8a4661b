// SPDX-License-Identifier: Apache-2.0
#include "card/uicc/uicc_test_support.hpp"

namespace simroot::card::testing {
namespace {

class ResponseOverT0 : public UiccTest {};

class ResponseOverT1 : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(card.SelectIot(1), "9000"); }
  std::string Send(std::string_view apdu) { return card.Send(apdu); }

  TestCard card{CompatibilityConfig{.answer_t0 = false}};
};

// E0 P1P2: the fake application answers P1P2 bytes with the status word given in the data.

TEST_F(ResponseOverT0, Announces256AndMoreAs00) {
  EXPECT_EQ(Send("81E000FF029000"), "61FF");
  EXPECT_EQ(Send("81E00100029000"), "6100");
  EXPECT_EQ(Send("81E0012C029000"), "6100");
  EXPECT_EQ(Send("81C0000000"), Pattern(256) + "612C");
  EXPECT_EQ(Send("81C0000000"), Pattern(44, 256) + "9000");
}

TEST_F(ResponseOverT0, GivesTheStatusWordAfterTheLastByte) {
  EXPECT_EQ(Send("81E00010026300"), "6110");
  EXPECT_EQ(Send("01C000000A"), Pattern(10) + "6106");
  EXPECT_EQ(Send("01C0000000"), Pattern(6, 10) + "6300");
  EXPECT_EQ(Send("81E000010263CF"), "6101");
  EXPECT_EQ(Send("01C0000001"), "0063CF");
}

TEST_F(ResponseOverT0, ALargerLeGivesWhatThereIs) {
  EXPECT_EQ(Send("81CD000003850101"), "6147");
  EXPECT_EQ(Send("01C00000C8"), Pattern(71) + "9000");
}

TEST_F(ResponseOverT0, AnErrorCarriesNoData) {
  EXPECT_EQ(Send("81E00010026985"), "6985");
  EXPECT_TRUE(card.BuffersAreClean());
  EXPECT_EQ(Send("01C0000000"), "6985");
}

TEST_F(ResponseOverT0, FillsTheBufferAndNotMore) {
  EXPECT_EQ(Send("81E00200029000"), "6100");
  EXPECT_EQ(Send("01C0000000"), Pattern(256) + "6100");
  EXPECT_EQ(Send("01C0000000"), Pattern(256, 256) + "9000");
  EXPECT_EQ(Send("81E00201029000"), "6F00");
  EXPECT_TRUE(card.BuffersAreClean());
  EXPECT_EQ(Send("01C0000000"), "6985");
}

TEST_F(ResponseOverT0, IsWipedWhenFetched) {
  EXPECT_EQ(Send("81CD000003850101"), "6147");
  EXPECT_FALSE(card.BuffersAreClean());
  EXPECT_EQ(Send("01C0000046"), Pattern(70) + "6101");
  EXPECT_FALSE(card.BuffersAreClean());
  EXPECT_EQ(Send("01C0000001"), "469000");
  EXPECT_TRUE(card.BuffersAreClean());
}

TEST_F(ResponseOverT0, AFaultyGetResponseKeepsWhatIsPending) {
  EXPECT_EQ(Send("81CD000003850101"), "6147");
  EXPECT_EQ(Send("01C0010047"), "6A86");
  EXPECT_EQ(Send("01C0000147"), "6A86");
  EXPECT_EQ(Send("01C000000101"), "6700");
  EXPECT_EQ(Send("01C0000047"), Pattern(71) + "9000");
}

TEST_F(ResponseOverT0, EveryOtherCommandDropsWhatIsPending) {
  for (const std::string_view command : {"8110000000", "01A4040007A0000005590098", "01A40000021234", "0170000401",
                                         "81CD00000585", "0124000003850105", "81E00004000004"}) {
    EXPECT_EQ(Send("81CD000003850101"), "6147");
    static_cast<void>(Send(command));
    EXPECT_EQ(Send("01C0000047"), "6985") << command;
  }
}

TEST_F(ResponseOverT0, ClassesThatNameNoChannelDropNothing) {
  EXPECT_EQ(Send("81CD000003850101"), "6147");
  EXPECT_EQ(Send("B184000004"), "6E00");
  EXPECT_EQ(Send("4184000004"), "6881");
  EXPECT_EQ(Send("01C0000047"), Pattern(71) + "9000");
}

TEST_F(ResponseOverT0, CommandsWithoutDataAreAnsweredDirectly) {
  EXPECT_EQ(Send("8184000000"), Pattern(256) + "9000");
  EXPECT_EQ(Send("81E0002000"), Pattern(32) + "9000");
  EXPECT_EQ(Send("81E00020"), Pattern(32) + "9000");  // case 1 is sent with P3 = 00 over T=0
  EXPECT_EQ(Send("81E00100"), Pattern(256) + "9000");
  EXPECT_EQ(Send("81E00110"), Pattern(256) + "6110");
  EXPECT_EQ(Send("81C0000010"), Pattern(16, 256) + "9000");
}

TEST_F(ResponseOverT0, AShorterLeGetsThatManyAndTheRestWaits) {
  EXPECT_EQ(Send("81E0002010"), Pattern(16) + "6110");
  EXPECT_EQ(Send("01C0000010"), Pattern(16, 16) + "9000");
  EXPECT_EQ(Send("81E0002010"), Pattern(16) + "6110");
  EXPECT_EQ(Send("8184000003"), "0001029000");
  EXPECT_EQ(Send("01C0000010"), "6985");
}

TEST_F(ResponseOverT0, RandomAndFileAreWholeWithFewerBytes) {
  EXPECT_EQ(Send("8184000010"), Pattern(16) + "9000");
  EXPECT_EQ(Send("01B000000383010232"), "6132");
  EXPECT_EQ(Send("01C0000032"), Pattern(50) + "9000");
}

TEST_F(ResponseOverT0, ExtendedCommandsAreAnsweredDirectly) {
  EXPECT_EQ(Send("81CD00000000038501010000"), Pattern(71) + "9000");
  EXPECT_EQ(Send("81CD0000000003850101"), Pattern(71) + "9000");
  EXPECT_EQ(Send("81E00800000000"), Pattern(2048) + "9000");
  EXPECT_EQ(Send("81E00020000010"), Pattern(16) + "6110");
  EXPECT_EQ(Send("01C0000000"), Pattern(16, 16) + "9000");
  EXPECT_EQ(Send("81E000100000026300000A"), Pattern(10) + "6106");
  EXPECT_EQ(Send("01C0000000"), Pattern(6, 10) + "6300");
  EXPECT_EQ(Send("81E0001000000269850000"), "6985");
  EXPECT_EQ(Send("81E00010000002900000"), "6700");  // Le of one byte
}

TEST_F(ResponseOverT0, ExtendedAnswersBeyondTheMemoryAreErrors) {
  EXPECT_EQ(Send("81E00800000010"), "6F00");  // 2032 bytes would have to wait
  EXPECT_EQ(Send("81E02000000000"), "6F00");  // more than the reader's memory
  EXPECT_EQ(Send("01C0000000"), "6985");
  EXPECT_TRUE(card.BuffersAreClean());
}

TEST_F(ResponseOverT0, AnErrorLeavesNothingBehindTheStatusWord) {
  std::array<std::uint8_t, wire::kMaxResponse> memory{};
  const std::size_t size = card.uicc.Transmit(Hex("81E0001000000269850000"), memory);
  EXPECT_EQ(ToHex(ByteView(memory).first(size)), "6985");
  EXPECT_TRUE(std::all_of(memory.begin() + 2, memory.end(), [](std::uint8_t byte) { return byte == 0; }));
}

TEST_F(ResponseOverT1, AnswersDirectly) {
  EXPECT_EQ(Send("81E000100290000A"), Pattern(10) + "6106");
  EXPECT_EQ(Send("01C0000006"), Pattern(6, 10) + "9000");
  EXPECT_EQ(Send("81E00100029000"), Pattern(256) + "9000");
  EXPECT_EQ(Send("81E00110029000"), Pattern(256) + "6110");
  EXPECT_EQ(Send("01C0000000"), Pattern(16, 256) + "9000");
  EXPECT_EQ(Send("81E00004026300"), Pattern(4) + "6300");
  EXPECT_EQ(Send("81E00201029000"), "6F00");
}

TEST_F(ResponseOverT1, SelectGivesItsTemplateDirectly) {
  const std::string answer = Send("00A40004023F00");
  EXPECT_EQ(answer.substr(0, 2), "62");
  EXPECT_EQ(answer.substr(answer.size() - 4), "9000");
}

}  // namespace
}  // namespace simroot::card::testing
