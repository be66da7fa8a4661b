// SPDX-License-Identifier: Apache-2.0
// The management session: blocks, what is visible when, what a refused command leaves behind.
#include "card/applet/administration_test_support.hpp"

namespace simroot::card::testing {
namespace {

/// Every command that needs a session, in a form that would do in one.
const std::vector<std::string>& SessionCommands() {
  static const std::vector<std::string> commands{"E100",
                                                 "E200",
                                                 CreateFile("09"),
                                                 Element(0xE4, Element(0xC3, "830102600101210102")),
                                                 "E503840101",
                                                 Element(0xE6, "850101430134"),
                                                 Element(0xE7,
                                                         "860106"
                                                         "44020010" +
                                                             Element(0x47, ToHex(Bytes(16))) + "4503000000"),
                                                 Element(0xE8, "830102430100"),
                                                 "E903830102",
                                                 "EA03830102",
                                                 "EB03830102",
                                                 "EC00",
                                                 Element(0xED, "84010150023000"),
                                                 Element(0xEE,
                                                         "8401014D01095308"
                                                         "0001020304050607"),
                                                 "EF00",
                                                 "F000"};
  return commands;
}

TEST_F(AdministrationTest, BeginAnswersVersionAndChangeCounter) {
  EXPECT_EQ(card_->Begin(),
            "E009400101"
            "4104" +
                ToHex(Bytes{0, 0, 0, LowByte(ChangeCounter())}) + "9000");
}

TEST_F(AdministrationTest, KnowsOneVersion) {
  for (const char* begin :
       {"E003400102", "E003400100", "E000", "E00440020001", "E006400101400101", "E006400101410101"}) {
    EXPECT_EQ(card_->Put(begin), "6A80") << begin;
  }
  EXPECT_TRUE(IsOk(card_->Begin()));
}

TEST_F(AdministrationTest, CommandsNeedASession) {
  for (const std::string& command : SessionCommands()) {
    EXPECT_EQ(card_->Put(command), "6985") << command;
  }
}

TEST_F(AdministrationTest, ASecondBeginEndsTheSession) {
  const Content before = ContentOf(card_->store());
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put(CreateFile("09")), "9000");
  EXPECT_EQ(card_->Begin(), "6985");
  ExpectNothingHappened(before);
}

/// What is wrong with a block, and the answer.
struct BadBlock {
  const char* what;
  std::string data;
  const char* answer;
};

TEST_F(AdministrationTest, AnythingWrongEndsTheSessionAndLeavesNothingBehind) {
  const std::string create = CreateFile("09");
  const std::vector<BadBlock> blocks{
      {"nothing", "", "6700"},
      {"unknown command", "DF00", "6A80"},
      {"unknown command, one byte", "F100", "6A80"},
      {"truncated length", create.substr(0, 2), "6A80"},
      {"truncated value", create.substr(0, create.size() - 2), "6A80"},
      {"a byte behind the last command", create + "00", "6A80"},
      {"length not in the shortest form", "E18100", "6A80"},
      {"unknown element", "E203540100", "6A80"},
      {"element that does not belong here", "E203400101", "6A80"},
      {"element twice", "E906830102830102", "6A80"},
      {"element too long",
       "E803"
       "4203000000",
       "6A80"},
      {"identifier and label",
       Element(0xE9,
               "83010273"
               "0463657274"),
       "6A80"},
      {"two objects", "E906830102840101", "6A80"},
      {"no object", "E900", "6A80"},
      {"unknown file", "E903830177", "6A82"},
      {"unknown key", "E903840177", "6A80"},
      {"template without identifier", Element(0xE3, Element(0xC3, "600101210102")), "6A80"},
      {"template of a key without type", Element(0xE3, Element(0xC1, "840109600102")), "6A80"},
      {"template with another class's identifier", Element(0xE3, Element(0xC3, "840109")), "6A80"},
      {"template with a field of another class", Element(0xE3, Element(0xC3, "8301094B0113")), "6A80"},
      {"two templates", Element(0xE3, Element(0xC3, "830109") + Element(0xC4, "8601094B01A0")), "6A80"},
      {"key type of another class", Element(0xE3, Element(0xC4, "8601094B0113")), "6A80"},
      {"the PIN's own key type", Element(0xE3, Element(0xC4, "8601094B01F1")), "6A80"},
      {"undefined access bit", Element(0xE3, Element(0xC3, "830109600104")), "6A80"},
      {"undefined file usage", Element(0xE3, Element(0xC3, "830109210103")), "6A80"},
      {"undefined key usage", Element(0xE3, Element(0xC1, "8401094B01134E0104")), "6A80"},
      {"pair of a file", Element(0xE3, Element(0xC3, "830109") + "850101"), "6A80"},
      {"issuer of a key", Element(0xE3, Element(0xC1, "8401094B0113") + "460101"), "6A80"},
      {"identifier of 21 bytes", Element(0xE3, Element(0xC3, Element(0x83, ToHex(Bytes(21, 1))))), "6A80"},
      {"label of 61 bytes", Element(0xE3, Element(0xC3, "830109" + Element(0x73, ToHex(Bytes(61, 'x'))))), "6A80"},
      {"identifier in use", CreateFile("02"), "6A80"},
      {"label in use", Element(0xE3, Element(0xC3, "8301097304" + ToHex(AsBytes("cert")))), "6A80"},
      {"the PIN's identifier", CreateSecret("50494E"), "6A80"},
      {"key type changed", Element(0xE4, Element(0xC1, "8401014B0133")), "6985"},
      {"generation without a public half", create + Element(0xE3, PrivateKey("0A")) + "E50384010A", "6985"},
      {"generation in a volatile container", "E503840104", "6985"},
      {"generation in a public key", "E503850101", "6A80"},
      {"read of a private key", "EB03840101", "6A80"},
      {"read of a secret", "EB03860106", "6A80"},
      {"read beyond the end",
       "EB07830102"
       "4202FFFF",
       "6A80"},
      {"certificate request without subject", "ED03840101", "6A80"},
      {"certificate request with a subject that is no name",
       "ED078401015002"
       "3100",
       "6A80"},
      {"unblocking without a PIN", "F000", "6985"},
  };
  const Content before = ContentOf(card_->store());
  for (const BadBlock& block : blocks) {
    SCOPED_TRACE(block.what);
    ASSERT_TRUE(IsOk(card_->Begin()));
    ASSERT_EQ(card_->Put(CreateFile("0F")), "9000");
    EXPECT_EQ(card_->Put(block.data), block.answer);
    ExpectNothingHappened(before);
  }
}

TEST_F(AdministrationTest, ABlockStopsAtTheFirstError) {
  ASSERT_TRUE(IsOk(card_->Begin()));
  EXPECT_EQ(card_->Put("E903830102"
                       "E903830177"
                       "E100"),
            "6A82");
  EXPECT_EQ(File().substr(0, 8), "00010203");
}

TEST_F(AdministrationTest, ABlockMayHoldAWholeSession) {
  const std::uint32_t before = ChangeCounter();
  const std::string answer = card_->Put("E003400101" + CreateFile("09") +
                                        Element(0xE8,
                                                "830109"
                                                "4303"
                                                "AABBCC") +
                                        "E100");
  EXPECT_EQ(answer,
            "E009400101"
            "4104" +
                ToHex(Bytes{0, 0, 0, LowByte(before)}) + "E1064104" + ToHex(Bytes{0, 0, 0, LowByte(before + 1)}) +
                "9000");
  EXPECT_EQ(card_->SendAll("81B0000003830109"), "AABBCC9000");
}

TEST_F(AdministrationTest, BlocksAreNumberedFromZero) {
  EXPECT_EQ(card_->StoreData(Hex("E003400101"), 1, false), "6A86");
  EXPECT_TRUE(IsOk(card_->StoreData(Hex("E003400101"), 0, false)));
  EXPECT_EQ(card_->StoreData(Hex(CreateFile("09")), 1, false), "9000");
  EXPECT_EQ(card_->StoreData(Hex("E100"), 3, false), "6A86");
  EXPECT_EQ(card_->StoreData(Hex("E100"), 0, false), "6985");
  EXPECT_EQ(Find(card_->store(), ObjectClass::kFile, Bytes{0x09}), nullptr);
  // The last block of a sequence does not end the session: the next sequence goes on with it.
  EXPECT_TRUE(IsOk(card_->StoreData(Hex("E003400101"), 0, true)));
  EXPECT_EQ(card_->StoreData(Hex(CreateFile("09")), 0, true), "9000");
  EXPECT_TRUE(IsOk(card_->StoreData(Hex("E100"), 0, true)));
  EXPECT_NE(Find(card_->store(), ObjectClass::kFile, Bytes{0x09}), nullptr);
}

TEST_F(AdministrationTest, NumbersOfBlocksBeginAgainAfter255) {
  ASSERT_TRUE(IsOk(card_->StoreData(Hex("E003400101"), 0, false)));
  for (unsigned number = 1; number < 256; ++number) {
    ASSERT_TRUE(IsOk(card_->StoreData(Hex("EC00"), LowByte(number), false))) << number;
  }
  EXPECT_TRUE(IsOk(card_->StoreData(Hex("E100"), 0, false)));
}

TEST_F(AdministrationTest, ASessionThatChangedNothingCommitsWithoutATrace) {
  const std::uint32_t before = ChangeCounter();
  const unsigned writes = card_->nvm().writes();
  ASSERT_TRUE(IsOk(card_->Begin()));
  EXPECT_TRUE(IsOk(card_->Commit()));
  EXPECT_EQ(ChangeCounter(), before);
  EXPECT_EQ(card_->nvm().writes(), writes);
}

/// Ways in which a session ends without commit.
using Ending = std::function<void(AdminCard&)>;
class UncommittedTest : public AdministrationTest,
                        public ::testing::WithParamInterface<std::pair<const char*, Ending>> {};

TEST_P(UncommittedTest, IsForgotten) {
  const Content before = ContentOf(card_->store());
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put(CreateFile("09") + Element(0xE8,
                                                  "830109"
                                                  "4301AA")),
            "9000");
  ASSERT_TRUE(IsOk(card_->Put("E503840101")));
  ASSERT_EQ(card_->Put("E903830102"), "9000");
  ASSERT_EQ(card_->Put(Element(0xE4, Element(0xC4, "8601067604" + ToHex(AsBytes("new!"))))), "9000");
  EXPECT_TRUE(ContentOf(card_->store()) == before) << "visible before the commit";
  GetParam().second(*card_);
  EXPECT_TRUE(ContentOf(card_->store()) == before);
  EXPECT_FALSE(card_->store().HasPrepared(StoreWriter::kManagement));
  EXPECT_EQ(card_->Put("E100"), "6985");
  card_->uicc().Reset();
  card_->SelectOnChannel1();
  ExpectSignatureOf(pair_.point);
}

INSTANTIATE_TEST_SUITE_P(
    Endings, UncommittedTest,
    ::testing::Values(
        std::pair<const char*, Ending>{"Abort", [](AdminCard& card) { EXPECT_EQ(card.Put("E200"), "9000"); }},
        std::pair<const char*, Ending>{"EndOfTheSecuredSession", [](AdminCard& card) { card.End(); }},
        std::pair<const char*, Ending>{"Reset",
                                       [](AdminCard& card) {
                                         card.uicc().Reset();
                                         card.End();
                                       }},
        std::pair<const char*, Ending>{"Error", [](AdminCard& card) { EXPECT_EQ(card.Put("E903830177"), "6A82"); }}),
    [](const auto& ending) { return std::string(ending.param.first); });

}  // namespace
}  // namespace simroot::card::testing
