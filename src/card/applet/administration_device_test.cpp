// SPDX-License-Identifier: Apache-2.0
// What the device sees of a management session (spec 9, T146 to T154).
#include "card/applet/administration_test_support.hpp"

namespace simroot::card::testing {
namespace {

using ::testing::HasSubstr;

// 15.12

TEST_F(AdministrationTest, T146AnObjectUnderUpdateIsRefused) {
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_TRUE(IsOk(card_->Put("E503840101")));
  EXPECT_EQ(card_->Send(kSignInit), "6984");
  EXPECT_EQ(card_->Send("81CD000003850101"), "6984");
  EXPECT_EQ(card_->Send("81B9000003840101"), "6984");
  EXPECT_EQ(card_->Send("8124000103850101"), "6984");
  // What it is stays known, as it was.
  EXPECT_THAT(card_->SendAll("81CBC10003840101"), HasSubstr("4A0101"));
  EXPECT_TRUE(card_->SendAll("81CB010000").ends_with("9000"));
  ASSERT_EQ(card_->Put("E200"), "9000");
  ExpectSignatureOf(pair_.point);
}

TEST_F(AdministrationTest, T146AFileUnderUpdateIsRefused) {
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put(Element(0xE8,
                               "830102"
                               "4301AA")),
            "9000");
  EXPECT_EQ(File(), "6984");
  EXPECT_THAT(card_->SendAll("81CBC30003830102"), HasSubstr("2002012C"));  // still 300 bytes
  ASSERT_TRUE(IsOk(card_->Commit()));
  EXPECT_EQ(File(), "AA9000");
}

TEST_F(AdministrationTest, T147OtherCommandsGoOn) {
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_TRUE(IsOk(card_->Put("E503840101")));
  EXPECT_TRUE(IsOk(card_->Send(kGetRandom)));
  EXPECT_TRUE(IsOk(card_->SendAll("81B9000003840104")));
  EXPECT_EQ(File().substr(0, 8), "00010203");
}

TEST_F(AdministrationTest, AVolatileKeyOfTheDeviceSurvivesACommit) {
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_TRUE(IsOk(card_->Put("E503840101")));
  const std::string generated = card_->SendAll("81B9000003840104");
  ASSERT_TRUE(IsOk(generated));
  ASSERT_TRUE(IsOk(card_->Commit()));
  EXPECT_EQ(card_->SendAll("81CD000003850104"), generated.substr(12));
}

class ReportingTest : public AdministrationTest, public ::testing::WithParamInterface<AdminReport> {
 protected:
  ReportingTest() : AdministrationTest(Config(GetParam())) {}
  static CompatibilityConfig Config(AdminReport report) {
    CompatibilityConfig config;
    config.admin_report = report;
    return config;
  }
  void ChangePair() {
    ASSERT_TRUE(IsOk(card_->Begin()));
    ASSERT_TRUE(IsOk(card_->Put("E503840101")));
    ASSERT_TRUE(IsOk(card_->Commit()));
  }
};

TEST_P(ReportingTest, T148AndT149ACommitIsReportedOncePerChannel) {
  ASSERT_EQ(card_->Send("02A4040007A0000005590010"), "9000");
  ChangePair();
  const bool on = GetParam() == AdminReport::kOn;
  const bool get_data = GetParam() != AdminReport::kOff;
  EXPECT_EQ(card_->Send(kGetRandom).substr(16), on ? "63CF" : "9000");
  EXPECT_EQ(card_->Send(kGetRandom).substr(16), "9000");
  const std::string application = card_->SendAll("82CB000000");
  EXPECT_EQ(application.substr(application.size() - 4), get_data ? "63CF" : "9000");
  EXPECT_TRUE(IsOk(card_->SendAll("82CB000000")));
  const std::string other = card_->SendAll("81CB000000");
  EXPECT_EQ(other.substr(other.size() - 4), GetParam() == AdminReport::kGetDataOnly ? "63CF" : "9000");
}

TEST_P(ReportingTest, T150ACommandOnADeletedKeyFailsWith6989Once) {
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put("E903840101"), "9000");
  ASSERT_TRUE(IsOk(card_->Commit()));
  EXPECT_EQ(card_->Send("812A00010D840177A1010391020001920104"), "6A80") << "another object";
  EXPECT_EQ(card_->Send(kSignInit), GetParam() == AdminReport::kOff ? "6A80" : "6989");
  EXPECT_EQ(card_->Send(kSignInit), "6A80");
}

