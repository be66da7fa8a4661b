// SPDX-License-Identifier: Apache-2.0
#include "platform/ota/applet_driver.hpp"

#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"
#include "common/wire/tlv.hpp"
#include "platform/ota/request_subject.hpp"

namespace simroot::platform {
namespace {

using iotsafe::FileUsage;
using iotsafe::ObjectClass;

std::string Blocks(const Outcome<CardCommands>& commands) {
  if (!commands) {
    return commands.error().message;
  }
  std::string text;
  for (const CardCommand& command : *commands) {
    text += (text.empty() ? "" : " ") + ToHex(command.data);
  }
  return text;
}

CardAnswer Piece(std::size_t offset, std::string_view data) {
  return {Purpose::kRequest, offset, Hex(data)};
}

TEST(PieceOffsets, CoverEveryLengthAndNeverBeginBehindTheEnd) {
  constexpr std::size_t kPiece = 50;
  for (std::size_t least = 1; least < 300; least += 7) {
    for (std::size_t most = least; most < least + 90; most += 3) {
      const auto offsets = PieceOffsets(least, most, kPiece);
      std::size_t covered = 0;
      for (const std::size_t offset : offsets) {
        EXPECT_LE(offset, least);
        EXPECT_LE(offset, covered);
        covered = offset + kPiece;
      }
      EXPECT_TRUE(covered >= most || offsets.back() == least) << least << " " << most;
    }
  }
}

TEST(InstallForPersonalisation, AsGlobalPlatformHasIt) {
  const CardCommand command = InstallForPersonalisation(Hex("A0000005590010"));
  EXPECT_EQ(command.ins, 0xE6);
  EXPECT_EQ(command.p1, 0x20);
  EXPECT_EQ(ToHex(command.data), "000007A0000005590010000000");
}

TEST(EncodeName, LeavesEmptyPartsOut) {
  EXPECT_EQ(ToHex(EncodeName({.common_name = "d0", .serial_number = {}, .organization = {}})),
            "300D310B300906035504030C026430");
  EXPECT_EQ(ToHex(EncodeName({.common_name = "a", .serial_number = "8", .organization = "b"})),
            "3024310A3008060355040A0C0162310A300806035504051301"
            "38310A300806035504030C0161");
}

// The blocks of docs/formats/personalisation.md.
TEST(SimrootDriver, BlocksOfTheDocument) {
  const AppletDriver& driver = SimrootDriver();
  EXPECT_EQ(Blocks(driver.Begin()), "E003400101");
  EXPECT_EQ(Blocks(driver.Commit()), "E100");
  EXPECT_EQ(Blocks(driver.FillKeyPair(0x01)), "E503840101");
  EXPECT_EQ(Blocks(driver.List({6})), "EC0442020006");
  EXPECT_EQ(Blocks(driver.Delete({ObjectClass::kFile, 0x03})), "E903830103");
  EXPECT_EQ(Blocks(driver.SetLabel({ObjectClass::kPrivateKey, 0x01}, "sig")),
            "E40AC10884010174"
            "03736967");
  EXPECT_EQ(Blocks(driver.SetUsable({ObjectClass::kPrivateKey, 0x01}, false)), "E408C106840101610100");
  EXPECT_EQ(Blocks(driver.SetUsable({ObjectClass::kSecretKey, 0x06}, true)), "E408C406860106610108");
  EXPECT_EQ(Blocks(driver.Pack(*driver.WriteFile(0x03, Hex("000102")))), "E81083010342020000440200034303000102");
}

/// The content that WRITE FILE commands of packed blocks give a card: pieces in order, without a gap.
Bytes Written(const CardCommands& blocks, const std::string& reference) {
  Bytes content;
  std::size_t total = 0;
  for (const CardCommand& block : blocks) {
    EXPECT_LE(block.data.size(), 239U);
    EXPECT_TRUE(block.content.empty());
    ByteReader reader(block.data);
    wire::Tlv command;
    while (wire::ReadBerTlv(reader, command)) {
      if (command.tag != 0xE8 || !ToHex(command.value).starts_with(reference)) {
        continue;
      }
      ByteReader elements(command.value);
      wire::Tlv element;
      while (wire::ReadBerTlv(elements, element)) {
        if (element.tag == 0x42) {
          EXPECT_EQ(element.value[0] * 256U + element.value[1], content.size());
        } else if (element.tag == 0x44) {
          EXPECT_TRUE(content.empty());
          total = element.value[0] * 256U + element.value[1];
        } else if (element.tag == 0x43) {
          EXPECT_FALSE(element.value.empty());
          content.insert(content.end(), element.value.begin(), element.value.end());
        }
      }
    }
    EXPECT_TRUE(reader.empty());
  }
  EXPECT_EQ(content.size(), total);
  return content;
}

TEST(SimrootDriver, AFileFillsTheBlockBefore) {
  for (std::size_t before = 0; before <= 40; ++before) {
    for (std::size_t size = 1; size < 1200; size += before % 2 == 0 ? 7 : 11) {
      CardCommands commands;
      for (std::size_t i = 0; i < before; ++i) {
        Append(commands, *SimrootDriver().Delete({ObjectClass::kFile, 0x09}));  // five bytes each
      }
      const Bytes content = Counting(size);
      Append(commands, *SimrootDriver().WriteFile(0x02, content));
      Append(commands, *SimrootDriver().WriteFile(0x03, Bytes(300, 0xAB)));
      Append(commands, SimrootDriver().Commit());
      const CardCommands blocks = SimrootDriver().Pack(commands);
      EXPECT_EQ(Written(blocks, "830102"), content);
      EXPECT_EQ(Written(blocks, "830103"), Bytes(300, 0xAB));
      // Heads and the least piece that is cut: what a block before the last may have left.
      for (std::size_t i = 0; i + 1 < blocks.size(); ++i) {
        EXPECT_GT(blocks.at(i).data.size() + 17 + 16, 239U) << before << " " << size;
      }
    }
  }
}

TEST(SimrootDriver, AnEmptyFileIsNotWritten) {
  EXPECT_FALSE(SimrootDriver().WriteFile(0x02, {}).has_value());
  EXPECT_FALSE(SimrootDriver().WriteFile(0x02, Bytes(0x10000)).has_value());
}

TEST(SimrootDriver, APreSharedKeyIsNeverInTheClear) {
  const KeyCipher cipher = [](ByteView clear) -> Outcome<Bytes> {
    EXPECT_EQ(clear.size(), 20U);
    return Bytes(32, 0xEE);
  };
  const auto load = SimrootDriver().LoadSecret(0x06, Bytes(20, 0x55), Hex("ABCDEF"), cipher);
  EXPECT_EQ(Blocks(load), "E72E860106440200144720" + ToHex(Bytes(32, 0xEE)) + "4503ABCDEF");
  EXPECT_FALSE(SimrootDriver().LoadSecret(0x06, Bytes(300), Hex("ABCDEF"), cipher).has_value());
}

TEST(SimrootDriver, PacksCommandsWhoseAnswersNobodyReads) {
  CardCommands commands = SimrootDriver().Begin();
  Append(commands, *SimrootDriver().Delete({ObjectClass::kFile, 0x03}));
  Append(commands, *SimrootDriver().List({0}));
  Append(commands, SimrootDriver().Commit());
  Append(commands, SimrootDriver().Begin());
  EXPECT_EQ(Blocks(SimrootDriver().Pack(commands)), "E003400101E903830103 EC0442020000 E100E003400101");
}

TEST(SimrootDriver, NoPackedBlockIsLongerThanACommand) {
  CardCommands commands;
  for (int i = 0; i < 40; ++i) {
    Append(commands, *SimrootDriver().SetLabel({ObjectClass::kFile, 0x02}, std::string(20, 'x')));
  }
  for (const CardCommand& command : SimrootDriver().Pack(commands)) {
    EXPECT_LE(command.data.size(), 239U);
  }
}

TEST(SimrootDriver, RequestsAreAskedForInPiecesThatTheyHave) {
  const Bytes subject =
      EncodeName({.common_name = "d0", .serial_number = "89882019000000000019", .organization = "acme"});
  const auto commands = SimrootDriver().MakeRequest(0x01, "p256", subject);
  ASSERT_TRUE(commands.has_value());
  EXPECT_EQ(commands->size(), 2U);
  EXPECT_EQ(commands->front().offset, 0U);
  const Bytes card = EncodeName({.common_name = {}, .serial_number = "89882019000000000019", .organization = {}});
  EXPECT_EQ(SimrootDriver().MakeRequest(0x01, "p256", card)->size(), 1U);
  EXPECT_EQ(SimrootDriver().MakeRequest(0x01, "brainpoolP256r1", card)->size(), 1U);
  EXPECT_FALSE(SimrootDriver().MakeRequest(0x01, "p521", subject).has_value());
  EXPECT_FALSE(SimrootDriver().MakeRequest(0x01, "p256", Bytes(240)).has_value());
}

TEST(RequestSize, CountsHeadsByTheirContent) {
  const auto most = [](const char* type, std::size_t subject) { return RequestSize(type, subject)->most; };
  EXPECT_EQ(most("p256", 33), 222U);
  EXPECT_EQ(RequestSize("p256", 33)->least, 132U + 12 + 2 + 1 + 8 + 3);
  EXPECT_EQ(most("p256", 13), 201U) << "the inner sequence has 109 bytes: a head of two";
  EXPECT_EQ(most("rsa2048", 33), 3 + 5 + 33 + 294 + 1U + 15 + 4 + 1 + 256 + 4);
  EXPECT_FALSE(RequestSize("p521", 33).has_value());
}

TEST(SimrootDriver, PiecesAreJoinedAndNonsenseIsNot) {
  const AppletDriver& driver = SimrootDriver();
  EXPECT_EQ(*driver.JoinPieces({Piece(0, "ED09440200054303000102"), Piece(3, "ED084402000543020304")}),
            Hex("0001020304"));
  EXPECT_EQ(*driver.JoinPieces({Piece(0, "ED09440200054303000102"), Piece(2, "ED09440200054303020304")}),
            Hex("0001020304"))
      << "overlapping";
  for (const CardAnswers& wrong : {CardAnswers{}, CardAnswers{Piece(0, "ED09440200054303000102")},
                                   CardAnswers{Piece(0, "ED09440200054303000102"), Piece(4, "ED0744020005430104")},
                                   CardAnswers{Piece(0, "ED09440200054303000102"), Piece(3, "ED084402000643020304")},
                                   CardAnswers{Piece(0, "ED094402000543030001")}, CardAnswers{Piece(0, "")},
                                   CardAnswers{Piece(0, "ED09440200024303000102")}}) {
    EXPECT_FALSE(driver.JoinPieces(wrong).has_value());
  }
}

TEST(SimrootDriver, TheListIsCompleteWhenItsEndWasSeen) {
  const AppletDriver& driver = SimrootDriver();
  const std::string entry = "E30BC309830103600101210101";
  const auto list = [&](std::size_t offset, int entries) {
    std::string text;
    for (int i = 0; i < entries; ++i) {
      text += entry;
    }
    return CardAnswer{Purpose::kList, offset, Hex("EC" + ToHex(Bytes{LowByte(text.size() / 2)}) + text)};
  };
  const auto whole = driver.ReadList({list(0, 3), list(3, 0)});
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(whole->objects.size(), 3U);
  EXPECT_TRUE(whole->missing.empty());
  EXPECT_EQ(driver.ReadList({list(0, 3)})->missing, (std::vector<std::size_t>{})) << "one more would have fitted";
  EXPECT_EQ(driver.ReadList({list(0, 9)})->missing, (std::vector<std::size_t>{9}));
  EXPECT_EQ(driver.ReadList({list(0, 9), list(12, 0)})->missing, (std::vector<std::size_t>{9}));
  EXPECT_EQ(driver.ReadList({list(0, 9), list(9, 1)})->missing, (std::vector<std::size_t>{}));
  EXPECT_EQ(driver.ReadList({list(0, 9), list(8, 2)})->objects.size(), 10U);
  EXPECT_TRUE(driver.ReadList({list(0, 0), list(4, 0)})->objects.empty());
  EXPECT_FALSE(driver.ReadList({{Purpose::kList, 0, Hex("ED00")}}).has_value());
  EXPECT_FALSE(driver.ReadList({{Purpose::kList, 0, Hex("EC03E305C3")}}).has_value());
}

// Blocks as published for NTT's applet.
TEST(NttDriver, PublishedBlocks) {
  const AppletDriver& driver = NttDriver();
  EXPECT_EQ(Blocks(driver.CreateFile(0x00, "provisioning_secret", FileUsage::kGeneral, 10)),
            "741C7313" + ToHex(AsBytes("provisioning_secret")) + "8301002002000A");
  EXPECT_EQ(Blocks(driver.Delete({ObjectClass::kFile, 0x00})), "7603830100");
  const auto write = driver.WriteFile(0x00, AsBytes("0123456789"));
  ASSERT_TRUE(write.has_value());
  EXPECT_EQ(ToHex(write->back().data), "770A30313233343536373839");
  EXPECT_EQ(write->back().p1, 0x80);
}

TEST(NttDriver, LongCommandsSpanBlocksThatAreCounted) {
  const auto write = NttDriver().WriteFile(0x01, Bytes(546));
  ASSERT_TRUE(write.has_value());
  ASSERT_EQ(write->size(), 4U);  // SELECT, and three blocks of UPDATE FILE
  EXPECT_EQ(ToHex(ByteView(write->at(1).data).first(4)), "77820222");
  EXPECT_EQ(write->at(1).p1, 0x00);
  EXPECT_EQ(write->at(2).p2, 0x01);
  EXPECT_EQ(write->at(3).p1, 0x80);
  EXPECT_EQ(write->at(3).p2, 0x02);
}

TEST(NttDriver, SaysWhatItCannotDo) {
  const AppletDriver& driver = NttDriver();
  const KeyCipher cipher = [](ByteView) -> Outcome<Bytes> { return Bytes(); };
  for (const auto& refused :
       {driver.List({0}), driver.MakeKeyPair({}), driver.LoadSecret(6, {}, {}, cipher), driver.CreateSecret(6, ""),
        driver.SetLabel({}, ""), driver.SetUsable({}, true), driver.Attest(1, "p256", {}, {})}) {
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, FailureKind::kInvalid);
    EXPECT_EQ(refused.error().message.find("the applet of NTT has no known command to"), 0U);
  }
  EXPECT_TRUE(driver.Begin().empty());
  EXPECT_TRUE(driver.Commit().empty());
}

TEST(ChooseDriver, ByTheProfileAlone) {
  EXPECT_EQ(ChooseDriver("blank").Name(), "simroot");
  EXPECT_EQ(ChooseDriver("type2").Name(), "simroot");
  EXPECT_EQ(ChooseDriver("").Name(), "simroot");
  EXPECT_EQ(ChooseDriver("ntt").Name(), "ntt");
}

TEST(CardContent, HintsAreTakenAsFarAsTheyAreUnderstood) {
  const Bytes block = Hex("C309830103600101210101");
  EXPECT_EQ(CardContent::FromHints({}).objects().size(), 0U);
  EXPECT_EQ(CardContent::FromHints({block, block}).objects().size(), 2U);
  EXPECT_EQ(CardContent::FromHints({block, Hex("FFFFFFFF")}).objects().size(), 1U);
  const Bytes first(block.begin(), block.begin() + 5);
  const Bytes second(block.begin() + 5, block.end());
  const CardContent split = CardContent::FromHints({first, second});
  ASSERT_EQ(split.objects().size(), 1U);
  EXPECT_NE(split.Find(ObjectClass::kFile, 0x03), nullptr);
  EXPECT_EQ(split.Find(ObjectClass::kFile, 0x04), nullptr);
  EXPECT_EQ(split.Find(ObjectClass::kPrivateKey, 0x03), nullptr);
}

}  // namespace
}  // namespace simroot::platform
