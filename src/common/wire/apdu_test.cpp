// SPDX-License-Identifier: Apache-2.0
#include "common/wire/apdu.hpp"

#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"

namespace simroot::wire {
namespace {

constexpr auto kExact = ApduStrictness::kExact;
constexpr auto kLoose = ApduStrictness::kIgnoreExcess;

std::string Written(const CommandApdu& command) {
  Bytes memory(kMaxCommand);
  ByteWriter out(memory);
  PutCommand(command, out);
  EXPECT_TRUE(out.ok());
  return ToHex(out.written());
}

/// One accepted coding: what it is read as.
struct Accepted {
  const char* name;
  std::string bytes;
  ApduCase apdu_case;
  std::string data;
  std::optional<std::size_t> le;
  bool extended;
};

class ParseCommandAccepts : public ::testing::TestWithParam<Accepted> {};

TEST_P(ParseCommandAccepts, InBothStrictnessesAndBack) {
  const Accepted& expected = GetParam();
  const Bytes bytes = Hex(expected.bytes);
  for (const ApduStrictness strictness : {kExact, kLoose}) {
    const auto command = ParseCommand(bytes, strictness);
    ASSERT_TRUE(command);
    EXPECT_EQ(0x81U, command->cla);
    EXPECT_EQ(0x12U, command->ins);
    EXPECT_EQ(0x34U, command->p1);
    EXPECT_EQ(0x56U, command->p2);
    EXPECT_EQ(expected.apdu_case, command->Case());
    EXPECT_EQ(expected.data, ToHex(command->data));
    EXPECT_EQ(expected.le, command->le);
    EXPECT_EQ(expected.extended, command->extended);
    EXPECT_EQ(expected.bytes, Written(*command));
  }
}

std::string Repeat(const std::string& hex, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) {
    text += hex;
  }
  return text;
}

INSTANTIATE_TEST_SUITE_P(
    AllCases, ParseCommandAccepts,
    ::testing::Values(Accepted{"Case1", "81123456", ApduCase::k1, "", std::nullopt, false},
                      Accepted{"Case2", "8112345610", ApduCase::k2, "", 16, false},
                      Accepted{"Case2Le256", "8112345600", ApduCase::k2, "", 256, false},
                      Accepted{"Case2Le255", "81123456FF", ApduCase::k2, "", 255, false},
                      Accepted{"Case3", "811234560201FF", ApduCase::k3, "01FF", std::nullopt, false},
                      Accepted{"Case3OneByte", "811234560100", ApduCase::k3, "00", std::nullopt, false},
                      Accepted{"Case3Longest", "81123456FF" + Repeat("A5", 255), ApduCase::k3, Repeat("A5", 255),
                               std::nullopt, false},
                      Accepted{"Case4", "811234560201FF20", ApduCase::k4, "01FF", 32, false},
                      Accepted{"Case4Le256", "811234560201FF00", ApduCase::k4, "01FF", 256, false},
                      Accepted{"Case4Longest", "81123456FF" + Repeat("A5", 255) + "00", ApduCase::k4, Repeat("A5", 255),
                               256, false},
                      Accepted{"Case2Extended", "81123456000200", ApduCase::k2, "", 512, true},
                      Accepted{"Case2ExtendedSmallLe", "81123456000001", ApduCase::k2, "", 1, true},
                      Accepted{"Case2ExtendedLe65536", "81123456000000", ApduCase::k2, "", 65536, true},
                      Accepted{"Case3Extended", "8112345600000201FF", ApduCase::k3, "01FF", std::nullopt, true},
                      Accepted{"Case3Extended256", "81123456000100" + Repeat("A5", 256), ApduCase::k3,
                               Repeat("A5", 256), std::nullopt, true},
                      Accepted{"Case4Extended", "8112345600000201FF0100", ApduCase::k4, "01FF", 256, true},
                      Accepted{"Case4ExtendedLe65536", "8112345600000201FF0000", ApduCase::k4, "01FF", 65536, true}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(ParseCommand, RefusesEveryPrefixOfTheHeader) {
  const Bytes bytes = Hex("81123456");
  for (std::size_t size = 0; size < 4; ++size) {
    const auto command = ParseCommand(ByteView(bytes).first(size), kExact);
    ASSERT_FALSE(command) << size;
    EXPECT_EQ(ParseError::kTruncated, command.error());
  }
}

TEST(ParseCommand, RefusesLcOneLongerThanTheData) {  // test case T25
  for (const ApduStrictness strictness : {kExact, kLoose}) {
    for (const char* text : {"81CD000005850101", "81CD00000485 0101", "81 12 34 56 02 01", "81 12 34 56 00 0003 0102",
                             "81 12 34 56 00 01"}) {
      const Bytes bytes = Hex(text);
      const auto command = ParseCommand(bytes, strictness);
      ASSERT_FALSE(command) << text;
      EXPECT_EQ(ParseError::kTruncated, command.error()) << text;
    }
  }
}

TEST(ParseCommand, ReadsTheLastDataByteAsLeWhenLcIsOneShort) {  // nothing tells it from a case 4 command
  const Bytes bytes = Hex("81CD000002850101");
  const auto command = ParseCommand(bytes, kExact);
  ASSERT_TRUE(command);
  EXPECT_EQ("8501", ToHex(command->data));
  EXPECT_EQ(1U, command->le);
}

TEST(ParseCommand, ExactRefusesWhatFitsNoCase) {
  for (const char* text : {"81 12 34 56 02 01FF 00 00", "81 12 34 56 01 AA 00 00 00", "81 12 34 56 00 0002 01FF 00",
                           "81 12 34 56 00 0002 01FF 000000", "81 12 34 56 00 0000 01"}) {
    const Bytes bytes = Hex(text);
    const auto command = ParseCommand(bytes, kExact);
    ASSERT_FALSE(command) << text;
    EXPECT_EQ(ParseError::kBadLength, command.error()) << text;
  }
}

/// Commands of Orange's library as seen on the wire: one 00 too many after the data.
struct Orange {
  std::string bytes;
  std::string data;
  std::size_t le;
};

class OrangeCommands : public ::testing::TestWithParam<Orange> {};

TEST_P(OrangeCommands, AreReadAsACardWithT0Does) {
  const Bytes bytes = Hex(GetParam().bytes);
  const auto command = ParseCommand(bytes, kLoose);
  ASSERT_TRUE(command);
  EXPECT_EQ(GetParam().data, ToHex(command->data));
  EXPECT_EQ(GetParam().le, command->le);
  EXPECT_FALSE(command->extended);
}

INSTANTIATE_TEST_SUITE_P(KnownClients, OrangeCommands,
                         ::testing::Values(Orange{"01A4040007A000000559001000", "A0000005590010", 256},
                                           Orange{"012B8001059B03ABCDEF0000", "9B03ABCDEF", 256},
                                           Orange{"01B00000038301020032", "830102", 0x32}));

TEST(ParseCommand, OrangeCommandsWithTwoBytesTooManyFailWhenExact) {
  for (const char* text : {"012B8001059B03ABCDEF0000", "01B00000038301020032"}) {
    const Bytes bytes = Hex(text);
    EXPECT_FALSE(ParseCommand(bytes, kExact)) << text;
  }
}

TEST(ParseCommand, IgnoreExcessDoesNotLoosenExtendedLengths) {
  const Bytes bytes = Hex("81 12 34 56 00 0002 01FF 00");
  EXPECT_FALSE(ParseCommand(bytes, kLoose));
}

TEST(PutCommand, UsesExtendedCodingOnlyWhenNeeded) {
  const Bytes data(256, 0x11);
  CommandApdu command{0x80, 0xE2, 0x00, 0x00, data, {}, false};
  EXPECT_EQ("80E20000000100", Written(command).substr(0, 14));
  command.data = command.data.first(255);
  EXPECT_EQ("80E20000FF", Written(command).substr(0, 10));
  command.le = 257;
  EXPECT_EQ("80E200000000FF", Written(command).substr(0, 14));
  command.data = {};
  EXPECT_EQ("80E20000000101", Written(command));
}

TEST(PutCommand, NotesMemoryThatIsOneByteShort) {
  const Bytes data = Hex("840101");
  const CommandApdu command{0x81, 0xB9, 0x00, 0x00, data, 256, false};
  std::array<std::uint8_t, 9> memory{};
  ByteWriter fits(memory);
  PutCommand(command, fits);
  EXPECT_TRUE(fits.ok());
  EXPECT_EQ("81B900000384010100", ToHex(fits.written()));
  ByteWriter short_by_one(ByteSpan(memory).first(8));
  PutCommand(command, short_by_one);
  EXPECT_FALSE(short_by_one.ok());
}

TEST(ParseResponse, SplitsDataFromStatusWord) {
  const Bytes bytes = Hex("AABBCC 6143");
  const auto response = ParseResponse(bytes);
  ASSERT_TRUE(response);
  EXPECT_EQ("AABBCC", ToHex(response->data));
  EXPECT_EQ(MakeStatusWord(0x61, 0x43), response->sw);
}

TEST(ParseResponse, AcceptsTheStatusWordAloneAndNothingShorter) {
  const Bytes bytes = Hex("9000");
  const auto response = ParseResponse(bytes);
  ASSERT_TRUE(response);
  EXPECT_TRUE(response->data.empty());
  EXPECT_EQ(StatusWord::kOk, response->sw);
  for (const std::size_t size : {0U, 1U}) {
    const auto short_response = ParseResponse(ByteView(bytes).first(size));
    ASSERT_FALSE(short_response);
    EXPECT_EQ(ParseError::kTruncated, short_response.error());
  }
}

TEST(ChannelOfClass, KnowsTheFormsZeroAndEight) {
  for (unsigned cla = 0; cla < 0x100; ++cla) {
    const bool first_form = (cla & 0xFCU) == 0x00 || (cla & 0xFCU) == 0x80;
    const auto channel = ChannelOfClass(LowByte(cla));
    EXPECT_EQ(first_form, channel.has_value()) << cla;
    if (channel) {
      EXPECT_EQ(cla & 0x03U, *channel);
    }
  }
}

}  // namespace
}  // namespace simroot::wire
