// SPDX-License-Identifier: Apache-2.0
#include "device/transport/at_response_parser.hpp"

#include <gmock/gmock.h>

#include <array>

#include "common/host/hex.hpp"

namespace simroot::device {
namespace {

using State = AtResponseParser::State;

/// Feeds `text` in pieces of `step` characters until the parser has enough; returns how many it took.
std::size_t FeedAll(AtResponseParser& parser, std::string_view text, std::size_t step) {
  std::size_t taken = 0;
  while (!text.empty() && parser.state() == State::kReading) {
    const std::size_t count = parser.Feed(text.substr(0, step));
    taken += count;
    text.remove_prefix(count);
  }
  return taken;
}

struct Case {
  const char* name;
  AtInformation wanted;
  std::string text;
  AtFinal final;
  std::optional<std::string> information;
};

class AnswerTest : public testing::TestWithParam<Case> {};

TEST_P(AnswerTest, IsTheSameWhateverThePieces) {
  const Case& c = GetParam();
  for (const std::size_t step : {1U, 2U, 3U, 7U, 1000U}) {
    AtResponseParser parser;
    parser.Start(c.wanted);
    FeedAll(parser, c.text, step);
    ASSERT_EQ(parser.state(), State::kDone) << step;
    const AtAnswer& answer = parser.answer();
    EXPECT_EQ(answer.final, c.final) << step;
    ASSERT_EQ(answer.has_information, c.information.has_value()) << step;
    EXPECT_EQ(answer.information, c.information.value_or("")) << step;
  }
}

TEST_P(AnswerTest, NeedsItsLastCharacter) {
  const Case& c = GetParam();
  AtResponseParser parser;
  parser.Start(c.wanted);
  const std::size_t taken = FeedAll(parser, c.text, 1);
  ASSERT_EQ(parser.state(), State::kDone);
  parser.Start(c.wanted);
  EXPECT_EQ(FeedAll(parser, c.text.substr(0, taken - 1), 1), taken - 1);
  EXPECT_EQ(parser.state(), State::kReading);
}

INSTANTIATE_TEST_SUITE_P(
    Forms, AnswerTest,
    testing::Values(
        Case{"Plain", AtInformation::kNone, "\r\nOK\r\n", AtFinal::kOk, std::nullopt},
        Case{"Csim", AtInformation::kCsim, "\r\n+CSIM: 4,\"9000\"\r\n\r\nOK\r\n", AtFinal::kOk, "4,\"9000\""},
        Case{"CsimWithoutSpaceAndQuotes", AtInformation::kCsim, "\r\n+CSIM:4,9000\r\nOK\r\n", AtFinal::kOk, "4,9000"},
        Case{"CsimLineFeedsOnly", AtInformation::kCsim, "+CSIM: 4,\"9000\"\nOK\n", AtFinal::kOk, "4,\"9000\""},
        Case{"Echo", AtInformation::kCsim, "AT+CSIM=10,\"0070000001\"\r\r\n+CSIM: 6,\"019000\"\r\n\r\nOK\r\n",
             AtFinal::kOk, "6,\"019000\""},
        Case{"EchoWithCrLf", AtInformation::kCcho, "AT+CCHO=\"A000\"\r\n\r\n1\r\n\r\nOK\r\n", AtFinal::kOk, "1"},
        Case{"UnsolicitedAround", AtInformation::kCsim,
             "\r\n+CREG: 1\r\n\r\nRING\r\n\r\n+CSIM: 4,\"9000\"\r\n\r\n+CMTI: \"SM\",3\r\n\r\nOK\r\n", AtFinal::kOk,
             "4,\"9000\""},
        Case{"AnotherCommandsLineIsUnsolicited", AtInformation::kCgla,
             "\r\n+CSIM: 4,\"6F00\"\r\n\r\n+CGLA: 4,\"9000\"\r\n\r\nOK\r\n", AtFinal::kOk, "4,\"9000\""},
        Case{"RepeatedOldAnswer", AtInformation::kCsim,
             "\r\n+CSIM: 6,\"019000\"\r\n\r\n+CSIM: 4,\"9000\"\r\n\r\nOK\r\n", AtFinal::kOk, "4,\"9000\""},
        Case{"Error", AtInformation::kCsim, "\r\nERROR\r\n", AtFinal::kError, std::nullopt},
        Case{"NoCarrier", AtInformation::kNone, "\r\nNO CARRIER\r\n", AtFinal::kNoCarrier, std::nullopt},
        Case{"NumericOk", AtInformation::kCsim, "+CSIM: 4,\"9000\"\r\n0\r", AtFinal::kOk, "4,\"9000\""},
        Case{"NumericError", AtInformation::kCsim, "4\r", AtFinal::kError, std::nullopt},
        Case{"NumericErrorAfterEcho", AtInformation::kCcho, "AT+CCHO=\"A000\"\r4\r", AtFinal::kError, std::nullopt},
        Case{"Ccho", AtInformation::kCcho, "\r\n+CCHO: 2\r\n\r\nOK\r\n", AtFinal::kOk, "2"},
        Case{"CchoBareZero", AtInformation::kCcho, "\r\n0\r\n\r\nOK\r\n", AtFinal::kOk, "0"},
        Case{"CchoBareFour", AtInformation::kCcho, "\r\n4\r\n\r\nOK\r\n", AtFinal::kOk, "4"},
        Case{"CchoBareNumericResult", AtInformation::kCcho, "1\r\n0\r", AtFinal::kOk, "1"},
        Case{"CcidBare", AtInformation::kCcid, "\r\n89882390000012345678\r\n\r\nOK\r\n", AtFinal::kOk,
             "89882390000012345678"},
        Case{"Ccid", AtInformation::kCcid, "\r\n+CCID: \"8988239000001234567\"\r\n\r\nOK\r\n", AtFinal::kOk,
             "\"8988239000001234567\""},
        Case{"Iccid", AtInformation::kCcid, "\r\n+ICCID: 89882390000012345678\r\n\r\nOK\r\n", AtFinal::kOk,
             "89882390000012345678"},
        Case{"IccidWithoutPlus", AtInformation::kCcid, "\r\nICCID: 89882390000012345678\r\n\r\nOK\r\n", AtFinal::kOk,
             "89882390000012345678"},
        Case{"BareDigitsAreNotForCsim", AtInformation::kCsim, "\r\n89882390000012345678\r\n\r\nOK\r\n", AtFinal::kOk,
             std::nullopt},
        Case{"Stale", AtInformation::kAny, "\r\n+CGLA: 4,\"9000\"\r\n\r\nOK\r\n", AtFinal::kOk, "4,\"9000\""},
        Case{"NoiseOfPower", AtInformation::kNone, std::string("\0\0\r\nOK\r\n", 8), AtFinal::kOk, std::nullopt}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(AtResponseParser, GivesTheNumberOfACmeError) {
  AtResponseParser parser;
  parser.Start(AtInformation::kCsim);
  (void)parser.Feed("\r\n+CME ERROR: 10\r\n");
  ASSERT_EQ(parser.state(), State::kDone);
  EXPECT_EQ(parser.answer().final, AtFinal::kCmeError);
  EXPECT_EQ(parser.answer().code, 10U);
  EXPECT_EQ(parser.answer().text, "10");
}

TEST(AtResponseParser, GivesTheWordsOfACmeError) {
  AtResponseParser parser;
  parser.Start(AtInformation::kCsim);
  (void)parser.Feed("\r\n+CME ERROR: SIM not\x01inserted\r\n");
  ASSERT_EQ(parser.state(), State::kDone);
  EXPECT_EQ(parser.answer().code, std::nullopt);
  EXPECT_EQ(parser.answer().text, "SIM not?inserted");
}

TEST(AtResponseParser, CutsALongErrorText) {
  AtResponseParser parser;
  parser.Start(AtInformation::kNone);
  (void)parser.Feed("\r\n+CMS ERROR: " + std::string(1000, 'x') + "\r\n");
  ASSERT_EQ(parser.state(), State::kDone);
  EXPECT_EQ(parser.answer().final, AtFinal::kCmsError);
  EXPECT_EQ(parser.answer().text.size(), 80U);
}

TEST(AtResponseParser, TakesNothingBehindTheFinalResultCode) {
  constexpr std::string_view kAnswer = "\r\nOK\r";
  AtResponseParser parser;
  parser.Start(AtInformation::kNone);
  EXPECT_EQ(parser.Feed(std::string(kAnswer) + "\n\r\nRING\r\n"), kAnswer.size());
  EXPECT_EQ(parser.Feed("more"), 0U);
}

TEST(AtResponseParser, WordsThatOnlyBeginLikeAResultAreNone) {
  for (const std::string line :
       {"OKAY", "ERRORS", "+CME ERROR", "NO CARRIERS", "01", "40", "ok", "+CSIMX: 4,\"9000\""}) {
    AtResponseParser parser;
    parser.Start(AtInformation::kCsim);
    (void)parser.Feed("\r\n" + line + "\r\n");
    EXPECT_EQ(parser.state(), State::kReading) << line;
  }
}

TEST(AtResponseParser, StartForgetsTheAnswerBefore) {
  AtResponseParser parser;
  parser.Start(AtInformation::kCsim);
  (void)parser.Feed("\r\n+CSIM: 4,\"9000\"\r\nOK\r\n");
  parser.Start(AtInformation::kCsim);
  (void)parser.Feed("\nOK\r\n");
  ASSERT_EQ(parser.state(), State::kDone);
  EXPECT_FALSE(parser.answer().has_information);
}

TEST(AtResponseParser, LongestAnswerFits) {
  const std::string hex(2 * wire::kMaxResponse, 'A');
  AtResponseParser parser;
  parser.Start(AtInformation::kCsim);
  (void)parser.Feed("\r\n+CSIM: " + std::to_string(hex.size()) + ",\"" + hex + "\"\r\nOK\r\n");
  ASSERT_EQ(parser.state(), State::kDone);
  std::array<std::uint8_t, wire::kMaxResponse> memory{};
  ByteWriter out(memory);
  EXPECT_TRUE(ParseLengthAndHex(parser.answer().information, out));
  EXPECT_EQ(out.size(), wire::kMaxResponse);
}

TEST(AtResponseParser, StopsAtAnInformationLineWithoutEnd) {
  AtResponseParser parser;
  parser.Start(AtInformation::kCsim);
  const std::string line = "\r\n+CSIM: 100000,\"" + std::string(100'000, 'A');
  EXPECT_LE(parser.Feed(line), AtResponseParser::kMaxLine + 3);
  EXPECT_EQ(parser.state(), State::kTooLong);
}

TEST(AtResponseParser, SkipsAnUnsolicitedLineOfAnyLength) {
  AtResponseParser parser;
  parser.Start(AtInformation::kCsim);
  const std::string line = "\r\n" + std::string(100'000, 'A') + "\r\n+CSIM: 4,\"9000\"\r\nOK\r\n";
  EXPECT_EQ(parser.Feed(line), line.size() - 1);
  ASSERT_EQ(parser.state(), State::kDone);
  EXPECT_EQ(parser.answer().information, "4,\"9000\"");
}

TEST(AtResponseParser, ALongStaleLineStillShowsThatTheResultIsStale) {
  AtResponseParser parser;
  parser.Start(AtInformation::kAny);
  (void)parser.Feed("\r\n+CSIM: 100000,\"" + std::string(100'000, 'A') + "\"\r\nOK\r\n");
  ASSERT_EQ(parser.state(), State::kDone);
  EXPECT_TRUE(parser.answer().has_information);
}

std::optional<AtPayloadError> HexError(std::string_view text) {
  std::array<std::uint8_t, 4> memory{};
  ByteWriter out(memory);
  const auto parsed = ParseLengthAndHex(text, out);
  return parsed ? std::nullopt : std::optional<AtPayloadError>(parsed.error());
}

TEST(ParseLengthAndHex, TakesTheFormsOfModems) {
  for (const std::string_view text : {"4,\"9000\"", "4,9000", "4, \"9000\"", "4 , 9000 ", "4,\" 9000 \""}) {
    std::array<std::uint8_t, 2> memory{};
    ByteWriter out(memory);
    EXPECT_TRUE(ParseLengthAndHex(text, out)) << text;
    EXPECT_EQ(ToHex(out.written()), "9000") << text;
  }
}

TEST(ParseLengthAndHex, RefusesEverythingElse) {
  EXPECT_EQ(HexError(""), AtPayloadError::kForm);
  EXPECT_EQ(HexError("4"), AtPayloadError::kForm);
  EXPECT_EQ(HexError("\"9000\""), AtPayloadError::kForm);
  EXPECT_EQ(HexError("x,\"9000\""), AtPayloadError::kForm);
  EXPECT_EQ(HexError("4,\"9000"), AtPayloadError::kForm);
  EXPECT_EQ(HexError("4,9000\""), AtPayloadError::kForm);
  EXPECT_EQ(HexError("4,\""), AtPayloadError::kForm);
  EXPECT_EQ(HexError("9999999999,\"9000\""), AtPayloadError::kForm);
  EXPECT_EQ(HexError("6,\"9000\""), AtPayloadError::kLengthMismatch);
  EXPECT_EQ(HexError("2,\"9000\""), AtPayloadError::kLengthMismatch);
  EXPECT_EQ(HexError("3,\"900\""), AtPayloadError::kOddDigits);
  EXPECT_EQ(HexError("4,\"90G0\""), AtPayloadError::kNotHex);
  EXPECT_EQ(HexError("4,\"90,0\""), AtPayloadError::kNotHex);
  EXPECT_EQ(HexError("10,\"0011223344\""), AtPayloadError::kTooLong);
}

TEST(ParseSession, IsADecimalNumber) {
  EXPECT_EQ(ParseSession("1"), 1);
  EXPECT_EQ(ParseSession("999999999"), 999'999'999);
  EXPECT_EQ(ParseSession("1000000000"), std::nullopt);
  EXPECT_EQ(ParseSession("-1"), std::nullopt);
  EXPECT_EQ(ParseSession("1,2"), std::nullopt);
  EXPECT_EQ(ParseSession(""), std::nullopt);
}

TEST(ParseIccid, TakesEighteenToTwentyDigits) {
  EXPECT_EQ(ParseIccid("89882390000012345678"), "89882390000012345678");
  EXPECT_EQ(ParseIccid("\"8988239000001234567F\""), "8988239000001234567");
  EXPECT_EQ(ParseIccid("898823900000123456"), "898823900000123456");
  EXPECT_EQ(ParseIccid("89882390000012345"), std::nullopt);
  EXPECT_EQ(ParseIccid("898823900000123456789"), std::nullopt);
  EXPECT_EQ(ParseIccid("8988239000001234567A"), std::nullopt);
  EXPECT_EQ(ParseIccid("\"89882390000012345678"), std::nullopt);
}

TEST(ParseRestrictedAccess, GivesStatusWordAndData) {
  std::array<std::uint8_t, 10> memory{};
  ByteWriter out(memory);
  const auto sw = ParseRestrictedAccess("144,0,\"98883209000021436587\"", out);
  ASSERT_TRUE(sw);
  EXPECT_EQ(*sw, wire::StatusWord::kOk);
  EXPECT_EQ(ToHex(out.written()), "98883209000021436587");
}

TEST(ParseRestrictedAccess, DataMayBeAbsent) {
  std::array<std::uint8_t, 10> memory{};
  ByteWriter out(memory);
  const auto sw = ParseRestrictedAccess("106,130", out);
  ASSERT_TRUE(sw);
  EXPECT_EQ(*sw, wire::StatusWord::kFileNotFound);
  EXPECT_EQ(out.size(), 0U);
}

TEST(ParseRestrictedAccess, RefusesOtherForms) {
  for (const std::string_view text : {"", "144", "256,0", "144,256", "144,0,\"9", "144,0,\"9\"", "144,0,\"GG\""}) {
    std::array<std::uint8_t, 10> memory{};
    ByteWriter out(memory);
    EXPECT_FALSE(ParseRestrictedAccess(text, out)) << text;
  }
}

}  // namespace
}  // namespace simroot::device
