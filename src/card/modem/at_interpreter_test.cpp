// SPDX-License-Identifier: Apache-2.0
#include "card/modem/at_interpreter.hpp"

#include <gmock/gmock.h>

#include "card/modem/testing/scripted_card.hpp"

namespace simroot::card {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ModemIdentity Identity() {
  ModemIdentity identity;
  identity.iccid = "89880000000000000013";
  identity.imsi = "001010123456789";
  return identity;
}

/// A modem without echo, in front of a card that answers GET CHALLENGE of four bytes.
class Modem {
 public:
  explicit Modem(ModemConfig config = {}) {
    config.echo = false;
    card.Answer("0084000004", "112233449000");
    modem.emplace(card, Identity(), std::move(config), nullptr);
  }
  std::string Send(std::string_view characters) {
    modem->Feed(AsBytes(characters));
    std::string output(modem->Output());
    modem->DropOutput(output.size());
    return output;
  }

  ScriptedCard card;
  std::optional<AtInterpreter> modem;
};

constexpr std::string_view kOk = "\r\nOK\r\n";
constexpr std::string_view kError = "\r\nERROR\r\n";
constexpr std::string_view kRandomAnswer = "\r\n+CSIM: 12,\"112233449000\"\r\n\r\nOK\r\n";

struct Case {
  std::string line;  ///< without its carriage return
  std::string answer;
};

std::string Line(std::string_view text) {
  return "\r\n" + std::string(text) + "\r\n\r\nOK\r\n";
}
std::string Cme(int number) {
  return "\r\n+CME ERROR: " + std::to_string(number) + "\r\n";
}

TEST(AtInterpreter, AnswersEveryCommandWithoutCard) {
  const std::vector<Case> cases{
      {"AT", "\r\nOK\r\n"},
      {"at", "\r\nOK\r\n"},
      {"At", "\r\nOK\r\n"},
      {"  A T", ""},  // no prefix, nothing to answer
      {" AT ", "\r\nOK\r\n"},
      {"", ""},
      {"noise", ""},
      {"noise AT", "\r\nOK\r\n"},
      {"ATE0", "\r\nOK\r\n"},
      {"ATE", "\r\nOK\r\n"},
      {"ATE2", "\r\nERROR\r\n"},
      {"ATV1", "\r\nOK\r\n"},
      {"ATQ0", "\r\nOK\r\n"},
      {"ATQ7", "\r\nERROR\r\n"},
      {"ATI", "\r\nsimroot\r\n\r\nVirtual modem\r\n\r\nRevision: 1\r\n\r\nOK\r\n"},
      {"ATI9", "\r\nERROR\r\n"},
      {"ATZ", "\r\nOK\r\n"},
      {"ATZ1", "\r\nERROR\r\n"},
      {"AT&F", "\r\nOK\r\n"},
      {"AT&F0", "\r\nOK\r\n"},
      {"AT&W", "\r\nERROR\r\n"},
      {"ATD123", "\r\nERROR\r\n"},
      {"ATS3?", Line("013")},
      {"ATS4?", Line("010")},
      {"ATS5?", Line("008")},
      {"ATS3=13", "\r\nOK\r\n"},
      {"ATS3=013", "\r\nOK\r\n"},
      {"ATS3=10", "\r\nERROR\r\n"},
      {"ATS3=", "\r\nERROR\r\n"},
      {"ATS3?=", "\r\nERROR\r\n"},
      {"ATS3", "\r\nERROR\r\n"},
      {"ATS99?", "\r\nERROR\r\n"},
      {"AT+CMEE?", Line("+CMEE: 0")},
      {"AT+CMEE=?", Line("+CMEE: (0-2)")},
      {"AT+CMEE=3", "\r\nERROR\r\n"},
      {"AT+CGMI", Line("simroot")},
      {"AT+CGMM", Line("Virtual modem")},
      {"AT+CGMR", Line("1")},
      {"AT+CGSN", Line("004999010640000")},
      {"AT+GMI", Line("simroot")},
      {"AT+GMM", Line("Virtual modem")},
      {"AT+GMR", Line("1")},
      {"AT+GSN", Line("004999010640000")},
      {"AT+CIMI", Line("001010123456789")},
      {"AT+CCID", Line("+CCID: 89880000000000000013")},
      {"AT+CCID?", Line("+CCID: 89880000000000000013")},
      {"AT+ICCID", Line("+ICCID: 89880000000000000013")},
      {"at+cpin?", Line("+CPIN: READY")},
      {"AT+CPIN=\"1234\"", "\r\nERROR\r\n"},
      {"AT+CSIM=?", "\r\nOK\r\n"},
      {"AT+CRSM=?", "\r\nOK\r\n"},
      {"AT+CCHO=?", "\r\nOK\r\n"},
      {"AT+CGLA=?", "\r\nOK\r\n"},
      {"AT+CCHC=?", "\r\nOK\r\n"},
      {"AT+CSIM?", "\r\nERROR\r\n"},
      {"AT+CSIM", "\r\nERROR\r\n"},
      {"AT+XYZ", "\r\nERROR\r\n"},
      {"AT+", "\r\nERROR\r\n"},
      {"ATE0V1", "\r\nOK\r\n"},
      {"ATE0V1+CPIN?", Line("+CPIN: READY")},
      {"AT+CPIN?;+CCID", "\r\n+CPIN: READY\r\n\r\n+CCID: 89880000000000000013\r\n\r\nOK\r\n"},
      {"AT+CPIN?;+XYZ;+CCID", "\r\n+CPIN: READY\r\n\r\nERROR\r\n"},
      {"AT + CPIN ? ; E0", Line("+CPIN: READY")},
  };
  for (const Case& one : cases) {
    Modem modem;
    EXPECT_EQ(modem.Send(one.line + "\r"), one.answer) << one.line;
    EXPECT_THAT(modem.card.log(), IsEmpty()) << one.line;
  }
}

TEST(AtInterpreter, AcceptsEveryWayClientsWriteCsim) {
  for (const char* const line : {
           "AT+CSIM=10,\"0084000004\"\r",
           "AT+CSIM= 10,\"0084000004\"\r\n",  // wolfSSL
           "AT+CSIM=10, \"0084000004\"\r\n",  // atsign
           "at+csim=10,\"0084000004\"\r",
           "AT+CSIM=10,0084000004\r",
           "AT+CSIM=010 , 0084000004 \r",
       }) {
    Modem modem;
    EXPECT_EQ(modem.Send(line), kRandomAnswer) << line;
    EXPECT_THAT(modem.card.log(), ElementsAre("0084000004")) << line;
  }
}

TEST(AtInterpreter, AcceptsLowerCaseHexInsideQuotes) {
  Modem modem;
  modem.card.Answer("81CBC30003830102", "6A82");
  EXPECT_EQ(modem.Send("AT+CSIM=16,\"81cbc30003830102\"\r"), "\r\n+CSIM: 4,\"6A82\"\r\n\r\nOK\r\n");
}

TEST(AtInterpreter, RefusesBadCsimArgumentsWithoutTouchingTheCard) {
  const std::vector<Case> cases{
      {"AT+CSIM=8,\"0084000004\"", Cme(50)},  // length does not match
      {"AT+CSIM=12,\"0084000004\"", Cme(50)},
      {"AT+CSIM=9,\"008400000\"", Cme(50)},  // odd number of digits
      {"AT+CSIM=10,\"008400000G\"", Cme(25)},
      {"AT+CSIM=10,\"0084 00004\"", Cme(25)},
      {"AT+CSIM=6,\"008400\"", Cme(50)},  // shorter than a header
      {"AT+CSIM=0,\"\"", Cme(50)},
      {"AT+CSIM=10", Cme(50)},
      {"AT+CSIM=", Cme(50)},
      {"AT+CSIM=\"10\",\"0084000004\"", Cme(50)},
      {"AT+CSIM=10,\"0084000004", Cme(50)},  // lone quote
      {"AT+CSIM=10,\"0084000004\",1", Cme(50)},
      {"AT+CSIM=x,\"0084000004\"", Cme(50)},
      {"AT+CSIM?", Cme(4)},
      {"AT+CPIN=\"1234\"", Cme(3)},
      {"AT+CMEE=3", Cme(50)},
      {"AT+CMEE=1,1", Cme(50)},
  };
  for (const Case& one : cases) {
    Modem modem;
    EXPECT_EQ(modem.Send("AT+CMEE=1\r"), kOk);
    EXPECT_EQ(modem.Send(one.line + "\r"), one.answer) << one.line;
    EXPECT_THAT(modem.card.log(), IsEmpty()) << one.line;
  }
}

TEST(AtInterpreter, TakesTheLongestApduAndRefusesOneByteMore) {
  Modem modem;
  const std::string longest(2 * wire::kMaxCommand, '0');
  const std::string size = std::to_string(longest.size());
  EXPECT_EQ(modem.Send("AT+CSIM=" + size + ",\"" + longest + "\"\r"), "\r\n+CSIM: 4,\"6D00\"\r\n\r\nOK\r\n");
  EXPECT_THAT(modem.card.log(), ElementsAre(longest));
  EXPECT_EQ(modem.Send("AT+CMEE=1\r"), kOk);
  EXPECT_EQ(modem.Send("AT+CSIM=" + std::to_string(longest.size() + 2) + ",\"00" + longest + "\"\r"), Cme(24));
  EXPECT_EQ(modem.card.log().size(), 1U);
}

TEST(AtInterpreter, DropsALineThatIsTooLongUpToItsEnd) {
  Modem modem;
  const std::string longest = "AT" + std::string(AtInterpreter::kMaxLine - 2, ' ');
  EXPECT_EQ(modem.Send(longest), "");
  EXPECT_EQ(modem.Send("\r"), kOk);
  EXPECT_EQ(modem.Send(longest + " AT+CPIN?"), "");
  EXPECT_EQ(modem.Send("\b\b\r\n"), kError);  // editing does not bring a dropped line back
  EXPECT_EQ(modem.Send("AT+CPIN?\r"), Line("+CPIN: READY"));
}

TEST(AtInterpreter, EndsALineWhoseAnswerIsTooLong) {
  ModemConfig config;
  config.automatic_get_response = true;
  Modem modem(config);
  modem.card.Answer("00CB0000", std::string(2 * wire::kMaxExtendedData, 'A') + "9000");
  std::string line = "AT+CSIM=8,\"00CB0000\"";
  for (int i = 0; i < 20; ++i) {
    line += ";+CSIM=8,\"00CB0000\"";
  }
  const std::string answer = modem.Send(line + "\r");
  EXPECT_TRUE(answer.ends_with(kError));
  EXPECT_EQ(modem.card.log().size(), 8U);  // 8 answers of 8196 digits reach 65536 characters
}

TEST(AtInterpreter, NamesErrorsAsCmeeAsks) {
  Modem modem;
  EXPECT_EQ(modem.Send("AT+CSIM=1\r"), kError);
  EXPECT_EQ(modem.Send("AT+CMEE=2\r"), kOk);
  EXPECT_EQ(modem.Send("AT+CMEE?\r"), Line("+CMEE: 2"));
  EXPECT_EQ(modem.Send("AT+CSIM=1\r"), "\r\n+CME ERROR: incorrect parameters\r\n");
  EXPECT_EQ(modem.Send("AT+XYZ\r"), kError);
  EXPECT_EQ(modem.Send("AT&F\r"), kOk);
  EXPECT_EQ(modem.Send("AT+CSIM=1\r"), kError);
}

TEST(AtInterpreter, EchoesUntilToldNotTo) {
  ScriptedCard card;
  AtInterpreter modem(card, Identity(), {});
  modem.Feed(AsBytes("AT\r\nATE0\r\nAT\r\n"));
  EXPECT_EQ(modem.Output(), "AT\r\r\nOK\r\nATE0\r\r\nOK\r\n\r\nOK\r\n");
}

TEST(AtInterpreter, RestoresSettingsButNotTheCard) {
  for (const char* const restore : {"ATZ\r", "AT&F\r"}) {
    ScriptedCard card;
    AtInterpreter modem(card, Identity(), {});
    modem.Feed(AsBytes("ATE0V0+CMEE=2\r"));
    modem.DropOutput(modem.Output().size());
    modem.Feed(AsBytes(restore));
    EXPECT_EQ(modem.Output(), kOk);
    modem.DropOutput(modem.Output().size());
    modem.Feed(AsBytes("AT\r"));
    EXPECT_EQ(modem.Output(), "AT\r\r\nOK\r\n");
    EXPECT_EQ(card.resets(), 0);
  }
}

TEST(AtInterpreter, AnswersInDigitsWithV0) {
  Modem modem;
  EXPECT_EQ(modem.Send("ATV0\r"), "0\r");
  EXPECT_EQ(modem.Send("AT+CPIN?\r"), "+CPIN: READY\r\n0\r");
  EXPECT_EQ(modem.Send("AT+XYZ\r"), "4\r");
  EXPECT_EQ(modem.Send("ATV1\r"), kOk);
}

TEST(AtInterpreter, KeepsResultCodesToItselfWithQ1) {
  Modem modem;
  EXPECT_EQ(modem.Send("ATQ1\r"), "");
  EXPECT_EQ(modem.Send("AT+CPIN?\r"), "\r\n+CPIN: READY\r\n");
  EXPECT_EQ(modem.Send("AT+CMEE=1;+CSIM=1\r"), "");
  EXPECT_EQ(modem.Send("ATQ0\r"), kOk);
}

TEST(AtInterpreter, RepeatsTheLastLine) {
  Modem modem;
  EXPECT_EQ(modem.Send("A/"), kError);  // nothing to repeat yet
  EXPECT_EQ(modem.Send("AT+CSIM=10,\"0084000004\"\r"), kRandomAnswer);
  EXPECT_EQ(modem.Send("A/"), kRandomAnswer);
  EXPECT_EQ(modem.Send("a/\r\n"), kRandomAnswer);
  EXPECT_EQ(modem.card.log().size(), 3U);
}

TEST(AtInterpreter, TakesBackCharacters) {
  Modem modem;
  EXPECT_EQ(modem.Send("\b\bATX\b\x7F\x7FT+CPIN?\b?\r"), "");  // AT, A, nothing, T+CPIN?: no prefix left
  EXPECT_EQ(modem.Send("ATX\b+CPIM\x7FN?\r"), Line("+CPIN: READY"));
}

TEST(AtInterpreter, ShowsTakenBackCharactersInItsEcho) {
  ScriptedCard card;
  AtInterpreter modem(card, Identity(), {});
  modem.Feed(AsBytes("\bAX\bT\r"));
  EXPECT_EQ(modem.Output(), "AX\b \bT\r\r\nOK\r\n");
}

TEST(AtInterpreter, GivesTheSameAnswersForLinesInPieces) {
  const std::string session =
      "ATE0\r\nAT+CSIM= 10,\"0084000004\"\r\nA/AT+CMEE=2\rAT+CSIM=1\r\nAT\b\b\bAT+CPIN?;+CCID\r"
      "AT+CCHO=\"A0000005590010\"\rATE1\rAT+CGLA=1,10,\"0084000004\"\r\n";
  Modem whole;
  Modem pieces;
  for (Modem* const modem : {&whole, &pieces}) {
    modem->card.Answer("0070000001", "019000").Answer("01A4040007A0000005590010", "9000");
    modem->card.Answer("0184000004", "556677889000");
  }
  std::string in_pieces;
  for (const char c : session) {
    in_pieces += pieces.Send({&c, 1});
  }
  EXPECT_EQ(in_pieces, whole.Send(session));
  EXPECT_NE(in_pieces.find("+CGLA: 12,\"556677889000\""), std::string::npos);
  EXPECT_EQ(pieces.modem->Counters(), whole.modem->Counters());
}

TEST(AtInterpreter, ForgetsADroppedLine) {
  Modem modem;
  EXPECT_EQ(modem.Send("AT+CPI"), "");
  modem.modem->DropLine();
  EXPECT_EQ(modem.Send("AT\r"), kOk);
}

TEST(AtInterpreter, FailsCommandsThatNeedTheCardWithoutOne) {
  ModemConfig config;
  config.sim_present = false;
  config.open_channel_1_at_start = true;
  Modem modem(config);
  EXPECT_EQ(modem.Send("AT+CMEE=1\r"), kOk);
  for (const char* const line :
       {"AT+CPIN?", "AT+CCID", "AT+ICCID", "AT+CIMI", "AT+CSIM=10,\"0084000004\"", "AT+CCHO=\"A000000559\"",
        "AT+CGLA=1,10,\"0084000004\"", "AT+CCHC=1", "AT+CRSM=176,12258,0,0,10"}) {
    EXPECT_EQ(modem.Send(std::string(line) + "\r"), Cme(10)) << line;
  }
  EXPECT_EQ(modem.Send("AT+CGMI;+CSIM=?\r"), Line("simroot"));
  EXPECT_THAT(modem.card.log(), IsEmpty());
}

TEST(AtInterpreter, FailsIdentitiesItWasNotGiven) {
  ScriptedCard card;
  AtInterpreter modem(card, {}, {});
  modem.Feed(AsBytes("ATE0+CMEE=1\r"));
  modem.DropOutput(modem.Output().size());
  modem.Feed(AsBytes("AT+CCID\rAT+CIMI\r"));
  EXPECT_EQ(modem.Output(), Cme(13) + Cme(13));
}

TEST(AtInterpreter, SlipsUnsolicitedLinesIn) {
  const std::string report = "\r\n+CREG: 1\r\n";
  const std::string data = "\r\n+CSIM: 12,\"112233449000\"\r\n";
  const std::vector<std::pair<UnsolicitedPlace, std::string>> cases{
      {UnsolicitedPlace::kBeforeAnswer, report + data + "\r\nOK\r\n"},
      {UnsolicitedPlace::kInsideAnswer, data + report + "\r\nOK\r\n"},
      {UnsolicitedPlace::kAfterAnswer, data + "\r\nOK\r\n" + report},
  };
  for (const auto& [place, answer] : cases) {
    ModemConfig config;
    config.unsolicited_place = place;
    Modem modem(config);
    EXPECT_EQ(modem.Send("AT+CSIM=10,\"0084000004\"\r"), answer);
  }
}

TEST(AtInterpreter, OpensChannel1AtStartAndAfterAReset) {
  ModemConfig config;
  config.open_channel_1_at_start = true;
  Modem modem(config);
  EXPECT_THAT(modem.card.log(), ElementsAre("0070000001"));
  modem.modem->ResetCard();
  EXPECT_THAT(modem.card.log(), ElementsAre("0070000001", "reset", "0070000001"));
}

class RecordingObserver final : public ModemObserver {
 public:
  void OnExchange(ByteView command, ByteView response) override {
    seen.push_back(ToHex(command) + ">" + ToHex(response));
  }
  std::vector<std::string> seen;
};

TEST(AtInterpreter, CountsAndReportsWhatPasses) {
  ScriptedCard card;
  card.Answer("0070000001", "019000").Answer("01A4040005A000000559", "9000");
  RecordingObserver observer;
  AtInterpreter modem(card, Identity(), {}, &observer);
  modem.Feed(AsBytes("AT\r\nnoise\r\nAT+CCHO=\"A000000559\"\r\n"));
  const ModemCounters expected{
      .command_lines = 2, .apdus = 2, .characters_in = 33, .characters_out = modem.Output().size()};
  EXPECT_EQ(modem.Counters(), expected);
  EXPECT_THAT(observer.seen, ElementsAre("0070000001>019000", "01A4040005A000000559>9000"));
  modem.ResetCounters();
  EXPECT_EQ(modem.Counters(), ModemCounters{});
  modem.Feed(AsBytes("AT\r"));
  const ModemCounters one_line{.command_lines = 1, .apdus = 0, .characters_in = 3, .characters_out = 9};
  EXPECT_EQ(modem.Counters(), one_line);
}

}  // namespace
}  // namespace simroot::card
