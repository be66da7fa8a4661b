// SPDX-License-Identifier: Apache-2.0
// Objects and files by the management session (T164 to T171).
#include "card/applet/administration_test_support.hpp"

namespace simroot::card::testing {
namespace {

using ::testing::HasSubstr;

// 15.14

TEST_F(AdministrationTest, T164AFileIsWrittenInBlocks) {
  const Bytes content = Counting(600);
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put(CreateFile("09")), "9000");
  for (std::size_t offset = 0; offset < content.size(); offset += 200) {
    const std::string piece = Element(0x43, ToHex(ByteView(content).subspan(offset, 200)));
    ASSERT_EQ(card_->Put(Element(0xE8, "830109" + Element(0x42, Word(offset)) +
                                           (offset == 0 ? Element(0x44, Word(600)) : "") + piece)),
              "9000");
    EXPECT_EQ(card_->Send("81CBC30003830109"), "6A82") << "not visible";
  }
  EXPECT_EQ(card_->Fetch(0xEB, "830109"), content);
  ASSERT_TRUE(IsOk(card_->Commit()));
  EXPECT_THAT(card_->SendAll("81CBC30003830109"), HasSubstr("4A0101"));
  EXPECT_EQ(card_->SendAll("81B0000003830109"), ToHex(ByteView(content).first(255)) + "9000");
  EXPECT_EQ(card_->SendAll("81B001FE03830109"), ToHex(ByteView(content).subspan(510)) + "9000");
}

TEST_F(AdministrationTest, T165BlocksOutOfOrderAreRefusedAndTheOldContentStays) {
  const Content before = ContentOf(card_->store());
  const std::string first = Element(0xE8,
                                    "830102"
                                    "42020000"
                                    "44020008"
                                    "4304"
                                    "AAAAAAAA");
  const std::vector<std::pair<std::string, const char*>> seconds{
      {Element(0xE8,
               "830102"
               "42020003"
               "4304"
               "BBBBBBBB"),
       "6985"},  // overlaps
      {Element(0xE8,
               "830102"
               "42020005"
               "4303"
               "BBBBBB"),
       "6985"},  // leaves a gap
      {Element(0xE8,
               "830102"
               "42020004"
               "4305"
               "BBBBBBBBBB"),
       "6A80"},  // too long
      {Element(0xE8,
               "830102"
               "42020004"
               "4300"),
       "6A80"},  // nothing
      {Element(0xE8,
               "830102"
               "42020004"
               "44020008"
               "4304"
               "BBBBBBBB"),
       "6A80"},  // announced again
      {Element(0xE8,
               "830109"
               "42020004"
               "4304"
               "BBBBBBBB"),
       "6985"},  // another file
      {Element(0xE8,
               "830102"
               "4304"
               "BBBBBBBB"),
       "6985"},                // begins anew
      {"E100", "6985"},        // incomplete
      {"EB03830102", "6985"},  // something else
  };
  for (const auto& [second, answer] : seconds) {
    SCOPED_TRACE(second);
    ASSERT_TRUE(IsOk(card_->Begin()));
    ASSERT_EQ(card_->Put(CreateFile("09") + first), "9000");
    EXPECT_EQ(card_->Put(second), answer);
    ExpectNothingHappened(before);
  }
  ASSERT_TRUE(IsOk(card_->Begin()));
  EXPECT_EQ(card_->Put(Element(0xE8,
                               "830102"
                               "42020004"
                               "4304"
                               "BBBBBBBB")),
            "6985");
  ExpectNothingHappened(before);
}

TEST_F(AdministrationTest, T166AKeyIsMadeOnTheCard) {
  for (const char* type : {"13", "23", "33", "03"}) {
    SCOPED_TRACE(type);
    ASSERT_TRUE(IsOk(card_->Begin()));
    ASSERT_EQ(card_->Put(CreatePair("09", type)), "9000");
    const std::string answer = card_->Put("E503840109");
    ASSERT_TRUE(IsOk(answer));
    const Bytes in_session = card_->Fetch(0xEB, "850109");
    const bool rsa = std::string_view(type) == "03";
    EXPECT_THAT(answer, HasSubstr("840109850109" + (rsa ? "9000" : ToHex(in_session) + "9000")));
    ASSERT_TRUE(IsOk(card_->Commit()));
    EXPECT_EQ(card_->SendAll("81CD000003850109"), ToHex(in_session) + "9000");
    EXPECT_EQ(Find(card_->store(), ObjectClass::kPrivateKey, Bytes{0x09})->origin, iotsafe::KeyOrigin::kMadeOnCard);
    ASSERT_TRUE(IsOk(card_->Begin()));
    ASSERT_EQ(card_->Put("E903840109"
                         "E903850109"),
              "9000");
    ASSERT_TRUE(IsOk(card_->Commit()));
  }
}

TEST_F(AdministrationTest, T168NamesAreUniqueInsideOneClass) {
  ASSERT_TRUE(IsOk(card_->Begin()));
  const std::string label = "6E616D65";
  ASSERT_EQ(card_->Put(Element(0xE3, PrivateKey("09", "13", "07", label)) + Element(0xE3, PublicKeyTemplate("09")) +
                       CreateFile("09") + CreateSecret("09")),
            "9000");
  EXPECT_EQ(card_->Put(Element(0xE3, PrivateKey("09", "13", "07", "6F74686572"))), "6A80");
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put(Element(0xE3, PrivateKey("09", "13", "07", label))), "9000");
  EXPECT_EQ(card_->Put(Element(0xE3, PrivateKey("0A", "13", "07", label))), "6A80");
}

