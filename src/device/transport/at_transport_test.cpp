// SPDX-License-Identifier: Apache-2.0
#include "device/transport/at_transport.hpp"

#include "device/transport/testing/at_transport_fixture.hpp"

namespace simroot::device {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST_F(AtTransportTest, CarriesAnApdu) {
  ExpectAnswer(Random({ScriptedModem::Csim("ABCD9000")}), "ABCD9000");
}

TEST_F(AtTransportTest, TakesTheAnswerOneCharacterAtATime) {
  ExpectAnswer(Random(ScriptedModem::OneByOne(ScriptedModem::Csim("ABCD9000"))), "ABCD9000");
}

TEST_F(AtTransportTest, TakesAnAnswerWithoutQuotesAndSpace) {
  ExpectAnswer(Random({"\r\n+CSIM:8,ABCD9000\r\n\r\nOK\r\n"}), "ABCD9000");
}

TEST_F(AtTransportTest, SkipsUnsolicitedLines) {
  ExpectAnswer(
      Random({"\r\n+CREG: 1\r\n", "\r\n+CSIM: 8,\"ABCD9000\"\r\n", "\r\n+CMTI: \"S", "M\",1\r\n", "\r\nOK\r\n"}),
      "ABCD9000");
}

TEST_F(AtTransportTest, SkipsTheEcho) {
  modem_.EchoOn();
  ExpectAnswer(Random({ScriptedModem::Csim("ABCD9000")}), "ABCD9000");
}

TEST_F(AtTransportTest, UnderstandsNumericResultCodes) {
  modem_.Expect("ATE0", "0\r");
  modem_.Expect(kRandomCommand, "+CSIM: 8,\"ABCD9000\"\r\n0\r");
  ExpectAnswer(Open().Transmit({.number = 1}, kRandom, Enough()), "ABCD9000");
}

TEST_F(AtTransportTest, ThrowsAwayWhatCameUnaskedBeforeTheCommand) {
  ExpectFirstAt();
  modem_.Expect(kRandomCommand, ScriptedModem::Csim("ABCD9000"));
  modem_.Expect(kRandomCommand, ScriptedModem::Csim("12349000"));
  Transport& transport = Open();
  ExpectAnswer(transport.Transmit({.number = 1}, kRandom, Enough()), "ABCD9000");
  ASSERT_TRUE(modem_.SendUnasked(ScriptedModem::Csim("6F00") + "\r\nRING\r\n"));
  ExpectAnswer(transport.Transmit({.number = 1}, kRandom, Enough()), "12349000");
}

TEST_F(AtTransportTest, SaysAtOnlyOnce) {
  ExpectFirstAt();
  modem_.Expect(kRandomCommand, ScriptedModem::Csim("ABCD9000"));
  modem_.Expect(kRandomCommand, ScriptedModem::Csim("12349000"));
  Transport& transport = Open();
  ExpectAnswer(transport.Transmit({.number = 1}, kRandom, Enough()), "ABCD9000");
  ExpectAnswer(transport.Transmit({.number = 1}, kRandom, Enough()), "12349000");
}

TEST_F(AtTransportTest, CountsExchangesBytesAndCharacters) {
  ASSERT_TRUE(Random({ScriptedModem::Csim("ABCD9000")}));
  const ExchangeCounters counters = transport_->Counters();
  EXPECT_EQ(counters.exchanges, 1U);
  EXPECT_EQ(counters.bytes_sent, 5U);
  EXPECT_EQ(counters.bytes_received, 4U);
  EXPECT_EQ(counters.characters_sent, std::string_view("ATE0\r").size() + kRandomCommand.size() + 1);
  EXPECT_GE(counters.characters_received, ScriptedModem::Csim("ABCD9000").size());
}

class Recorder final : public TransportObserver {
 public:
  void OnExchange(ByteView command, ByteView response, std::chrono::microseconds /*took*/) override {
    lines.push_back(ToHex(command) + ">" + ToHex(response));
  }
  std::vector<std::string> lines;
};

TEST_F(AtTransportTest, TellsTheObserver) {
  Recorder recorder;
  ExpectFirstAt();
  modem_.Expect(kRandomCommand, ScriptedModem::Csim("ABCD9000"));
  Transport& transport = Open();
  transport.SetObserver(&recorder);
  ASSERT_TRUE(transport.Transmit({.number = 1}, kRandom, Enough()));
  EXPECT_THAT(recorder.lines, testing::ElementsAre("8184000002>ABCD9000"));
}

// A signature: three exchanges on T=0, under 400 characters on the line.
TEST_F(AtTransportTest, ASignatureKeepsToItsBudget) {
  const std::string hash(64, '5');
  const std::string signature(128, '7');
  const std::vector<std::pair<std::string, std::string>> exchanges{
      {"812A00010D840101A103010391020001920104", "9000"},
      {"812B8001229E20" + hash, "6142"},
      {"01C0000042", "3340" + signature + "9000"},
  };
  ExpectFirstAt();
  for (const auto& [command, response] : exchanges) {
    modem_.Expect("AT+CSIM=" + std::to_string(command.size()) + ",\"" + command + "\"", ScriptedModem::Csim(response));
  }
  Transport& transport = Open();
  for (const auto& [command, response] : exchanges) {
    ExpectAnswer(transport.Transmit({.number = 1}, *FromHex(command), Enough()), response);
  }
  const auto after = transport.Counters();
  EXPECT_EQ(after.exchanges, 3U);
  const std::size_t at_and_ok = 3 + ScriptedModem::Ok().size();
  EXPECT_LT(after.characters_sent + after.characters_received - at_and_ok, 400U);
}

TEST_F(AtTransportTest, OpensAChannelOverCsim) {
  ExpectFirstAt();
  modem_.Expect(kOpenCommand, ScriptedModem::Csim("019000"));
  modem_.Expect(kSelectCommand, ScriptedModem::Csim("9000"));
  modem_.Expect(kCloseCommand, ScriptedModem::Csim("9000"));
  Transport& transport = Open();
  const auto channel = transport.OpenChannel(kAid, Enough());
  ASSERT_TRUE(channel) << channel.error().Text();
  EXPECT_EQ(*channel, (Channel{.number = 1, .session = -1}));
  EXPECT_TRUE(transport.CloseChannel(*channel, Enough()));
  EXPECT_EQ(transport.Counters().exchanges, 3U);
}

TEST_F(AtTransportTest, ClosesAChannelWhoseSelectFailed) {
  ExpectFirstAt();
  modem_.Expect(kOpenCommand, ScriptedModem::Csim("019000"));
  modem_.Expect(kSelectCommand, ScriptedModem::Csim("6A82"));
  modem_.Expect(kCloseCommand, ScriptedModem::Csim("9000"));
  const Error error = ErrorOf(Open().OpenChannel(kAid, Enough()));
  EXPECT_EQ(error.domain, ErrorDomain::kCard);
  EXPECT_EQ(error.sw, wire::StatusWord::kFileNotFound);
  EXPECT_THAT(error.message, HasSubstr("A0000005590010"));
}

TEST_F(AtTransportTest, SaysThatNoChannelIsFree) {
  ExpectFirstAt();
  modem_.Expect(kOpenCommand, ScriptedModem::Csim("6A81"));
  const Error error = ErrorOf(Open().OpenChannel(kAid, Enough()));
  EXPECT_EQ(error.domain, ErrorDomain::kCard);
  EXPECT_EQ(error.sw, wire::StatusWord::kFunctionNotSupported);
}

TEST_F(AtTransportTest, RefusesChannelZero) {
  ExpectFirstAt();
  modem_.Expect(kOpenCommand, ScriptedModem::Csim("009000"));
  EXPECT_EQ(ErrorOf(Open().OpenChannel(kAid, Enough())).domain, ErrorDomain::kProtocol);
}

TEST_F(AtTransportTest, RefusesAndClosesChannelFour) {
  ExpectFirstAt();
  modem_.Expect(kOpenCommand, ScriptedModem::Csim("049000"));
  modem_.Expect("AT+CSIM=10,\"0070800400\"", ScriptedModem::Csim("9000"));
  const Error error = ErrorOf(Open().OpenChannel(kAid, Enough()));
  EXPECT_EQ(error.domain, ErrorDomain::kCard);
  EXPECT_EQ(error.sw, wire::StatusWord::kFunctionNotSupported);
  EXPECT_THAT(error.message, HasSubstr("logical channel 4"));
}

TEST_F(AtTransportTest, RefusesChannelTwenty) {
  ExpectFirstAt();
  modem_.Expect(kOpenCommand, ScriptedModem::Csim("149000"));
  EXPECT_EQ(ErrorOf(Open().OpenChannel(kAid, Enough())).domain, ErrorDomain::kProtocol);
}

TEST_F(AtTransportTest, RefusesAChannelAnswerOfTwoBytes) {
  ExpectFirstAt();
  modem_.Expect(kOpenCommand, ScriptedModem::Csim("01019000"));
  EXPECT_EQ(ErrorOf(Open().OpenChannel(kAid, Enough())).domain, ErrorDomain::kProtocol);
}

TEST_F(AtTransportTest, UsesSessionsInModeCgla) {
  ExpectFirstAt();
  modem_.Expect(kCchoCommand, ScriptedModem::Line("+CCHO: 2"));
  modem_.Expect("AT+CGLA=2,10,\"8084000002\"", ScriptedModem::Cgla("ABCD9000"));
  modem_.Expect("AT+CCHC=2", ScriptedModem::Ok());
  Transport& transport = Open("?mode=cgla");
  const auto channel = transport.OpenChannel(kAid, Enough());
  ASSERT_TRUE(channel) << channel.error().Text();
  EXPECT_EQ(*channel, (Channel{.number = 0, .session = 2}));
  ExpectAnswer(transport.Transmit(*channel, Bytes{0x80, 0x84, 0x00, 0x00, 0x02}, Enough()), "ABCD9000");
  EXPECT_TRUE(transport.CloseChannel(*channel, Enough()));
  EXPECT_EQ(transport.Counters().exchanges, 3U);
}

TEST_F(AtTransportTest, TakesABareSessionNumber) {
  ExpectFirstAt();
  modem_.Expect(kCchoCommand, ScriptedModem::Line("3"));
  const auto channel = Open("?mode=auto").OpenChannel(kAid, Enough());
  ASSERT_TRUE(channel) << channel.error().Text();
  EXPECT_EQ(channel->session, 3);
}

class NoCchoTest : public AtTransportTest, public testing::WithParamInterface<const char*> {};

TEST_P(NoCchoTest, AutoFallsBackToCsimAndRemembers) {
  ExpectFirstAt();
  modem_.Expect(kCchoCommand, "\r\n" + std::string(GetParam()) + "\r\n");
  for (int i = 0; i < 2; ++i) {
    modem_.Expect(kOpenCommand, ScriptedModem::Csim("019000"));
    modem_.Expect(kSelectCommand, ScriptedModem::Csim("9000"));
  }
  Transport& transport = Open("");
  EXPECT_TRUE(transport.OpenChannel(kAid, Enough()));
  EXPECT_TRUE(transport.OpenChannel(kAid, Enough()));
  EXPECT_EQ(transport.Counters().exchanges, 5U);
}

INSTANTIATE_TEST_SUITE_P(Answers, NoCchoTest,
                         testing::Values("ERROR", "+CME ERROR: 4", "+CME ERROR: 3", "+CME ERROR: 100",
                                         "+CME ERROR: operation not supported", "NO CARRIER"));

TEST_F(AtTransportTest, AutoDoesNotFallBackWithoutSim) {
  ExpectFirstAt();
  modem_.Expect(kCchoCommand, "\r\n+CME ERROR: SIM not inserted\r\n");
  const Error error = ErrorOf(Open("").OpenChannel(kAid, Enough()));
  EXPECT_EQ(error.domain, ErrorDomain::kTransport);
  EXPECT_THAT(error.Text(), HasSubstr("insert the SIM"));
}

TEST_F(AtTransportTest, UnknownApplicationInModeCglaIs6A82) {
  ExpectFirstAt();
  modem_.Expect(kCchoCommand, ScriptedModem::Error());
  const Error error = ErrorOf(Open("?mode=cgla").OpenChannel(kAid, Enough()));
  EXPECT_EQ(error.domain, ErrorDomain::kCard);
  EXPECT_EQ(error.sw, wire::StatusWord::kFileNotFound);
  EXPECT_THAT(error.Text(), HasSubstr("mode=csim"));
}

TEST_F(AtTransportTest, NotFoundIs6A82InModeAutoToo) {
  ExpectFirstAt();
  modem_.Expect(kCchoCommand, "\r\n+CME ERROR: 22\r\n");
  EXPECT_EQ(ErrorOf(Open("").OpenChannel(kAid, Enough())).sw, wire::StatusWord::kFileNotFound);
}

TEST_F(AtTransportTest, MemoryFullIs6A81) {
  ExpectFirstAt();
  modem_.Expect(kCchoCommand, "\r\n+CME ERROR: 20\r\n");
  const Error error = ErrorOf(Open("?mode=cgla").OpenChannel(kAid, Enough()));
  EXPECT_EQ(error.domain, ErrorDomain::kCard);
  EXPECT_EQ(error.sw, wire::StatusWord::kFunctionNotSupported);
}

TEST_F(AtTransportTest, AutoTriesSessionsAgainOnceAChannelIsFree) {
  ExpectFirstAt();
  modem_.Expect(kCchoCommand, "\r\n+CME ERROR: memory full\r\n");
  modem_.Expect(kOpenCommand, ScriptedModem::Csim("6A81"));
  modem_.Expect(kCchoCommand, ScriptedModem::Line("+CCHO: 2"));
  Transport& transport = Open("");
  EXPECT_EQ(ErrorOf(transport.OpenChannel(kAid, Enough())).sw, wire::StatusWord::kFunctionNotSupported);
  EXPECT_TRUE(transport.UsesSessions());
  const auto channel = transport.OpenChannel(kAid, Enough());
  ASSERT_TRUE(channel) << channel.error().Text();
  EXPECT_EQ(channel->session, 2);
}

TEST_F(AtTransportTest, ModeCsimUsesNoSessions) {
  EXPECT_FALSE(Open("?mode=csim").UsesSessions());
}

TEST_F(AtTransportTest, ModeCglaUsesSessions) {
  EXPECT_TRUE(Open("?mode=cgla").UsesSessions());
}

TEST_F(AtTransportTest, ModeAutoMayUseSessionsUntilTheModemHasNone) {
  ExpectFirstAt();
  modem_.Expect(kCchoCommand, ScriptedModem::Error());
  modem_.Expect(kOpenCommand, ScriptedModem::Csim("019000"));
  modem_.Expect(kSelectCommand, ScriptedModem::Csim("9000"));
  Transport& transport = Open("");
  EXPECT_TRUE(transport.UsesSessions());
  EXPECT_TRUE(transport.OpenChannel(kAid, Enough()));
  EXPECT_FALSE(transport.UsesSessions());
}

// The modem was restarted, say: there is nothing to close, and nothing wrong with the line.
TEST_F(AtTransportTest, ASessionThatIsGoneIsNoErrorOfTheTransport) {
  ExpectFirstAt();
  modem_.Expect("AT+CCHC=2", "\r\n+CME ERROR: 21\r\n");
  modem_.Expect("AT+CCHC=3", "\r\n+CME ERROR: 13\r\n");
  modem_.Expect(kCloseCommand, ScriptedModem::Error());
  modem_.Expect("AT+CCHC=1", ScriptedModem::Ok());
  Transport& transport = Open("?mode=cgla");
  EXPECT_EQ(ErrorOf(transport.CloseChannel({.number = 0, .session = 2}, Enough())).domain, ErrorDomain::kCard);
  EXPECT_EQ(ErrorOf(transport.CloseChannel({.number = 0, .session = 3}, Enough())).domain, ErrorDomain::kCard);
  EXPECT_EQ(ErrorOf(transport.CloseChannel({.number = 1, .session = -1}, Enough())).domain, ErrorDomain::kCard);
  EXPECT_TRUE(transport.CloseChannel({.number = 0, .session = 1}, Enough()));
}

TEST_F(AtTransportTest, ClosingOnASilentLineIsAnErrorOfTheTransport) {
  ExpectFirstAt();
  modem_.ExpectAndHangUp("AT+CCHC=2", {});
  EXPECT_EQ(ErrorOf(Open("?mode=cgla").CloseChannel({.number = 0, .session = 2}, Enough())).domain,
            ErrorDomain::kTransport);
}

TEST_F(AtTransportTest, ASessionThatIsNoNumberIsAProtocolError) {
  ExpectFirstAt();
  modem_.Expect(kCchoCommand, ScriptedModem::Line("+CCHO: one"));
  EXPECT_EQ(ErrorOf(Open("").OpenChannel(kAid, Enough())).domain, ErrorDomain::kProtocol);
}

}  // namespace
}  // namespace simroot::device
