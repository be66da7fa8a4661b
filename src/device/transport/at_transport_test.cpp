// SPDX-License-Identifier: Apache-2.0
#include "device/transport/at_transport.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>

#include "device/transport/testing/scripted_modem.hpp"

namespace simroot::device {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const Bytes kAid{0xA0, 0x00, 0x00, 0x05, 0x59, 0x00, 0x10};
const std::string kOpenCommand = "AT+CSIM=10,\"0070000001\"";
const std::string kSelectCommand = "AT+CSIM=24,\"01A4040007A0000005590010\"";
const std::string kCloseCommand = "AT+CSIM=10,\"0070800100\"";
const std::string kCchoCommand = "AT+CCHO=\"A0000005590010\"";
const Bytes kRandom{0x81, 0x84, 0x00, 0x00, 0x02};
const std::string kRandomCommand = "AT+CSIM=10,\"8184000002\"";

/// Long enough for a busy machine: a test that waits for it has failed.
Deadline Enough() {
  return Deadline::After(std::chrono::seconds(20));
}
/// For answers that never come.
Deadline Soon() {
  return Deadline::After(std::chrono::milliseconds(150));
}

class AtTransportTest : public testing::Test {
 protected:
  void TearDown() override {
    transport_.reset();
    EXPECT_THAT(modem_.Finish(), IsEmpty());
  }

  /// The first exchange of a transport is preceded by AT.
  void ExpectFirstAt() { modem_.Expect("AT", ScriptedModem::Ok()); }

  Transport& Open(const std::string& options = "?mode=csim") {
    modem_.Start();
    auto uri = ParseCardUri(modem_.Uri(options));
    EXPECT_TRUE(uri);
    auto transport = OpenTransport(*uri, Enough());
    EXPECT_TRUE(transport) << transport.error().Text();
    transport_ = *std::move(transport);
    return *transport_;
  }

  /// What AT+CSIM of GET RANDOM gives when the modem answers `pieces`.
  Result<CardResponse> Random(ScriptedModem::Pieces pieces) {
    ExpectFirstAt();
    modem_.Expect(kRandomCommand, std::move(pieces));
    return Open().Transmit(Channel{.number = 1, .session = -1}, kRandom, Enough());
  }