TEST_F(AdministrationTest, T169ADeletedObjectIsGone) {
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put("E903840101"
                       "E903850101"
                       "E903830102"
                       "E903860106"),
            "9000");
  ASSERT_TRUE(IsOk(card_->Commit()));
  EXPECT_EQ(card_->Send(kSignInit), "6A80");
  EXPECT_EQ(card_->Send("81CD000003850101"), "6A80");
  EXPECT_EQ(File(), "6A82");
  EXPECT_EQ(card_->Send("81CBC40003860106"), "6A80");
  EXPECT_FALSE(Contains(image_, ByteView(pair_.scalar).first(16)));
}

TEST_F(AdministrationTest, DeletedContentLeavesTheContainer) {
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put("EA03840101"
                       "EA03850101"
                       "EA03830102"
                       "EA03860106"),
            "9000");
  ASSERT_TRUE(IsOk(card_->Commit()));
  for (const char* info : {"81CBC10003840101", "81CBC20003850101", "81CBC30003830102", "81CBC40003860106"}) {
    EXPECT_THAT(card_->SendAll(info), HasSubstr("4A0100"));
  }
  EXPECT_EQ(card_->Send(kSignInit), "6985");
  EXPECT_FALSE(Contains(image_, ByteView(pair_.scalar).first(16)));
  EXPECT_TRUE(IsOk(card_->SendAll("81B9000003840101")));
}

TEST_F(AdministrationTest, T170PersonalisationIsNoCommandOfTheApplet) {
  EXPECT_EQ(card_->Send("81E2800005E003400101"), "6D00");
}

TEST_F(AdministrationTest, InfoIsChangedInPart) {
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put(Element(0xE4, Element(0xC1,
                                             "840101"
                                             "7403"
                                             "6E6577")) +
                       Element(0xE4, Element(0xC1,
                                             "840101"
                                             "600100")) +
                       Element(0xE4, Element(0xC3, "8301027300") + "460101")),
            "9000");
  ASSERT_TRUE(IsOk(card_->Commit()));
  EXPECT_EQ(card_->SendAll("81CBC10003840101"),
            "C1217403"
            "6E6577"
            "840101"
            "600100"
            "4A0101"
            "4B0113"
            "4E0101"
            "610107"
            "920104"
            "91020001"
            "6F0101"
            "9000");
  EXPECT_EQ(card_->SendAll("81CBC30003830102"),
            "C310"
            "830102"
            "600103"
            "4A0101"
            "210101"
            "2002012C"
            "9000");
  ExpectSignatureOf(pair_.point);
}

