// SPDX-License-Identifier: Apache-2.0
#include "common/secure/script_runner.hpp"

#include <gtest/gtest.h>

#include <map>

#include "common/host/test_hex.hpp"

namespace simroot::secure {
namespace {

/// Answers by the instruction byte; 9000 without data to all others.
class FakeCard final : public CommandExecutor {
 public:
  ByteView Run(ByteView command) override {
    commands.push_back(ToHex(command));
    const auto found = answers.find(command.size() > 1 ? command[1] : std::uint8_t{0});
    return found == answers.end() ? ByteView(done) : ByteView(found->second);
  }

  std::map<std::uint8_t, Bytes> answers;
  Bytes done = Hex("9000");
  std::vector<std::string> commands;
};

std::string RunExpanded(FakeCard& card, const std::string& script, std::size_t room = 600) {
  Bytes content(room);
  Bytes memory(room + 10);
  ByteWriter response(memory);
  RunScript(Hex(script), card, content, response);
  EXPECT_TRUE(response.ok());
  EXPECT_TRUE(ParseScriptResponse(response.written()).has_value());
  return ToHex(response.written());
}

std::string RunCompact(FakeCard& card, const std::string& list) {
  Bytes memory(600);
  ByteWriter response(memory);
  RunCompactList(Hex(list), RemoteManagement::kFiles, card, response);
  EXPECT_TRUE(response.ok());
  return ToHex(response.written());
}

TEST(ScriptRunner, KnownExchanges) {
  FakeCard card;
  card.answers[0xF2] = Hex("6132");
  EXPECT_EQ(RunExpanded(card, "AA0A220880F24002024F0000"), "AB0780010123026132");
  card.answers[0xCA] = Hex("FF210B81010D8202C5D6830209629000");
  EXPECT_EQ(RunExpanded(card, "AE80220580CAFF21000000"), "AF802310FF210B81010D8202C5D68302096290000000");
  card.answers[0xCA] = Hex("6A88");
  EXPECT_EQ(RunExpanded(card, "AE80220580CA0085000000"), "AF8023026A880000");
}

TEST(ScriptRunner, ErrorEndsTheListAndWarningsDoNot) {
  const std::string script = "AA16220580AA000000220580BB000000220680E20000015A";
  for (const auto& [answer, commands, response] :
       {std::tuple{"9000", 3U, "AB0F800103230290002302900023029000"},
        std::tuple{"6310", 3U, "AB0F800103230290002302631023029000"},
        std::tuple{"6A80", 2U, "AB0B8001022302900023026A80"}, std::tuple{"62F1", 2U, "AB0B80010223029000230262F1"},
        std::tuple{"", 2U, "AB0B8001022302900023026F00"}, std::tuple{"90", 2U, "AB0B8001022302900023026F00"}}) {
    FakeCard card;
    card.answers[0xBB] = Hex(answer);
    EXPECT_EQ(RunExpanded(card, script), response);
    EXPECT_EQ(card.commands.size(), commands) << answer;
    EXPECT_EQ(card.commands.front(), "80AA000000");
  }
}

TEST(ScriptRunner, ScriptThatIsNotUnderstoodIsNotBegun) {
  for (const auto& [script, response] :
       {std::pair{"AA0A220880F24002024F00", "AB06800100900102"}, std::pair{"", "AB06800100900101"},
        std::pair{"AA08220480AA0000FF00", "AB06800100900101"}, std::pair{"AE80220480AA0000FF000000", "AF809001010000"},
        std::pair{"AA07220480AA000022", "AB06800100900103"}, std::pair{"AE8022", "AF809001020000"}}) {
    FakeCard card;
    EXPECT_EQ(RunExpanded(card, script), response) << script;
    EXPECT_TRUE(card.commands.empty()) << script;
  }
}

TEST(ScriptRunner, WhatIsNotSupported) {
  FakeCard card;
  EXPECT_EQ(RunExpanded(card, "AA09830101220480AA0000"), "AB06800100830102");
  EXPECT_EQ(RunExpanded(card, "AA0F220480AA0000810181220480BB0000"), "AB0A80010123029000810101");
  EXPECT_EQ(card.commands, (std::vector<std::string>{"80AA0000"}));
  EXPECT_EQ(RunExpanded(card, "AA0A82028101220480BB0000"), "AB0780010123029000") << "there was no error";
}

TEST(ScriptRunner, AnswersThatDoNotFit) {
  constexpr std::size_t kFirst = 4;    // 23 02 9000
  constexpr std::size_t kSecond = 12;  // 23 0A, 8 bytes, 9000
  constexpr std::size_t kCut = 4;      // 23 02 62F1
  for (std::size_t room = kFirst + kCut; room < kFirst + kSecond + kCut; ++room) {
    FakeCard card;
    card.answers[0xB0] = Join(Counting(8), Hex("9000"));
    EXPECT_EQ(RunExpanded(card, "AA13220480AA0000220580B0000008220480AA0000", room), "AB0B80010223029000230262F1")
        << room;
    EXPECT_EQ(card.commands.size(), 2U);
  }
  FakeCard card;
  card.answers[0xB0] = Join(Counting(8), Hex("9000"));
  EXPECT_EQ(RunExpanded(card, "AA13220480AA0000220580B0000008220480AA0000", kFirst + kSecond + kCut),
            "AB1780010323029000230A00010203040506079000230262F1");
  EXPECT_EQ(RunExpanded(card, "AA13220480AA0000220580B0000008220480AA0000", kFirst + kSecond + 2 * kCut),
            "AB1780010323029000230A0001020304050607900023029000");
}

TEST(ScriptRunner, EmptyScript) {
  FakeCard card;
  EXPECT_EQ(RunExpanded(card, "AA00"), "AB03800100");
  EXPECT_EQ(RunExpanded(card, "AE800000"), "AF800000");
}

TEST(CompactRunner, LastAnswerAndNumber) {
  FakeCard card;
  card.answers[0xB2] = Hex("01020304059000");
  EXPECT_EQ(RunCompact(card, "A0A40000023F00A0A40000027F10A0B2010405"), "0390000102030405");
  EXPECT_EQ(card.commands, (std::vector<std::string>{"A0A40000023F00", "A0A40000027F10", "A0B2010405"}));
  card.answers[0xA4] = Hex("9F16");
  EXPECT_EQ(RunCompact(card, "A0A40000023F00"), "019F16");
}

TEST(CompactRunner, ErrorEndsTheList) {
  FakeCard card;
  card.answers[0xA4] = Hex("6A82");
  EXPECT_EQ(RunCompact(card, "A0A40000023F00A0B2010405"), "016A82");
  EXPECT_EQ(card.commands.size(), 1U);
}

TEST(CompactRunner, CommandCutShort) {
  FakeCard card;
  EXPECT_EQ(RunCompact(card, "A0A40000023F00A0B201"), "019000");
  EXPECT_EQ(RunCompact(card, "A0A40000023F"), "006700");
  EXPECT_EQ(RunCompact(card, ""), "006700");
  EXPECT_EQ(card.commands.size(), 1U);
}

TEST(CompactRunner, MoreCommandsThanTheAnswerCanCount) {
  FakeCard card;
  std::string list;
  for (int i = 0; i < 300; ++i) {
    list += "A0AA000000";
  }
  EXPECT_EQ(RunCompact(card, list), "FF9000");
  EXPECT_EQ(card.commands.size(), 255U);
}

}  // namespace
}  // namespace simroot::secure