TEST_P(ReportingTest, T150TheDeletedKeyIsKnownByItsLabelToo) {
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put("E903840101"), "9000");
  ASSERT_TRUE(IsOk(card_->Commit()));
  EXPECT_EQ(card_->Send("812A00010F7403736967A1010391020001920104"), GetParam() == AdminReport::kOff ? "6A80" : "6989");
}

TEST_P(ReportingTest, T151AKeyChangedBetweenInitAndUpdateEndsTheSession) {
  ASSERT_EQ(card_->Send(kSignInit), "9000");
  ChangePair();
  EXPECT_EQ(card_->Send(kSignUpdate), "6989");
  EXPECT_EQ(card_->Send(kSignUpdate), "6985");
}

TEST_P(ReportingTest, T151AKeyDeletedBetweenInitAndUpdateEndsTheSession) {
  ASSERT_EQ(card_->Send(kSignInit), "9000");
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put("E903840101" + Element(0xE3, PrivateKey("09"))), "9000");
  EXPECT_EQ(card_->Send(kSignUpdate), "6984");
  ASSERT_TRUE(IsOk(card_->Commit()));
  EXPECT_EQ(card_->Send(kSignUpdate), "6989");
}

TEST_P(ReportingTest, T152AnAbortedSessionIsNotReported) {
  ASSERT_EQ(card_->Send(kSignInit), "9000");
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_TRUE(IsOk(card_->Put("E503840101")));
  EXPECT_EQ(card_->Send(kSignUpdate), "6984");
  ASSERT_EQ(card_->Put("E200"), "9000");
  EXPECT_TRUE(IsOk(card_->Send(kGetRandom)));
  EXPECT_TRUE(card_->Verifies(pair_.point, Bytes(32, 0x11), card_->SendAll(kSignUpdate)));
}

TEST_P(ReportingTest, AChannelThatIsSelectedAnewHasNothingToLearn) {
  ChangePair();
  ASSERT_EQ(card_->Send("01A4040007A0000005590010"), "9000");
  EXPECT_TRUE(IsOk(card_->Send(kGetRandom)));
}

INSTANTIATE_TEST_SUITE_P(Reports, ReportingTest,
                         ::testing::Values(AdminReport::kOff, AdminReport::kGetDataOnly, AdminReport::kOn),
                         [](const auto& report) {
                           return std::string(report.param == AdminReport::kOff  ? "Off"
                                              : report.param == AdminReport::kOn ? "On"
                                                                                 : "GetDataOnly");
                         });

TEST_F(AdministrationTest, T153DamagedMemoryRefusesPersonalisation) {
  Bytes image(LargeRamStore::kImageSize, 0x5A);
  AdminCard card(image);
  ASSERT_NE(card.store().state(), StoreState::kIntact);
  EXPECT_EQ(card.Begin(), "6400");
}

TEST_F(AdministrationTest, T154AFullStoreRefusesObjects) {
  ASSERT_TRUE(IsOk(card_->Begin()));
  std::string answer = "9000";
  std::size_t created = 0;
  for (; answer == "9000"; ++created) {
    answer = card_->Put(CreateFile(ToHex(Bytes{0xAA, LowByte(created)})));
  }
  EXPECT_EQ(answer, "6A84");
  EXPECT_EQ(created, 64U - 6 + 1);
  EXPECT_EQ(card_->store().objects().size(), 6U);
}

TEST_F(AdministrationTest, T154AFileThatDoesNotFitIsRefused) {
  const Content before = ContentOf(card_->store());
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put(CreateFile("09") + Element(0xE8,
                                                  "830109"
                                                  "4402FFFF" +
                                                      Element(0x43, "AA"))),
            "9000");
  std::string answer = "9000";
  for (std::size_t offset = 1; answer == "9000"; offset += 200) {
    answer = card_->Put(Element(0xE8, "830109" + Element(0x42, Word(offset)) + Element(0x43, ToHex(Bytes(200, 0xBB)))));
  }
  EXPECT_EQ(answer, "6A84");
  ExpectNothingHappened(before);
}

}  // namespace
}  // namespace simroot::card::testing