TEST_F(AdministrationTest, ListShowsTheOldStateUntilCommit) {
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put(CreateFile("09")), "9000");
  std::string listed;
  for (std::size_t index = 0; index < 6; ++index) {
    const std::string answer = card_->Put(Element(0xEC, Element(0x42, Word(index))), 90);
    ASSERT_TRUE(IsOk(answer)) << answer;
    listed += answer;
  }
  EXPECT_EQ(card_->Put(Element(0xEC, "42020006")), "EC009000");
  EXPECT_THAT(listed, HasSubstr("850101480100"));  // pair and origin of private key 01
  EXPECT_THAT(listed, HasSubstr("860106"));
  EXPECT_EQ(listed.find("830109"), std::string::npos);
  EXPECT_EQ(card_->Put("EC00", 20), "6A84");
}

/// Power fails at every write of a session with all kinds of changes: the card holds the old or the new state.
TEST_F(AdministrationTest, T171PowerLossLeavesTheOldOrTheNewState) {
  const Bytes base = image_;
  const Content before = ContentOf(card_->store());
  const Pair loaded = NewPair(card_->crypto());
  const Bytes psk(16, 0xC2);
  const auto run = [&](AdminCard& card) {
    const std::vector<std::string> blocks{
        "E003400101" + CreateFile("09") + Element(0xE8, "830109" + Element(0x43, ToHex(Bytes(150, 0xB9)))),
        Element(0xE8,
                "830102"
                "44020190" +
                    Element(0x43, ToHex(Bytes(200, 0xB2)))),
        Element(0xE8,
                "830102"
                "420200C8" +
                    Element(0x43, ToHex(Bytes(200, 0xB2)))),
        Element(0xE6, "840101" + card.Enciphered(loaded.scalar)),
        Element(0xE7, "860106" + card.Enciphered(psk) + card.CheckValue(psk, false)),
        Element(0xE4, Element(0xC3, "8301027300")) + "E903850104",
        "E100"};
    return std::ranges::all_of(blocks, [&](const std::string& block) { return IsOk(card.Put(block)); });
  };
  unsigned cut = 0;
  for (bool finished = false; !finished; ++cut) {
    SCOPED_TRACE("cut in write " + std::to_string(cut));
    Bytes image = base;
    bool done = false;
    {
      AdminCard card(image, {}, cut);
      done = run(card);
      finished = card.nvm().has_power();
    }
    ASSERT_LT(cut, 1000U);
    const Content found = Reload<LargeRamStore>(image);
    if (found == before) {
      EXPECT_FALSE(done);
      EXPECT_FALSE(Contains(image, ByteView(loaded.scalar).first(16)));
      continue;
    }
    ASSERT_EQ(found.values.size(), before.values.size());  // one object more, one less
    EXPECT_TRUE(Contains(image, loaded.scalar));
    EXPECT_FALSE(Contains(image, ByteView(pair_.scalar).first(16)));
    EXPECT_EQ(found.values.back(), Bytes(150, 0xB9));
    AdminCard card(image);
    EXPECT_EQ(ToBytes(card.store().Value(*Find(card.store(), ObjectClass::kPublicKey, Bytes{0x01}))), loaded.point);
    EXPECT_EQ(ToBytes(card.store().Value(*Find(card.store(), ObjectClass::kFile, Bytes{0x02}))), Bytes(400, 0xB2));
    EXPECT_EQ(ToBytes(card.store().Value(*Find(card.store(), ObjectClass::kSecretKey, Bytes{0x06}))), psk);
  }
  EXPECT_GT(cut, 3U);
}

}  // namespace
}  // namespace simroot::card::testing
