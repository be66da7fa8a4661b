// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "card/modem/at_interpreter.hpp"
#include "card/modem/testing/scripted_card.hpp"

namespace simroot::card {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A modem without echo that names errors by number.
class SimAccess : public testing::Test {
 protected:
  void Start(ModemConfig config = {}) {
    modem_.emplace(card_, ModemIdentity{}, std::move(config));
    static_cast<void>(Send("ATE0+CMEE=1"));
  }
  std::string Send(std::string_view line) {
    modem_->Feed(AsBytes(std::string(line) + "\r"));
    std::string output(modem_->Output());
    modem_->DropOutput(output.size());
    return output;
  }
  void OpenSession() {
    card_.Answer("0070000001", "019000").Answer("01A4040007A0000005590010", "9000");
    ASSERT_EQ(Send("AT+CCHO=\"A0000005590010\""), Line("+CCHO: 1"));
    card_.ClearLog();
  }
  static std::string Line(std::string_view text) { return "\r\n" + std::string(text) + "\r\n\r\nOK\r\n"; }
  static std::string Cme(int number) { return "\r\n+CME ERROR: " + std::to_string(number) + "\r\n"; }

  ScriptedCard card_;
  std::optional<AtInterpreter> modem_;
};

constexpr std::string_view kReadKey = "AT+CSIM=16,\"81CD000003850101\"";

TEST_F(SimAccess, LeavesGetResponseToTheApplicationByDefault) {
  Start();
  card_.Answer("81CD000003850101", "6104")
      .Answer("01C0000004",
              "34024986"
              "9000");
  EXPECT_EQ(Send(kReadKey), Line("+CSIM: 4,\"6104\""));
  EXPECT_EQ(Send("AT+CSIM=10,\"01C0000004\""), Line("+CSIM: 12,\"340249869000\""));
}

TEST_F(SimAccess, FetchesTheWholeAnswerWhenAsked) {
  ModemConfig config;
  config.automatic_get_response = true;
  Start(config);
  card_.Answer("81CD000003850101", "6104").Answer("01C0000004", "34026102").Answer("01C0000002", "49869000");
  EXPECT_EQ(Send(kReadKey), Line("+CSIM: 12,\"340249869000\""));
  EXPECT_THAT(card_.log(), ElementsAre("81CD000003850101", "01C0000004", "01C0000002"));
}

TEST_F(SimAccess, FetchesOnTheChannelAndClassOfTheCommand) {
  ModemConfig config;
  config.automatic_get_response = true;
  Start(config);
  card_.Answer("8384000004", "6104").Answer("03C0000004", "112233449000");
  card_.Answer("A0A40000023F00", "6102").Answer("A0C0000002", "55669000");
  EXPECT_EQ(Send("AT+CSIM=10,\"8384000004\""), Line("+CSIM: 12,\"112233449000\""));
  EXPECT_EQ(Send("AT+CSIM=14,\"A0A40000023F00\""), Line("+CSIM: 8,\"55669000\""));
}

TEST_F(SimAccess, StopsFetchingFromACardThatNeverEnds) {
  ModemConfig config;
  config.automatic_get_response = true;
  Start(config);
  card_.Answer("81CD000003850101", "6101").Answer("01C0000001", "AA6101");
  std::string collected;
  for (int i = 0; i < SimSlot::kMaxGetResponses; ++i) {
    collected += "AA";
  }
  EXPECT_EQ(Send(kReadKey), Line("+CSIM: 68,\"" + collected + "6101\""));
  EXPECT_EQ(card_.log().size(), 1U + SimSlot::kMaxGetResponses);
}

TEST_F(SimAccess, NeverGivesAPartForTheWhole) {
  ModemConfig config;
  config.automatic_get_response = true;
  Start(config);
  card_.Answer("81CD000003850101", "6100");
  const std::string half(wire::kMaxExtendedData, 'A');  // 2048 bytes
  card_.Answer("01C0000000", half + "6100").Answer("01C0000000", half + "6101");
  card_.Answer("01C0000001", "AA9000");
  EXPECT_EQ(Send(kReadKey), Line("+CSIM: 4,\"6F00\""));
}

TEST_F(SimAccess, PassesErrorsOfTheCardOnAsAnswers) {
  Start();
  for (const char* const sw : {"6881", "6A82", "6C10", "6D01", "6F00"}) {
    ScriptedCard card;
    card.Answer("81CD000003850101", sw);
    AtInterpreter modem(card, {}, {});
    modem.Feed(AsBytes("ATE0\r"));
    modem.DropOutput(modem.Output().size());
    modem.Feed(AsBytes(std::string(kReadKey) + "\r"));
    EXPECT_EQ(modem.Output(), Line("+CSIM: 4,\"" + std::string(sw) + "\""));
  }
}

TEST_F(SimAccess, AnswersWithoutQuotesLikeSequans) {
  ModemConfig config;
  config.unquoted_answers = true;
  Start(config);
  OpenSession();
  card_.Answer("0184000002", "AABB9000");
  EXPECT_EQ(Send("AT+CGLA=1,10,\"0084000002\""), Line("+CGLA: 8,AABB9000"));
  EXPECT_EQ(Send("AT+CSIM=10,\"0184000002\""), Line("+CSIM: 8,AABB9000"));
}

TEST_F(SimAccess, OpensAndClosesSessions) {
  Start();
  card_.Answer("0070000001", "029000").Answer("02A4040005A000000559", "6120").Answer("00708002", "9000");
  EXPECT_EQ(Send("AT+CCHO=A000000559"), Line("+CCHO: 2"));
  EXPECT_EQ(Send("AT+CCHC=2"), "\r\nOK\r\n");
  EXPECT_THAT(card_.log(), ElementsAre("0070000001", "02A4040005A000000559", "00708002"));
  EXPECT_EQ(Send("AT+CCHC=2"), Cme(21));
  EXPECT_EQ(Send("AT+CGLA=2,10,\"0084000002\""), Cme(21));
  EXPECT_EQ(card_.log().size(), 3U);
}

TEST_F(SimAccess, KeepsTwoSessionsApart) {
  Start();
  OpenSession();
  card_.Answer("0070000001", "029000").Answer("02A4040005A000000559", "9000");
  EXPECT_EQ(Send("AT+CCHO=\"A000000559\""), Cme(13));  // channel 1 again, and no SELECT answer on it
  EXPECT_EQ(Send("AT+CCHO=\"A000000559\""), Line("+CCHO: 2"));
}

TEST_F(SimAccess, ReportsWhyASessionCannotBeOpened) {
  Start();
  card_.Answer("0070000001", "6A81");
  EXPECT_EQ(Send("AT+CCHO=\"A0000005590099\""), Cme(20));
  EXPECT_THAT(card_.log(), ElementsAre("0070000001"));

  for (const char* const channel : {"9000", "009000", "049000", "6E00"}) {
    ScriptedCard card;
    card.Answer("0070000001", channel);
    SimSlot slot(card);
    EXPECT_EQ(slot.OpenSession(FromHex("A000000559").value()).error(), CmeError::kSimFailure) << channel;
  }
}

TEST_F(SimAccess, ClosesTheChannelOfAnApplicationThatIsNotThere) {
  Start();
  card_.Answer("0070000001", "039000").Answer("03A4040007A0000005590099", "6A82").Answer("00708003", "9000");
  EXPECT_EQ(Send("AT+CCHO=\"A0000005590099\""), Cme(22));
  EXPECT_THAT(card_.log(), ElementsAre("0070000001", "03A4040007A0000005590099", "00708003"));
  EXPECT_EQ(Send("AT+CGLA=3,10,\"0084000002\""), Cme(21));
}

TEST_F(SimAccess, RefusesBadSessionArgumentsWithoutTouchingTheCard) {
  Start();
  OpenSession();
  const std::vector<std::pair<std::string, int>> cases{
      {"AT+CCHO=", 50},
      {"AT+CCHO=\"\"", 50},
      {"AT+CCHO=\"A00\"", 50},
      {"AT+CCHO=\"A00000055G\"", 25},
      {"AT+CCHO=\"A0000000000000000000000000000000AA\"", 24},
      {"AT+CCHO=\"A000000559\",1", 50},
      {"AT+CCHO=\"A000000559", 50},
      {"AT+CCHO?", 4},
      {"AT+CCHC=", 50},
      {"AT+CCHC=\"1\"", 50},
      {"AT+CCHC=1,1", 50},
      {"AT+CCHC=0", 21},
      {"AT+CCHC=4", 21},
      {"AT+CCHC=257", 21},
      {"AT+CGLA=0,10,\"0084000002\"", 21},
      {"AT+CGLA=257,10,\"0084000002\"", 21},
      {"AT+CGLA=\"1\",10,\"0084000002\"", 50},
      {"AT+CGLA=,10,\"0084000002\"", 50},
      {"AT+CGLA=1,8,\"0084000002\"", 50},
      {"AT+CGLA=1,10", 50},
      {"AT+CGLA=1,10,\"0084000002\",0", 50},
      {"AT+CGLA=1,10,\"4084000002\"", 50},  // a class of channels 4 to 19 would leave the session
      {"AT+CGLA=1,10,\"C084000002\"", 50},
  };
  for (const auto& [line, error] : cases) {
    EXPECT_EQ(Send(line), Cme(error)) << line;
  }
  EXPECT_THAT(card_.log(), IsEmpty());
}

TEST_F(SimAccess, SetsTheChannelOfTheSessionInTheClass) {
  Start();
  OpenSession();
  for (const char* const cla : {"00", "01", "02", "03"}) {
    static_cast<void>(Send("AT+CGLA=1,10,\"" + std::string(cla) + "84000002\""));
  }
  for (const char* const cla : {"80", "83", "84", "10"}) {
    static_cast<void>(Send("AT+CGLA=1,10,\"" + std::string(cla) + "84000002\""));
  }
  EXPECT_THAT(card_.log(), ElementsAre("0184000002", "0184000002", "0184000002", "0184000002", "8184000002",
                                       "8184000002", "8584000002", "1184000002"));
}

TEST_F(SimAccess, FetchesWithinASessionWhenAsked) {
  ModemConfig config;
  config.automatic_get_response = true;
  Start(config);
  OpenSession();
  card_.Answer("81CD000003850101", "6102").Answer("01C0000002", "34009000");
  EXPECT_EQ(Send("AT+CGLA=1,16,\"80CD000003850101\""), Line("+CGLA: 8,\"34009000\""));
}

TEST_F(SimAccess, EndsSessionsWithTheCard) {
  Start();
  OpenSession();
  modem_->ResetCard();
  EXPECT_EQ(card_.resets(), 1);
  EXPECT_EQ(Send("AT+CGLA=1,10,\"0084000002\""), Cme(21));
}

TEST_F(SimAccess, ForgetsASessionWhoseChannelTheCardWillNotClose) {
  Start();
  OpenSession();
  card_.Answer("00708001", "6881");
  EXPECT_EQ(Send("AT+CCHC=1"), Cme(13));
  EXPECT_EQ(Send("AT+CCHC=1"), Cme(21));
}

}  // namespace
}  // namespace simroot::card
