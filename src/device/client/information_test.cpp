// SPDX-License-Identifier: Apache-2.0
#include "device/client/fake_transport.hpp"

namespace simroot::device::client {
namespace {

using iotsafe::FileUsage;
using testing::FileInfo;
using testing::FileName;
using testing::InfoAnswer;
using testing::MakeCard;
using testing::PrivateKey;
using testing::Script;

const std::string kFirstBlock = "81CB010000";
const std::string kNextBlock = "81CB010100";

std::string Structure(std::string_view id) {
  const std::string answer = InfoAnswer(FileInfo(id, 4, FileUsage::kGeneral));
  return answer.substr(0, answer.size() - 4);
}

class InformationTest : public ::testing::Test {
 protected:
  InformationTest() { script_->ThenOpened(); }
  void TearDown() override {
    EXPECT_TRUE(script_->Done());
    script_->Otherwise([](const std::string&) { return ""; });
  }
  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  std::shared_ptr<Card> card_ = MakeCard(script_);
};

TEST_F(InformationTest, ReadsTheApplicationInformationOfARealCard) {
  // Public trace of quantag/iotsafetool.
  script_->Then("81CB000000", "1001101120" + std::string(64, 'A') +
                                  "B1010AB2010AB3010AB4010A61010F910200019201046F0101940102B701019000");
  const auto info = card_->Application();
  ASSERT_TRUE(info);
  EXPECT_EQ(info->version, 0x10);
  EXPECT_EQ(info->max_files, 10);
  EXPECT_EQ(info->max_sessions, 1);
}

TEST_F(InformationTest, ReadsAListOfSeveralBlocks) {
  script_->Then(kFirstBlock, Structure("01") + Structure("02") + "6300")
      .Then(kNextBlock, Structure("03") + "6300")
      .Then(kNextBlock, Structure("04") + "9000");
  const auto list = card_->List();
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 4U);
  EXPECT_EQ(ToHex(list->back().id.view()), "04");
}

TEST_F(InformationTest, AnEmptyListIsEmpty) {
  script_->Then(kFirstBlock, "9000");
  EXPECT_TRUE(card_->List().value().empty());
}

TEST_F(InformationTest, EndsAnEndlessList) {
  std::size_t blocks = 0;
  script_->Otherwise([&](const std::string&) {
    ++blocks;
    return Structure("01") + "6300";
  });
  const auto list = card_->List();
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().domain, ErrorDomain::kProtocol);
  EXPECT_EQ(blocks, 64U);
}

TEST_F(InformationTest, RefusesTruncatedLists) {
  const std::string whole = Structure("01");
  for (std::size_t size = 2; size < whole.size(); size += 2) {
    script_->Then(kFirstBlock, whole.substr(0, size) + "9000");
    const auto list = card_->List();
    ASSERT_FALSE(list) << size;
    EXPECT_EQ(list.error().domain, ErrorDomain::kProtocol);
  }
}

TEST_F(InformationTest, ReadsOneObjectAndNothingBehindIt) {
  script_->Then("81CBC3000383010200", Structure("02") + "9000")
      .Then("81CBC3000383010200", Structure("02") + Structure("03") + "9000")
      .Then("81CBC1000384010200", Structure("02") + "9000");
  EXPECT_EQ(card_->Info(FileName("02")).value().file_size, 4);
  EXPECT_EQ(card_->Info(FileName("02")).error().domain, ErrorDomain::kProtocol);
  EXPECT_EQ(card_->Info(PrivateKey("02")).error().domain, ErrorDomain::kProtocol);
}

TEST_F(InformationTest, AsksByLabel) {
  script_->Then(
      "81CBC300067304"
      "6365727400",
      Structure("02") + "9000");
  EXPECT_TRUE(card_->Info(FileName("label=cert")));
}

TEST_F(InformationTest, ReadsRandomNumbersInBlocks) {
  script_->Then("81840000FF", std::string(510, '1') + "9000").Then("8184000001", "229000");
  const auto random = card_->Random(256);
  ASSERT_TRUE(random);
  EXPECT_EQ(random->size(), 256U);
  EXPECT_EQ(random->back(), 0x22);
}

TEST_F(InformationTest, GoesOnAfterAShortRandomNumberAndRefusesOtherLengths) {
  script_->Then("8184000004", "11229000").Then("8184000002", "33449000");
  EXPECT_EQ(ToHex(card_->Random(4).value()), "11223344");
  script_->Then("8184000004", "9000");
  EXPECT_EQ(card_->Random(4).error().domain, ErrorDomain::kProtocol);
  script_->Then("8184000004", "11223344559000");
  EXPECT_EQ(card_->Random(4).error().domain, ErrorDomain::kProtocol);
  EXPECT_EQ(card_->Random(0).error().domain, ErrorDomain::kUsage);
}

TEST_F(InformationTest, DamageInTheCardIsSaid) {
  script_->Then(kFirstBlock, "6400");
  EXPECT_NE(card_->List().error().message.find("damaged"), std::string::npos);
}

}  // namespace
}  // namespace simroot::device::client
