// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "card/modem/at_interpreter.hpp"
#include "card/modem/testing/scripted_card.hpp"

namespace simroot::card {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class SimFiles : public testing::Test {
 protected:
  SimFiles() {
    card_.Answer("0070000001", "019000").Answer("00708001", "9000");
    Restart({});
  }
  void Restart(ModemConfig config) {
    modem_.emplace(card_, ModemIdentity{}, std::move(config));
    static_cast<void>(Send("ATE0+CMEE=1"));
  }
  std::string Send(std::string_view line) {
    modem_->Feed(AsBytes(std::string(line) + "\r"));
    std::string output(modem_->Output());
    modem_->DropOutput(output.size());
    return output;
  }
  static std::string Line(std::string_view text) { return "\r\n" + std::string(text) + "\r\n\r\nOK\r\n"; }
  static std::string Cme(int number) { return "\r\n+CME ERROR: " + std::to_string(number) + "\r\n"; }

  ScriptedCard card_;
  std::optional<AtInterpreter> modem_;
};

TEST_F(SimFiles, ReadsIccidOnAChannelOfItsOwn) {
  card_.Answer("01A4000C022FE2", "9000").Answer("01B000000A", "988800000000000000319000");
  EXPECT_EQ(Send("AT+CRSM=176,12258,0,0,10"), Line("+CRSM: 144,0,\"98880000000000000031\""));
  EXPECT_THAT(card_.log(), ElementsAre("0070000001", "01A4000C022FE2", "01B000000A", "00708001"));
}

TEST_F(SimFiles, SelectsFromTheMasterFileWithAPath) {
  card_.Answer("01A4080C047F106F3A", "9000").Answer("01B201041C", "AABB9000");
  EXPECT_EQ(Send("AT+CRSM=178,28474,1,4,28,,\"3F007F10\""), Line("+CRSM: 144,0,\"AABB\""));
  EXPECT_EQ(Send("AT+CRSM=178,28474,1,4,28,\"\",7f10"), Line("+CRSM: 144,0,\"AABB\""));
}

TEST_F(SimFiles, SelectsTheUsimFirstForItsFiles) {
  card_.Answer("01A4040C07A0000000871002", "9000").Answer("01A4000C026F07", "9000").Answer("01B0000009", "08099000");
  EXPECT_EQ(Send("AT+CRSM=176,28423,0,0,9"), Line("+CRSM: 144,0,\"0809\""));
  EXPECT_EQ(Send("AT+CRSM=176,28423,0,0,9,,\"3F007FFF\""), Line("+CRSM: 144,0,\"0809\""));
  card_.ClearLog();
  card_.Answer("01A4090C045F3A4F09", "9000").Answer("01B0000100", "6B00");
  EXPECT_EQ(Send("AT+CRSM=176,20233,0,1,0,,\"7FFF5F3A\""), Line("+CRSM: 107,0"));
  EXPECT_THAT(card_.log(),
              ElementsAre("0070000001", "01A4040C07A0000000871002", "01A4090C045F3A4F09", "01B0000100", "00708001"));
}

TEST_F(SimFiles, GivesTheCardsRefusalAsAnAnswer) {
  card_.Answer("01A4000C022F99", "6A82");
  EXPECT_EQ(Send("AT+CRSM=176,12185,0,0,10"), Line("+CRSM: 106,130"));
  card_.Answer("01A4040C07A0000000871002", "6A82");
  EXPECT_EQ(Send("AT+CRSM=176,28423,0,0,9"), Line("+CRSM: 106,130"));
}

TEST_F(SimFiles, GivesFileParametersWithGetResponse) {
  card_.Answer("01A40004022FE2", "6110").Answer("01C0000010", "62029000").Answer("01C000000F", "62046101");
  EXPECT_EQ(Send("AT+CRSM=192,12258"), Line("+CRSM: 144,0,\"6202\""));
  EXPECT_EQ(Send("AT+CRSM=192,12258,0,0,15"), Line("+CRSM: 144,0,\"6204\""));
  card_.Answer("01A40004022F00", "620382019000");
  EXPECT_EQ(Send("AT+CRSM=192,12032,0,0,0"), Line("+CRSM: 144,0,\"62038201\""));
}

TEST_F(SimFiles, AsksTheBasicChannelForItsStatus) {
  card_
      .Answer("80F2000000",
              "620180"
              "9000")
      .Answer("80F2000C10", "9000");
  EXPECT_EQ(Send("AT+CRSM=242"), Line("+CRSM: 144,0,\"620180\""));
  EXPECT_EQ(Send("AT+CRSM=242,,0,12,16"), Line("+CRSM: 144,0"));
  EXPECT_THAT(card_.log(), ElementsAre("80F2000000", "80F2000C10"));
}

TEST_F(SimFiles, FollowsMoreDataWhateverTheConfiguration) {
  card_.Answer("01A4000C022FE2", "9000").Answer("01B000000A", "610A").Answer("01C000000A", "98889000");
  EXPECT_EQ(Send("AT+CRSM=176,12258,0,0,10"), Line("+CRSM: 144,0,\"9888\""));
}

TEST_F(SimFiles, AnswersWithoutQuotesLikeSequans) {
  ModemConfig config;
  config.unquoted_answers = true;
  Restart(config);
  card_.Answer("01A4000C022FE2", "9000").Answer("01B000000A", "98889000");
  EXPECT_EQ(Send("AT+CRSM=176,12258,0,0,10"), Line("+CRSM: 144,0,9888"));
}

TEST_F(SimFiles, NeedsAFreeChannel) {
  ScriptedCard card;
  card.Answer("0070000001", "6A81");
  AtInterpreter modem(card, {}, {});
  modem.Feed(AsBytes("ATE0+CMEE=1\r"));
  modem.DropOutput(modem.Output().size());
  modem.Feed(AsBytes("AT+CRSM=176,12258,0,0,10\r"));
  EXPECT_EQ(modem.Output(), Cme(14));
}

TEST_F(SimFiles, RefusesBadArgumentsWithoutTouchingTheCard) {
  const std::vector<std::pair<std::string, int>> cases{
      {"AT+CRSM=", 50},
      {"AT+CRSM=\"176\",12258,0,0,10", 50},
      {"AT+CRSM=256,12258,0,0,10", 50},
      {"AT+CRSM=214,12258,0,0,1,\"00\"", 4},  // writing
      {"AT+CRSM=175,12258,0,0,10", 4},
      {"AT+CRSM=176", 50},
      {"AT+CRSM=176,12258", 50},
      {"AT+CRSM=176,,0,0,10", 50},
      {"AT+CRSM=192", 50},
      {"AT+CRSM=176,65536,0,0,10", 50},
      {"AT+CRSM=176,12258,256,0,10", 50},
      {"AT+CRSM=176,12258,0,256,10", 50},
      {"AT+CRSM=176,12258,0,0,256", 50},
      {"AT+CRSM=176,12258,0,0", 50},
      {"AT+CRSM=176,2FE2,0,0,10", 50},
      {"AT+CRSM=176,12258,0,0,10,\"00\"", 50},  // data for a command that reads
      {"AT+CRSM=176,12258,0,0,10,,\"3F0\"", 50},
      {"AT+CRSM=176,12258,0,0,10,,\"3F\"", 50},
      {"AT+CRSM=176,12258,0,0,10,,\"3G00\"", 25},
      {"AT+CRSM=176,12258,0,0,10,,\"3F007F107F107F107F10\"", 24},
      {"AT+CRSM=176,12258,0,0,10,,\"3F00\",1", 50},
      {"AT+CRSM=176,12258,0,0,10,\",\"3F00\"", 50},
  };
  for (const auto& [line, error] : cases) {
    EXPECT_EQ(Send(line), Cme(error)) << line;
  }
  EXPECT_THAT(card_.log(), IsEmpty());
}

}  // namespace
}  // namespace simroot::card
