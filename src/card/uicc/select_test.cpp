// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "card/uicc/uicc_test_support.hpp"

namespace simroot::card::testing {
namespace {

/// File control parameters as a device reads them: tag to value. Written for this test: one-byte tags, short lengths.
using Fcp = std::map<unsigned, std::string>;

Fcp ReadFcp(const std::string& answer) {
  const Bytes bytes = Hex(answer);
  Fcp fcp;
  EXPECT_GE(bytes.size(), 4U) << answer;
  EXPECT_EQ(bytes.at(0), 0x62) << answer;
  EXPECT_EQ(bytes.at(1), bytes.size() - 4) << answer;
  EXPECT_EQ(answer.substr(answer.size() - 4), "9000");
  std::size_t at = 2;
  while (at < bytes.size() - 2) {
    const unsigned tag = bytes.at(at);
    const std::size_t length = bytes.at(at + 1);
    EXPECT_LT(length, 0x80U);
    EXPECT_LE(at + 2 + length, bytes.size() - 2);
    EXPECT_TRUE(fcp.emplace(tag, answer.substr(2 * (at + 2), 2 * length)).second) << "twice: " << tag;
    at += 2 + length;
  }
  return fcp;
}

class SelectTest : public ::testing::Test {
 protected:
  std::string Send(std::string_view apdu) { return card.Send(apdu); }
  /// A SELECT that is announced with 61LL, and its answer.
  std::string Fetch(std::string_view apdu) {
    const std::string announced = Send(apdu);
    EXPECT_EQ(announced.substr(0, 2), "61") << apdu << " " << announced;
    const std::string answer = Send("00C00000" + announced.substr(2, 2));
    EXPECT_EQ(std::stoul(announced.substr(2, 2), nullptr, 16), answer.size() / 2 - 2);
    return answer;
  }
  void SelectUsim() { ASSERT_EQ(Send("00A4040C10A0000000871002FFFFFFFF8900000100"), "9000"); }