  ScriptedModem modem_;
  std::unique_ptr<Transport> transport_;
};

template <typename T>
Error ErrorOf(const Result<T>& result) {
  EXPECT_FALSE(result);
  return result ? Error{} : result.error();
}

void ExpectAnswer(const Result<CardResponse>& response, const std::string& hex) {
  ASSERT_TRUE(response) << response.error().Text();
  EXPECT_EQ(ToHex(response->bytes()), hex);
}

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
  modem_.Expect("AT", "0\r");
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
  EXPECT_EQ(counters.characters_sent, 3U + kRandomCommand.size() + 1);
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

TEST_F(AtTransportTest, ASessionThatIsNoNumberIsAProtocolError) {
  ExpectFirstAt();
  modem_.Expect(kCchoCommand, ScriptedModem::Line("+CCHO: one"));
  EXPECT_EQ(ErrorOf(Open("").OpenChannel(kAid, Enough())).domain, ErrorDomain::kProtocol);
}

// --- Errors, one test each.

TEST_F(AtTransportTest, SilentModem) {
  ExpectFirstAt();
  modem_.Expect(kRandomCommand, ScriptedModem::Pieces{});
  Transport& transport = Open();
  const Error error = ErrorOf(transport.Transmit({.number = 1}, kRandom, Soon()));
  EXPECT_EQ(error.domain, ErrorDomain::kTransport);
  EXPECT_THAT(error.message, StartsWith("no answer from " + modem_.Uri("?mode=csim") + " to AT+CSIM within "));
  EXPECT_THAT(error.message, testing::Not(HasSubstr("8184")));
  EXPECT_EQ(error.next_step, "is another program using the port, is it the AT port of the modem?");
  const Error later = ErrorOf(transport.Transmit({.number = 1}, kRandom, Enough()));
  EXPECT_EQ(later.domain, ErrorDomain::kTransport);
  EXPECT_THAT(later.message, HasSubstr("given up"));
}

TEST_F(AtTransportTest, SilentToTheFirstAt) {
  modem_.Expect("AT", ScriptedModem::Pieces{});
  EXPECT_THAT(ErrorOf(Open().Transmit({.number = 1}, kRandom, Soon())).message, HasSubstr(" to AT within "));
}

TEST_F(AtTransportTest, DeadlineThatHasPassed) {
  modem_.Start();
  auto transport = OpenTransport(*ParseCardUri(modem_.Uri()), Enough());
  ASSERT_TRUE(transport);
  EXPECT_EQ(ErrorOf((*transport)->Transmit({}, kRandom, Deadline::After(std::chrono::milliseconds(-1)))).domain,
            ErrorDomain::kTransport);
}

TEST_F(AtTransportTest, AnswerWithoutEndHoldsTheDeadline) {
  ExpectFirstAt();
  modem_.Expect(kRandomCommand, "\r\n+CSIM: 8,\"ABCD");
  EXPECT_EQ(ErrorOf(Open().Transmit({.number = 1}, kRandom, Soon())).domain, ErrorDomain::kTransport);
}

TEST_F(AtTransportTest, EndlessLinesHoldTheDeadline) {
  ExpectFirstAt();
  modem_.ExpectAndNeverStop(kRandomCommand, "\r\n+CREG: 1,\"00C3\",\"0000\"\r\n");
  const Error error = ErrorOf(Open().Transmit({.number = 1}, kRandom, Soon()));
  EXPECT_EQ(error.domain, ErrorDomain::kTransport);
  EXPECT_THAT(error.message, StartsWith("no answer"));
}

TEST_F(AtTransportTest, EndlessLineHoldsTheDeadline) {
  ExpectFirstAt();
  modem_.ExpectAndNeverStop(kRandomCommand, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
  EXPECT_THAT(ErrorOf(Open().Transmit({.number = 1}, kRandom, Soon())).message, StartsWith("no answer"));
}

TEST_F(AtTransportTest, EndlessStreamBeforeTheFirstCommand) {
  modem_.ExpectAndNeverStop("AT", "\r\nRING\r\n");
  EXPECT_THAT(ErrorOf(Open().Transmit({.number = 1}, kRandom, Soon())).message, StartsWith("no answer"));
}

TEST_F(AtTransportTest, HundredKilobytesOfAnswerLine) {
  ExpectFirstAt();
  modem_.Expect(kRandomCommand, "\r\n+CSIM: 100000,\"" + std::string(100'000, 'A'));
  Transport& transport = Open();
  const Error error = ErrorOf(transport.Transmit({.number = 1}, kRandom, Enough()));
  EXPECT_EQ(error.domain, ErrorDomain::kProtocol);
  EXPECT_THAT(error.message, HasSubstr("longer than any card's answer"));
}

TEST_F(AtTransportTest, GetsBackInStepAfterAnEndlessLine) {
  ExpectFirstAt();
  modem_.Expect(kRandomCommand, "\r\n+CSIM: 100000,\"" + std::string(20'000, 'A'));
  modem_.Expect("AT", "AAAA\"\r\n\r\nOK\r\n\r\nOK\r\n");  // the end of the line, its OK, and the one for AT
  modem_.Expect(kRandomCommand, ScriptedModem::Csim("ABCD9000"));
  Transport& transport = Open();
  EXPECT_FALSE(transport.Transmit({.number = 1}, kRandom, Enough()));
  ExpectAnswer(transport.Transmit({.number = 1}, kRandom, Enough()), "ABCD9000");
}

TEST_F(AtTransportTest, HundredKilobytesOfUnsolicitedLine) {
  ExpectAnswer(Random({"\r\n" + std::string(100'000, 'A') + ScriptedModem::Csim("ABCD9000")}), "ABCD9000");
}

TEST_F(AtTransportTest, Unplugged) {
  modem_.ExpectAndHangUp("AT", {});
  const Error error = ErrorOf(Open().Transmit({.number = 1}, kRandom, Enough()));
  EXPECT_EQ(error.domain, ErrorDomain::kTransport);
  EXPECT_THAT(error.message, StartsWith("the modem at " + modem_.Uri()));
  EXPECT_THAT(error.next_step, HasSubstr("plug it in"));
}

TEST_F(AtTransportTest, UnpluggedInTheMiddleOfAnAnswer) {
  ExpectFirstAt();
  modem_.ExpectAndHangUp(kRandomCommand, {"\r\n+CSIM: 8,\"AB"});
  Transport& transport = Open();
  EXPECT_THAT(ErrorOf(transport.Transmit({.number = 1}, kRandom, Enough())).message, HasSubstr("is gone"));
  EXPECT_THAT(ErrorOf(transport.Transmit({.number = 1}, kRandom, Enough())).message, HasSubstr("given up"));
  EXPECT_THAT(ErrorOf(transport.Lock(Enough())).message, HasSubstr("given up"));
}

TEST_F(AtTransportTest, GarbageInsteadOfHex) {
  const Error error = ErrorOf(Random({ScriptedModem::Csim("ABCDXY00")}));
  EXPECT_EQ(error.domain, ErrorDomain::kProtocol);
  EXPECT_THAT(error.message, HasSubstr("is not hexadecimal"));
}

TEST_F(AtTransportTest, OddNumberOfDigits) {
  const Error error = ErrorOf(Random({ScriptedModem::Csim("ABCD900")}));
  EXPECT_EQ(error.domain, ErrorDomain::kProtocol);
  EXPECT_THAT(error.message, HasSubstr("odd"));
}

TEST_F(AtTransportTest, LengthThatDoesNotMatch) {
  const Error error = ErrorOf(Random({ScriptedModem::Line("+CSIM: 8,\"ABCD90\"")}));
  EXPECT_EQ(error.domain, ErrorDomain::kProtocol);
  EXPECT_THAT(error.message, HasSubstr("announces another number"));
}

TEST_F(AtTransportTest, AnswerThatIsLongerThanAnyCards) {
  const Error error = ErrorOf(Random({ScriptedModem::Csim(std::string(2 * wire::kMaxResponse + 2, 'A'))}));
  EXPECT_EQ(error.domain, ErrorDomain::kProtocol);
  EXPECT_THAT(error.message, HasSubstr("longer than any card's answer"));
}

TEST_F(AtTransportTest, AnswerShorterThanAStatusWord) {
  const Error error = ErrorOf(Random({ScriptedModem::Csim("90")}));
  EXPECT_EQ(error.domain, ErrorDomain::kProtocol);
  EXPECT_THAT(error.message, HasSubstr("fewer than a status word"));
}

TEST_F(AtTransportTest, EmptyAnswer) {
  EXPECT_EQ(ErrorOf(Random({ScriptedModem::Csim("")})).domain, ErrorDomain::kProtocol);
}

TEST_F(AtTransportTest, FinalResultWithoutAnswerLine) {
  const Error error = ErrorOf(Random({ScriptedModem::Ok()}));
  EXPECT_EQ(error.domain, ErrorDomain::kProtocol);
  EXPECT_THAT(error.message, HasSubstr("gave no answer line"));
}

TEST_F(AtTransportTest, SimNotInserted) {
  const Error error = ErrorOf(Random({"\r\n+CME ERROR: 10\r\n"}));
  EXPECT_EQ(error.domain, ErrorDomain::kTransport);
  EXPECT_THAT(error.message, HasSubstr("refused AT+CSIM with +CME ERROR 10, SIM not inserted"));
  EXPECT_THAT(error.next_step, HasSubstr("insert the SIM"));
}

TEST_F(AtTransportTest, PlainError) {
  const Error error = ErrorOf(Random({ScriptedModem::Error()}));
  EXPECT_EQ(error.domain, ErrorDomain::kTransport);
  EXPECT_THAT(error.message, HasSubstr("refused AT+CSIM with ERROR"));
}

TEST_F(AtTransportTest, MessageServiceErrorAndNoCarrierAreRefusals) {
  ExpectFirstAt();
  modem_.Expect(kRandomCommand, "\r\n+CMS ERROR: 500\r\n");
  modem_.Expect(kRandomCommand, "\r\nNO CARRIER\r\n");
  Transport& transport = Open();
  EXPECT_THAT(ErrorOf(transport.Transmit({.number = 1}, kRandom, Enough())).message, HasSubstr("+CMS ERROR 500"));
  EXPECT_THAT(ErrorOf(transport.Transmit({.number = 1}, kRandom, Enough())).message, HasSubstr("NO CARRIER"));
}

TEST_F(AtTransportTest, CommandsThatAreNoApdu) {
  Transport& transport = Open();
  EXPECT_EQ(ErrorOf(transport.Transmit({}, Bytes(3), Enough())).domain, ErrorDomain::kUsage);
  EXPECT_EQ(ErrorOf(transport.Transmit({}, Bytes(wire::kMaxCommand + 1), Enough())).domain, ErrorDomain::kUsage);
  EXPECT_EQ(ErrorOf(transport.OpenChannel(Bytes(4), Enough())).domain, ErrorDomain::kUsage);
  EXPECT_EQ(ErrorOf(transport.OpenChannel(Bytes(17), Enough())).domain, ErrorDomain::kUsage);
  EXPECT_EQ(ErrorOf(transport.CloseChannel({.number = 4}, Enough())).domain, ErrorDomain::kUsage);
}

// --- Getting in step.

TEST_F(AtTransportTest, LateAnswerOfAnEarlierProgramIsNotTaken) {
  modem_.Expect("AT", ScriptedModem::Csim("6F00") + ScriptedModem::Ok());
  modem_.Expect(kRandomCommand, ScriptedModem::Csim("ABCD9000"));
  ExpectAnswer(Open().Transmit({.number = 1}, kRandom, Enough()), "ABCD9000");
}

TEST_F(AtTransportTest, HalfALineOfAnEarlierProgramIsEnded) {
  modem_.Expect("AT", ScriptedModem::Error());
  modem_.Expect("AT", ScriptedModem::Ok());
  modem_.Expect(kRandomCommand, ScriptedModem::Csim("ABCD9000"));
  ExpectAnswer(Open().Transmit({.number = 1}, kRandom, Enough()), "ABCD9000");
}

TEST_F(AtTransportTest, ABusyModemIsAskedAgainAndItsSecondOkIsSkipped) {
  modem_.Expect("AT", ScriptedModem::Pieces{});
  modem_.Expect("AT", ScriptedModem::Ok());
  modem_.Expect(kRandomCommand, ScriptedModem::Ok() + ScriptedModem::Csim("ABCD9000"));
  ExpectAnswer(Open().Transmit({.number = 1}, kRandom, Enough()), "ABCD9000");
}

TEST_F(AtTransportTest, AModemThatRefusesAtIsGivenUp) {
  for (int i = 0; i < 16; ++i) {
    modem_.Expect("AT", ScriptedModem::Error());
  }
  EXPECT_THAT(ErrorOf(Open().Transmit({.number = 1}, kRandom, Enough())).message,
              HasSubstr("does not answer AT with OK"));
}

TEST_F(AtTransportTest, AfterATimeLimitANewTransportGetsInStep) {
  ExpectFirstAt();
  modem_.Expect(kRandomCommand, ScriptedModem::Pieces{});
  modem_.Expect("AT", ScriptedModem::Csim("6F00") + ScriptedModem::Ok());
  modem_.Expect(kRandomCommand, ScriptedModem::Csim("ABCD9000"));
  EXPECT_FALSE(Open().Transmit({.number = 1}, kRandom, Soon()));
  auto next = OpenTransport(*ParseCardUri(modem_.Uri("?mode=csim")), Enough());
  ASSERT_TRUE(next);
  ExpectAnswer((*next)->Transmit({.number = 1}, kRandom, Enough()), "ABCD9000");
}

// --- ICCID.

constexpr const char* kIccid = "89882390000012345678";

TEST_F(AtTransportTest, ReadsTheIccidWithCcid) {
  ExpectFirstAt();
  modem_.Expect("AT+CCID", ScriptedModem::Line(std::string("+CCID: ") + kIccid));
  EXPECT_EQ(Open().ReadIccid(Enough()), kIccid);
  EXPECT_EQ(transport_->Counters().exchanges, 0U);
}

TEST_F(AtTransportTest, ReadsTheIccidWithIccid) {
  ExpectFirstAt();
  modem_.Expect("AT+CCID", ScriptedModem::Error());
  modem_.Expect("AT+ICCID", ScriptedModem::Line(std::string("+ICCID: ") + kIccid));
  EXPECT_EQ(Open().ReadIccid(Enough()), kIccid);
}

TEST_F(AtTransportTest, ReadsTheIccidWithCrsm) {
  ExpectFirstAt();
  modem_.Expect("AT+CCID", ScriptedModem::Error());
  modem_.Expect("AT+ICCID", ScriptedModem::Line("+ICCID: none"));
  modem_.Expect("AT+CRSM=176,12258,0,0,10", ScriptedModem::Line("+CRSM: 144,0,\"98883209000021436587\""));
  EXPECT_EQ(Open().ReadIccid(Enough()), kIccid);
}

TEST_F(AtTransportTest, ReadsTheIccidWithApdus) {
  ExpectFirstAt();
  modem_.Expect("AT+CCID", ScriptedModem::Error());
  modem_.Expect("AT+ICCID", "\r\n+CME ERROR: 4\r\n");
  modem_.Expect("AT+CRSM=176,12258,0,0,10", ScriptedModem::Line("+CRSM: 106,130"));
  modem_.Expect("AT+CSIM=14,\"00A4080C022FE2\"", ScriptedModem::Csim("9000"));
  modem_.Expect("AT+CSIM=10,\"00B000000A\"", ScriptedModem::Csim("988832090000214365F79000"));
  EXPECT_EQ(Open().ReadIccid(Enough()), "8988239000001234567");
}

TEST_F(AtTransportTest, AnIccidThatIsNoneIsAProtocolError) {
  ExpectFirstAt();
  modem_.Expect("AT+CCID", ScriptedModem::Error());
  modem_.Expect("AT+ICCID", ScriptedModem::Error());
  modem_.Expect("AT+CRSM=176,12258,0,0,10", ScriptedModem::Line("+CRSM: 144,0,\"FFFFFFFFFFFFFFFFFFFF\""));
  EXPECT_EQ(ErrorOf(Open().ReadIccid(Enough())).domain, ErrorDomain::kProtocol);
}

TEST_F(AtTransportTest, WithoutSimNoOtherWayToTheIccidIsTried) {
  ExpectFirstAt();
  modem_.Expect("AT+CCID", "\r\n+CME ERROR: 13\r\n");
  EXPECT_THAT(ErrorOf(Open().ReadIccid(Enough())).message, HasSubstr("SIM failure"));
}

// --- Lock and fork.

TEST_F(AtTransportTest, LockExcludesOtherTransportsUntilReleased) {
  Transport& first = Open();
  auto second = OpenTransport(*ParseCardUri(modem_.Uri("?mode=csim")), Enough());
  ASSERT_TRUE(second);
  auto lock = first.Lock(Enough());
  ASSERT_TRUE(lock);
  const Error error = ErrorOf((*second)->Lock(Soon()));
  EXPECT_EQ(error.domain, ErrorDomain::kTransport);
  EXPECT_THAT(error.Text(), HasSubstr("fuser " + modem_.Port()));

  auto waiting = std::async(std::launch::async, [&second] { return (*second)->Lock(Enough()).has_value(); });
  lock->reset();
  EXPECT_TRUE(waiting.get());
}

TEST_F(AtTransportTest, GetsInStepAgainWhenAnotherProcessHeldTheLock) {
  ExpectFirstAt();
  modem_.Expect(kRandomCommand, ScriptedModem::Csim("ABCD9000"));
  modem_.Expect("AT", ScriptedModem::Csim("6F00") + ScriptedModem::Ok());
  modem_.Expect(kRandomCommand, ScriptedModem::Csim("12349000"));
  Transport& transport = Open();
  ExpectAnswer(transport.Transmit({.number = 1}, kRandom, Enough()), "ABCD9000");
  auto other = OpenTransport(*ParseCardUri(modem_.Uri()), Enough());
  ASSERT_TRUE(other);
  auto held = (*other)->Lock(Enough());
  ASSERT_TRUE(held);
  EXPECT_FALSE(transport.Lock(Soon()));
  held->reset();
  ASSERT_TRUE(transport.Lock(Enough()));
  ExpectAnswer(transport.Transmit({.number = 1}, kRandom, Enough()), "12349000");
}

TEST_F(AtTransportTest, AChildMayNotUseItAndDoesNotReleaseTheLock) {
  Transport& transport = Open();
  auto lock = transport.Lock(Enough());
  ASSERT_TRUE(lock);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto sent = transport.Transmit({}, kRandom, Enough());
    const auto locked = transport.Lock(Enough());
    const bool refused = !sent && sent.error().domain == ErrorDomain::kTransport && !locked &&
                         sent.error().message.find("cannot be used in its child") != std::string::npos;
    lock->reset();
    transport_.reset();
    ::_exit(refused ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  auto other = OpenTransport(*ParseCardUri(modem_.Uri()), Enough());
  ASSERT_TRUE(other);
  EXPECT_FALSE((*other)->Lock(Soon()));
}

}  // namespace
}  // namespace simroot::device
