// SPDX-License-Identifier: Apache-2.0
#include "card/modem/at_command.hpp"

#include <gmock/gmock.h>

#include <tuple>
#include <vector>

#include "card/modem/command_table.hpp"

namespace simroot::card {
namespace {

using testing::ElementsAre;
using Parts = std::tuple<std::string, AtForm, std::string>;

std::vector<Parts> Parse(std::string_view body) {
  std::vector<Parts> parts;
  for (AtLineParser parser(body); !parser.empty();) {
    const AtCommand command = parser.Next();
    parts.emplace_back(command.name, command.form, command.arguments);
  }
  return parts;
}

TEST(NormaliseLine, ChangesNothingInsideQuotes) {
  EXPECT_EQ(NormaliseLine("+csim= 10, \"81 ab\" "), "+CSIM=10,\"81 ab\"");
}

TEST(NormaliseLine, LeavesTextAfterALoneQuoteAsItIs) {
  EXPECT_EQ(NormaliseLine("+csim=4,\"a b"), "+CSIM=4,\"a b");
}

TEST(AtLineParser, TakesBasicCommandsWithoutSeparators) {
  EXPECT_THAT(Parse("E0V1&F0Z"), ElementsAre(Parts{"E", AtForm::kExecute, "0"}, Parts{"V", AtForm::kExecute, "1"},
                                             Parts{"&F", AtForm::kExecute, "0"}, Parts{"Z", AtForm::kExecute, ""}));
}

TEST(AtLineParser, TakesTheFourFormsOfExtendedCommands) {
  EXPECT_THAT(Parse("+CCID;+CPIN?;+CSIM=?;+CSIM=4,\"00;0\""),
              ElementsAre(Parts{"+CCID", AtForm::kExecute, ""}, Parts{"+CPIN", AtForm::kRead, ""},
                          Parts{"+CSIM", AtForm::kTest, ""}, Parts{"+CSIM", AtForm::kSet, "4,\"00;0\""}));
}

TEST(AtLineParser, TakesAnExtendedCommandDirectlyAfterABasicOne) {
  EXPECT_THAT(Parse("E0+CPIN?"), ElementsAre(Parts{"E", AtForm::kExecute, "0"}, Parts{"+CPIN", AtForm::kRead, ""}));
}

TEST(AtLineParser, GivesParametersTheirOperator) {
  EXPECT_THAT(Parse("S3?S5=8E1"), ElementsAre(Parts{"S", AtForm::kExecute, "3?"}, Parts{"S", AtForm::kExecute, "5=8"},
                                              Parts{"E", AtForm::kExecute, "1"}));
}

TEST(AtLineParser, MakesACommandOfEveryStrangeCharacter) {
  EXPECT_THAT(Parse("\"&"), ElementsAre(Parts{"\"", AtForm::kExecute, ""}, Parts{"&", AtForm::kExecute, ""}));
}

TEST(AtArguments, KeepsEmptyArguments) {
  AtArguments arguments("1,,\"\",");
  EXPECT_EQ(arguments.Next()->Number(), 1U);
  EXPECT_TRUE(arguments.Next()->omitted());
  EXPECT_FALSE(arguments.Next()->omitted());
  EXPECT_FALSE(arguments.done());
  EXPECT_TRUE(arguments.Next()->omitted());
  EXPECT_TRUE(arguments.done());
  EXPECT_FALSE(arguments.Next().has_value());
}

TEST(AtArguments, KeepsCommasInsideQuotes) {
  AtArguments arguments("\"a,b\",2");
  const auto text = arguments.Next();
  EXPECT_EQ(text->text, "a,b");
  EXPECT_TRUE(text->quoted && text->well_formed);
  EXPECT_EQ(arguments.Next()->Number(), 2U);
}

TEST(AtArguments, MarksBadQuotes) {
  for (const char* const text : {"\"ab", "\"ab\"c", "a\"b\"", "\"", "\"a\"\"b\""}) {
    EXPECT_FALSE(AtArguments(text).Next()->well_formed) << text;
  }
}

TEST(AtArgument, ReadsNumbersOfUpToNineDigits) {
  EXPECT_EQ(AtArgument{"000000012"}.Number(), 12U);
  EXPECT_EQ(AtArgument{"999999999"}.Number(), 999999999U);
  for (const char* const text : {"", "-1", "+1", "1x", "0x1", "1000000000"}) {
    EXPECT_FALSE(AtArgument{text}.Number().has_value()) << text;
  }
  EXPECT_FALSE((AtArgument{"1", true}.Number().has_value()));
}

TEST(CommandTable, FindsEveryRuleByItsNameAndNothingElse) {
  for (const AtRule& rule : CommandTable()) {
    EXPECT_EQ(FindCommand(rule.name), &rule);
    EXPECT_NE(rule.handler, nullptr);
  }
  for (const char* const name : {"", "+", "+CSI", "+CSIMX", "A", "~"}) {
    EXPECT_EQ(FindCommand(name), nullptr) << name;
  }
}

}  // namespace
}  // namespace simroot::card
