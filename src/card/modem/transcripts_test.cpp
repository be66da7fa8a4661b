// SPDX-License-Identifier: Apache-2.0
/// What the known clients send, character by character, and what they must receive. Seen on the wire of wolfSSL's
/// IoT SAFE port, NTT's AT+CGLA example, Orange's AT library, atsign's client and the Thales middleware.
#include <gmock/gmock.h>

#include "card/modem/at_interpreter.hpp"
#include "card/modem/testing/scripted_card.hpp"

namespace simroot::card {
namespace {

/// One line of a client, what the card is asked and answers (empty: nothing), and what the client receives.
struct Turn {
  std::string_view sent;
  std::string_view apdu;
  std::string_view card;
  std::string_view received;
};

struct Transcript {
  std::string_view client;
  bool channel_1_open;
  std::vector<Turn> turns;
};

const std::vector<Transcript>& Transcripts() {
  static const std::vector<Transcript> transcripts{
      {"wolfSSL",
       true,
       {{"ATE0\r\n", "", "", "ATE0\r\r\nOK\r\n"},
        {"AT+CSIM=24,\"01A4040007A0000005590010\"\r\n", "01A4040007A0000005590010", "9000",
         "\r\n+CSIM: 4,\"9000\"\r\n\r\nOK\r\n"},
        {"AT\r\n", "", "", "\r\nOK\r\n"},
        {"AT+CSIM= 10,\"8184000004\"\r\n", "8184000004", "A1B2C3D49000",
         "\r\n+CSIM: 12,\"A1B2C3D49000\"\r\n\r\nOK\r\n"},
        {"AT+CSIM= 16,\"81CBC30003830102\"\r\n", "81CBC30003830102", "610A", "\r\n+CSIM: 4,\"610A\"\r\n\r\nOK\r\n"},
        {"AT+CSIM= 10,\"01C000000A\"\r\n", "01C000000A", "C308200201C0210201029000",
         "\r\n+CSIM: 24,\"C308200201C0210201029000\"\r\n\r\nOK\r\n"},
        {"AT+CSIM= 10,\"8124010200\"\r\n", "8124010200", "9000", "\r\n+CSIM: 4,\"9000\"\r\n\r\nOK\r\n"},
        {"AT+CSIM= 36,\"812A00010D840102A1010391020001920104\"\r\n", "812A00010D840102A1010391020001920104", "9000",
         "\r\n+CSIM: 4,\"9000\"\r\n\r\nOK\r\n"},
        {"AT+CSIM= 10,\"812A010100\"\r\n", "812A010100", "6985", "\r\n+CSIM: 4,\"6985\"\r\n\r\nOK\r\n"}}},
      {"NTT",
       false,
       {{"AT+CCHO=\"A0000001157000000000000049534102\"\r", "01A4040010A0000001157000000000000049534102", "9000",
         "AT+CCHO=\"A0000001157000000000000049534102\"\r\r\n+CCHO: 1\r\n\r\nOK\r\n"},
        {"ATE0\r", "", "", "ATE0\r\r\nOK\r\n"},
        {"AT+CGLA=1,36,\"002A00010D840101A1010391020001920104\"\r", "012A00010D840101A1010391020001920104", "9000",
         "\r\n+CGLA: 4,\"9000\"\r\n\r\nOK\r\n"},
        {"AT+CGLA=1,20,\"002B8001059B03ABCDEF\"\r", "012B8001059B03ABCDEF", "6142",
         "\r\n+CGLA: 4,\"6142\"\r\n\r\nOK\r\n"},
        {"AT+CGLA=1,10,\"00C0000000\"\r", "01C0000000", "334001029000", "\r\n+CGLA: 12,\"334001029000\"\r\n\r\nOK\r\n"},
        {"AT+CCHC=1\r", "00708001", "9000", "\r\nOK\r\n"}}},
      {"Orange",
       false,
       {{"AT+CSIM=10,\"0070000001\"\r\n", "0070000001", "019000",
         "AT+CSIM=10,\"0070000001\"\r\r\n+CSIM: 6,\"019000\"\r\n\r\nOK\r\n"},
        {"ATE0\r\n", "", "", "ATE0\r\r\nOK\r\n"},
        {"AT+CSIM=26,\"01A4040007A000000559001000\"\r\n", "01A4040007A000000559001000", "9000",
         "\r\n+CSIM: 4,\"9000\"\r\n\r\nOK\r\n"},
        {"AT+CSIM=8,\"012A0101\"\r\n", "012A0101", "9000", "\r\n+CSIM: 4,\"9000\"\r\n\r\nOK\r\n"},
        {"AT+CSIM=24,\"012B8001059B03ABCDEF0000\"\r\n", "012B8001059B03ABCDEF0000", "6142",
         "\r\n+CSIM: 4,\"6142\"\r\n\r\nOK\r\n"},
        {"AT+CSIM=20,\"01B00000038301020032\"\r\n", "01B00000038301020032", "6132",
         "\r\n+CSIM: 4,\"6132\"\r\n\r\nOK\r\n"},
        {"AT+CSIM=8,\"00708001\"\r\n", "00708001", "9000", "\r\n+CSIM: 4,\"9000\"\r\n\r\nOK\r\n"}}},
      {"atsign",
       false,
       {{"ATE0\r\n", "", "", "ATE0\r\r\nOK\r\n"},
        {"AT+CSIM=10, \"0070000000\"\r\n", "0070000000", "019000", "\r\n+CSIM: 6,\"019000\"\r\n\r\nOK\r\n"},
        {"AT+CSIM=10, \"8184000008\"\r\n", "8184000008", "01020304050607089000",
         "\r\n+CSIM: 20,\"01020304050607089000\"\r\n\r\nOK\r\n"},
        {"AT+CSIM=10, \"81C0000051\"\r\n", "81C0000051", "84039000", "\r\n+CSIM: 8,\"84039000\"\r\n\r\nOK\r\n"}}},
      {"Thales",
       false,
       {{"AT+CSIM=10,\"0070000001\"\r\n", "0070000001", "019000",
         "AT+CSIM=10,\"0070000001\"\r\r\n+CSIM: 6,\"019000\"\r\n\r\nOK\r\n"},
        {"AT+CSIM=40,\"01A404000FA00000003053F12401770101495341\"\r\n", "01A404000FA00000003053F12401770101495341",
         "9000", "AT+CSIM=40,\"01A404000FA00000003053F12401770101495341\"\r\r\n+CSIM: 4,\"9000\"\r\n\r\nOK\r\n"},
        {"AT+CSIM=18,\"01CBC3000383010200\"\r\n", "01CBC3000383010200", "C3039000",
         "AT+CSIM=18,\"01CBC3000383010200\"\r\r\n+CSIM: 8,\"C3039000\"\r\n\r\nOK\r\n"},
        {"AT+CSIM=10,\"0170800100\"\r\n", "0170800100", "9000",
         "AT+CSIM=10,\"0170800100\"\r\r\n+CSIM: 4,\"9000\"\r\n\r\nOK\r\n"}}},
  };
  return transcripts;
}

TEST(Transcripts, EveryKnownClientGetsItsAnswers) {
  for (const Transcript& transcript : Transcripts()) {
    ScriptedCard card;
    card.Answer("0070000001", "019000");
    for (const Turn& turn : transcript.turns) {
      card.Answer(std::string(turn.apdu), std::string(turn.card));
    }
    ModemConfig config;
    config.open_channel_1_at_start = transcript.channel_1_open;
    AtInterpreter modem(card, {}, config);
    for (const Turn& turn : transcript.turns) {
      card.ClearLog();
      modem.Feed(AsBytes(turn.sent));
      EXPECT_EQ(modem.Output(), turn.received) << transcript.client;
      modem.DropOutput(modem.Output().size());
      ASSERT_EQ(card.log().empty(), turn.apdu.empty()) << transcript.client << ": " << turn.sent;
      if (!turn.apdu.empty()) {
        EXPECT_EQ(card.log().back(), turn.apdu) << transcript.client;
      }
    }
  }
}

TEST(Transcripts, ACardThatRefusesIsNeverAnErrorOfTheModem) {
  for (const Transcript& transcript : Transcripts()) {
    ScriptedCard card;
    AtInterpreter modem(card, {}, {});
    for (const Turn& turn : transcript.turns) {
      modem.Feed(AsBytes(turn.sent));
      const bool session_command = turn.sent.find("AT+CSIM") == std::string_view::npos;
      EXPECT_TRUE(session_command || modem.Output().find("ERROR") == std::string_view::npos) << turn.sent;
      modem.DropOutput(modem.Output().size());
    }
  }
}

}  // namespace
}  // namespace simroot::card