  TestCard card;
};

TEST_F(SelectTest, DescribesTheMf) {
  const Fcp fcp = ReadFcp(Fetch("00A40004023F00"));
  EXPECT_EQ(fcp.at(0x82), "7821");
  EXPECT_EQ(fcp.at(0x83), "3F00");
  EXPECT_EQ(fcp.at(0xA5), "800171");
  EXPECT_EQ(fcp.at(0x8A), "05");
  EXPECT_EQ(fcp.at(0x8C), "00");
  EXPECT_EQ(fcp.at(0xC6), "900100830101");
  EXPECT_FALSE(fcp.contains(0x84));
  EXPECT_FALSE(fcp.contains(0x80));
}

TEST_F(SelectTest, DescribesTransparentFiles) {
  const Fcp fcp = ReadFcp(Fetch("00A40004022FE2"));
  EXPECT_EQ(fcp, (Fcp{{0x82, "4121"}, {0x83, "2FE2"}, {0x8A, "05"}, {0x8C, "0100"}, {0x80, "000A"}, {0x88, "10"}}));
  SelectUsim();
  EXPECT_EQ(ReadFcp(Fetch("00A40004026F07")).at(0x88), "38");
  EXPECT_EQ(ReadFcp(Fetch("00A40004026FAD")).at(0x80), "0004");
  EXPECT_EQ(ReadFcp(Fetch("00A40004026F46")).at(0x88), "");
  EXPECT_EQ(ReadFcp(Fetch("00A40004026F46")).at(0x80), "0011");
}

TEST_F(SelectTest, DescribesEfDir) {
  const Fcp fcp = ReadFcp(Fetch("00A40004022F00"));
  EXPECT_EQ(fcp.at(0x82), "4221002003");
  EXPECT_EQ(fcp.at(0x80), "0060");
  EXPECT_EQ(fcp.at(0x88), "F0");
}

TEST_F(SelectTest, DescribesTheUsim) {
  const Fcp fcp = ReadFcp(Fetch("00A4040410A0000000871002FFFFFFFF8900000100"));
  EXPECT_EQ(fcp.at(0x82), "7821");
  EXPECT_EQ(fcp.at(0x84), "A0000000871002FFFFFFFF8900000100");
  EXPECT_EQ(fcp.at(0x8A), "05");
  EXPECT_TRUE(fcp.contains(0xC6));
}

TEST_F(SelectTest, WhatComesBackDependsOnP2) {
  EXPECT_EQ(Send("00A4000C023F00"), "9000");
  EXPECT_EQ(Fetch("00A40000023F00"), Fetch("00A40004023F00"));
  EXPECT_EQ(Fetch("00A4040007A0000000871002"), Fetch("00A4040407A0000000871002"));
  EXPECT_EQ(Send("00A4040C07A0000000871002"), "9000");
  EXPECT_EQ(Send("00A4040007A0000005590010"), "9000");
  EXPECT_EQ(Send("00A4040C07A0000005590010"), "9000");
  EXPECT_EQ(ReadFcp(Fetch("00A4040407A0000005590010")).at(0x84), kGsmaAid);
  for (const std::string_view p2 : {"08", "10", "40", "80", "44", "FF"}) {
    EXPECT_EQ(Send("00A404" + std::string(p2) + "07A0000005590010"), "6A86") << p2;
  }
}

TEST_F(SelectTest, FindsApplicationsByTheBeginningOfTheirAid) {
  EXPECT_EQ(Send("00A4040005A000000559"), "9000");
  EXPECT_EQ(Send("00A4040006A00000055900"), "9000");
  EXPECT_EQ(card.iot.log, (std::vector<std::string>{"select 0", "select 0"}));
  EXPECT_EQ(Send("00A4040008A000000559001099"), "9000");
  EXPECT_EQ(card.iot.log.back(), "deselect 0");
  EXPECT_EQ(card.other.log, std::vector<std::string>{"select 0"});
  EXPECT_EQ(Send("00A4040005A000000087"), Send("00A4040007A0000000871002"));
  EXPECT_EQ(Send("00A4040004A0000005"), "6A82");
  EXPECT_EQ(Send("00A4040000"), "6A82");
  EXPECT_EQ(Send("00A40400"), "6A82");
  EXPECT_EQ(Send("00A4040011A0000000871002FFFFFFFF890000010000"), "6700");
  EXPECT_EQ(Send("00A4040010A0000000871002FFFFFFFF8900000101"), "6A82");
}

TEST_F(SelectTest, WalksThroughTheOccurrencesOfAnAid) {
  EXPECT_EQ(Send("00A4040005A000000559"), "9000");
  EXPECT_EQ(Send("00A4040205A000000559"), "9000");
  EXPECT_EQ(card.other.log, std::vector<std::string>{"select 0"});
  EXPECT_EQ(Send("00A4040205A000000559"), "6A82");
  EXPECT_EQ(Send("8084000001"), "009000");  // still the last one found
  EXPECT_EQ(card.other.processed, 1U);
  EXPECT_EQ(Send("00A4040305A000000559"), "9000");
  EXPECT_EQ(Send("00A4040305A000000559"), "6A82");
  EXPECT_EQ(card.iot.log, (std::vector<std::string>{"select 0", "deselect 0", "select 0"}));
  EXPECT_EQ(Send("00A4040105A000000559"), "9000");
  EXPECT_EQ(card.other.log, (std::vector<std::string>{"select 0", "deselect 0", "select 0"}));
  SelectUsim();
  EXPECT_EQ(Send("00A4040205A000000559"), "6A82");
  EXPECT_EQ(Send("00A4040305A000000559"), "9000");
  EXPECT_EQ(card.other.log.back(), "select 0");
}

TEST_F(SelectTest, AnApplicationThatRefusesLeavesTheSelection) {
  ASSERT_EQ(Send("00A4040008A000000559001099"), "9000");
  card.iot.select_answer = wire::StatusWord::kConditionsNotSatisfied;
  EXPECT_EQ(Send("00A4040007A0000005590010"), "6985");
  EXPECT_EQ(Send("8084000001"), "009000");
  EXPECT_EQ(card.other.processed, 1U);
  EXPECT_EQ(card.other.log, std::vector<std::string>{"select 0"});
  card.iot.select_answer = static_cast<wire::StatusWord>(0x6283);  // a warning selects
  EXPECT_EQ(Send("00A4040007A0000005590010"), "6283");
  EXPECT_EQ(card.other.log.back(), "deselect 0");
}

TEST_F(SelectTest, FilesByIdentifier) {
  EXPECT_EQ(Send("00A4000C022FE2"), "9000");
  EXPECT_EQ(Send("00A4000C026F07"), "6A82");
  EXPECT_EQ(Send("00A4000C027FFF"), "6A82");  // no application is active yet
  EXPECT_EQ(Send("00A4000C021234"), "6A82");
  EXPECT_EQ(Send("00B000000A"), "988801000000000000109000");  // EF.ICCID is still current
  EXPECT_EQ(Send("00A4000C0100"), "6700");
  EXPECT_EQ(Send("00A4000C033F002F"), "6700");
  EXPECT_EQ(Send("00A4010C023F00"), "6A86");
  EXPECT_EQ(Send("00A4000D023F00"), "6A86");
  EXPECT_EQ(Send("00A4000C"), "9000");
  EXPECT_EQ(Send("00B000000A"), "6986");  // without data the MF was selected
  SelectUsim();
  EXPECT_EQ(Send("00A4000C022FE2"), "6A82");
  EXPECT_EQ(Send("00A4000C026F07"), "9000");
  EXPECT_EQ(Send("00A4000C023F00"), "9000");
  EXPECT_EQ(Send("00A4000C027FFF"), "9000");
  EXPECT_EQ(Send("00A4000C026FAD"), "9000");
}

TEST_F(SelectTest, FilesByPath) {
  EXPECT_EQ(Send("00A4080C022FE2"), "9000");
  EXPECT_EQ(Send("00A4080C047FFF6F07"), "6A82");
  SelectUsim();
  EXPECT_EQ(Send("00A4080C047FFF6F07"), "9000");
  EXPECT_EQ(Send("00B0000009"), "0809101010325476989000");
  EXPECT_EQ(Send("00A4090C026FAD"), "9000");
  EXPECT_EQ(Send("00A4090C022FE2"), "6A82");
  EXPECT_EQ(Send("00A4080C022F00"), "9000");
  EXPECT_EQ(Send("00A4090C022FE2"), "9000");
  EXPECT_EQ(Send("00A4080C046F077FFF"), "6A82");
  EXPECT_EQ(Send("00A4080C042FE26F07"), "6A82");
  EXPECT_EQ(Send("00A4080C047FFF7FFF"), "6A82");
  EXPECT_EQ(Send("00A4080C042FE27FFF"), "6A82");
  EXPECT_EQ(Send("00A4080C"), "6700");
  EXPECT_EQ(Send("00A4080C032FE27F"), "6700");
}

TEST_F(SelectTest, SelectingAFileLeavesTheApplication) {
  ASSERT_EQ(Send("00A4040007A0000005590010"), "9000");
  EXPECT_EQ(Send("00A4000C021234"), "6A82");
  EXPECT_EQ(Send("8084000001"), "009000");
  EXPECT_EQ(Send("00A4000C022FE2"), "9000");
  EXPECT_EQ(card.iot.log, (std::vector<std::string>{"select 0", "deselect 0"}));
  EXPECT_EQ(Send("8084000001"), "6D00");
  EXPECT_EQ(Send("00B000000A"), "988801000000000000109000");
}

TEST_F(SelectTest, SelectingAnApplicationEndsTheUsim) {
  SelectUsim();
  ASSERT_EQ(Send("00A4040007A0000005590010"), "9000");
  EXPECT_EQ(Send("00A4000C027FFF"), "6A82");
  ASSERT_EQ(Send("00A4000C023F00"), "9000");
  EXPECT_EQ(Send("00A4000C027FFF"), "6A82");
  EXPECT_EQ(Send("80F2000100"), "6985");
}

TEST_F(SelectTest, CommandsOfTheFileSystemReachASelectedApplication) {
  ASSERT_EQ(Send("00A4040007A0000005590010"), "9000");
  EXPECT_EQ(Send("00B000000A"), Pattern(10) + "9000");
  EXPECT_EQ(Send("80F2000C00"), "6D00");
  EXPECT_EQ(Send("00B2010400"), "6D00");
  EXPECT_EQ(Send("80A4040007A0000005590010"), "6D00");
  EXPECT_EQ(card.iot.processed, 4U);
}

TEST_F(SelectTest, TheProprietaryClassIsNotForEveryCommand) {
  EXPECT_EQ(Send("80A40000023F00"), "6E00");
  EXPECT_EQ(Send("80B0000000"), "6E00");
  EXPECT_EQ(Send("00F2000C"), "9000");
}

TEST_F(SelectTest, StatusDescribesTheCurrentDirectory) {
  EXPECT_EQ(Send("80F2000000"), Fetch("00A40004023F00"));
  EXPECT_EQ(Send("80F2000100"), "6985");
  SelectUsim();
  ASSERT_EQ(Send("00A4000C026F07"), "9000");
  EXPECT_EQ(ReadFcp(Send("80F2000000")).at(0x84), "A0000000871002FFFFFFFF8900000100");
  EXPECT_EQ(Send("80F2010100"), "8410A0000000871002FFFFFFFF89000001009000");
  EXPECT_EQ(Send("80F2020C"), "9000");
  EXPECT_EQ(Send("00B0000009"), "0809101010325476989000");  // the current EF stays
  EXPECT_EQ(Send("80F2030000"), "6A86");
  EXPECT_EQ(Send("80F2000400"), "6A86");
  EXPECT_EQ(Send("80F200000100"), "6700");
}

TEST_F(SelectTest, AShortLeOfStatusLeavesTheRest) {
  const std::string whole = Send("80F2000000");
  const std::string start = Send("80F2000002");
  EXPECT_EQ(start.substr(0, 4), whole.substr(0, 4));
  EXPECT_EQ(start.substr(4, 2), "61");
  EXPECT_EQ(Send("00C0000000"), whole.substr(4));
}

}  // namespace
}  // namespace simroot::card::testing
