// SPDX-License-Identifier: Apache-2.0
#include "device/transport/at_transport.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <future>

#include "device/transport/testing/at_transport_fixture.hpp"

namespace simroot::device {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

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
  modem_.Expect("ATE0", ScriptedModem::Pieces{});
  EXPECT_THAT(ErrorOf(Open().Transmit({.number = 1}, kRandom, Soon())).message, HasSubstr(" to ATE0 within "));
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
  modem_.ExpectAndNeverStop("ATE0", "\r\nRING\r\n");
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
  modem_.Expect("ATE0", "AAAA\"\r\n\r\nOK\r\n\r\nOK\r\n");  // the end of the line, its OK, and the one for AT
  modem_.Expect(kRandomCommand, ScriptedModem::Csim("ABCD9000"));
  Transport& transport = Open();
  EXPECT_FALSE(transport.Transmit({.number = 1}, kRandom, Enough()));
  ExpectAnswer(transport.Transmit({.number = 1}, kRandom, Enough()), "ABCD9000");
}

TEST_F(AtTransportTest, HundredKilobytesOfUnsolicitedLine) {
  ExpectAnswer(Random({"\r\n" + std::string(100'000, 'A') + ScriptedModem::Csim("ABCD9000")}), "ABCD9000");
}

TEST_F(AtTransportTest, Unplugged) {
  modem_.ExpectAndHangUp("ATE0", {});
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
  modem_.Expect("ATE0", ScriptedModem::Csim("6F00") + ScriptedModem::Ok());
  modem_.Expect(kRandomCommand, ScriptedModem::Csim("ABCD9000"));
  ExpectAnswer(Open().Transmit({.number = 1}, kRandom, Enough()), "ABCD9000");
}

TEST_F(AtTransportTest, HalfALineOfAnEarlierProgramIsEnded) {
  modem_.Expect("ATE0", ScriptedModem::Error());
  modem_.Expect("AT", ScriptedModem::Ok());
  modem_.Expect(kRandomCommand, ScriptedModem::Csim("ABCD9000"));
  ExpectAnswer(Open().Transmit({.number = 1}, kRandom, Enough()), "ABCD9000");
}

TEST_F(AtTransportTest, ABusyModemIsAskedAgainAndItsSecondOkIsSkipped) {
  modem_.Expect("ATE0", ScriptedModem::Pieces{});
  modem_.Expect("ATE0", ScriptedModem::Ok());
  modem_.Expect(kRandomCommand, ScriptedModem::Ok() + ScriptedModem::Csim("ABCD9000"));
  ExpectAnswer(Open().Transmit({.number = 1}, kRandom, Enough()), "ABCD9000");
}

TEST_F(AtTransportTest, AModemThatRefusesAtIsGivenUp) {
  modem_.Expect("ATE0", ScriptedModem::Error());
  for (int i = 1; i < 16; ++i) {
    modem_.Expect("AT", ScriptedModem::Error());
  }
  EXPECT_THAT(ErrorOf(Open().Transmit({.number = 1}, kRandom, Enough())).message,
              HasSubstr("does not answer AT with OK"));
}

TEST_F(AtTransportTest, AfterATimeLimitANewTransportGetsInStep) {
  ExpectFirstAt();
  modem_.Expect(kRandomCommand, ScriptedModem::Pieces{});
  modem_.Expect("ATE0", ScriptedModem::Csim("6F00") + ScriptedModem::Ok());
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
  modem_.Expect("ATE0", ScriptedModem::Csim("6F00") + ScriptedModem::Ok());
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
