// SPDX-License-Identifier: Apache-2.0
// The runner itself: scripts that must fail do fail, with the right line and words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/test_hex.hpp"
#include "conformance/script_runner.hpp"

namespace simroot::conformance {
namespace {

using ::testing::HasSubstr;

/// Answers what it was told to, one answer after another, then 6F00.
class ScriptedCard final : public wire::CardEndpoint {
 public:
  explicit ScriptedCard(std::deque<std::string> answers) : answers_(std::move(answers)) {}
  void Reset() override { ++resets; }
  ByteView Atr() const override { return {}; }
  std::size_t Transmit(ByteView command, ByteSpan response) override {
    sent.push_back(ToHex(command));
    const std::string next = answers_.empty() ? "6F00" : answers_.front();
    if (!answers_.empty()) {
      answers_.pop_front();
    }
    const Bytes answer = Hex(next);
    EXPECT_TRUE(CopyBytes(answer, response));
    return answer.size();
  }

  std::vector<std::string> sent;
  int resets = 0;

 private:
  std::deque<std::string> answers_;
};

/// Runs the lines as one case without precondition. @returns the failure in words, or "".
std::string RunOn(ScriptedCard& card, const std::string& lines) {
  const auto script = ParseScript("test", "[T00 case]\nbegin power-on\n" + lines);
  if (!script) {
    return "parser: " + script.error().Text();
  }
  const auto crypto = crypto::OpenSslCrypto::Create();
  ScriptRunner runner(card, *crypto, {{"given", Hex("0102")}});
  const auto failure = runner.Run(script->cases.front());
  return failure ? failure->Text(script->cases.front()) : "";
}

std::string RunWith(std::deque<std::string> answers, const std::string& lines) {
  ScriptedCard card(std::move(answers));
  return RunOn(card, lines);
}

std::string ParseFailure(const std::string& text) {
  const auto script = ParseScript("bad.apdu", text);
  return script ? "" : script.error().Text();
}

TEST(ScriptRunner, AcceptsWhatIsExpected) {
  EXPECT_EQ(RunWith({"0A0B9000"}, "> 00 84 00 00 02\n< 0A .. 9000\n"), "");
}

TEST(ScriptRunner, ReportsLineAndBytesOfAFailure) {
  const std::string text = RunWith({"0A0B9000"}, "> 0084000002\n< 0A0C 9000\n");
  EXPECT_THAT(text, HasSubstr("[T00 case] line 4"));
  EXPECT_THAT(text, HasSubstr("sent: 0084000002"));
  EXPECT_THAT(text, HasSubstr("expected: 0A0C 9000"));
  EXPECT_THAT(text, HasSubstr("got: 0A0B9000"));
}

TEST(ScriptRunner, FailsOnOneByteMoreOrLess) {
  EXPECT_NE(RunWith({"0A0B9000"}, "> 00\n< 0A 9000\n"), "");
  EXPECT_NE(RunWith({"0A9000"}, "> 00\n< 0A0B 9000\n"), "");
  EXPECT_NE(RunWith({"0A9000"}, "> 00\n< 9000\n"), "");
  EXPECT_NE(RunWith({"9000"}, "> 00\n< .. 9000\n"), "");
  EXPECT_NE(RunWith({"90"}, "> 00\n< 9000\n"), "");
}

TEST(ScriptRunner, ComparesStatusWords) {
  EXPECT_EQ(RunWith({"6A86"}, "> 00\n< 6981|6A86\n"), "");
  EXPECT_NE(RunWith({"6A87"}, "> 00\n< 6981|6A86\n"), "");
  EXPECT_EQ(RunWith({"6A87"}, "> 00\n< 6A..\n"), "");
  EXPECT_NE(RunWith({"6B87"}, "> 00\n< 6A..\n"), "");
  EXPECT_NE(RunWith({"9000"}, "> 00\n< 900\n"), "");
}

TEST(ScriptRunner, FollowsBytesWaitingOnTheSameChannel) {
  ScriptedCard card({"6102", "0A0B6101", "0C9000"});
  EXPECT_EQ(RunOn(card, "> 82CD000003850101\n< 0A0B0C 9000\n"), "");
  EXPECT_THAT(card.sent, ::testing::ElementsAre("82CD000003850101", "02C0000002", "02C0000001"));
}

TEST(ScriptRunner, LeavesBytesWaitingWhenRaw) {
  ScriptedCard card({"6102"});
  EXPECT_EQ(RunOn(card, "> 82CD000003850101 raw\n< 6102\n"), "");
  EXPECT_EQ(card.sent.size(), 1U);
}

TEST(ScriptRunner, StopsFollowingACardThatNeverEnds) {
  EXPECT_NE(RunWith(std::deque<std::string>(100, "006101"), "> 01\n< * 9000\n"), "");
}

TEST(ScriptRunner, CapturesAndUsesVariables) {
  ScriptedCard card({"8401AABB9000", "9000"});
  EXPECT_EQ(RunOn(card, "> 00\n< 84 {id:1} {rest:*} 9000\n> 00 {rest:0:1} ({given} (05)) {id}\n< 9000\n"), "");
  EXPECT_EQ(card.sent.back(),
            "00AA0401020105"
            "01");
}

TEST(ScriptRunner, ComparesWithVariables) {
  EXPECT_EQ(RunWith({"01029000"}, "> 00\n< {given} 9000\n"), "");
  EXPECT_NE(RunWith({"01039000"}, "> 00\n< {given} 9000\n"), "");
  EXPECT_NE(RunWith({"01029000"}, "> 00\n< {other} 9000\n"), "");
}

TEST(ScriptRunner, SetsNoVariableWhenTheAnswerDiffers) {
  Variables variables;
  EXPECT_FALSE(Match("{a:1} 02 9000", Hex("01039000"), variables));
  EXPECT_TRUE(variables.empty());
}

TEST(ScriptRunner, RepeatsWithACounter) {
  ScriptedCard card({"9000", "9000", "9000"});
  EXPECT_EQ(RunOn(card, "repeat 3\n> 00 {n}\n< 9000\nend\n"), "");
  EXPECT_THAT(card.sent, ::testing::ElementsAre("0000", "0001", "0002"));
  EXPECT_NE(RunWith({"9000", "9000"}, "repeat 3\n> 00\n< 9000\nend\n"), "");
  EXPECT_NE(RunWith({}, "repeat 0\n> 00\n< 6F00\nend\n"), "");
}

TEST(ScriptRunner, ResetsTheCard) {
  ScriptedCard card({"9000"});
  EXPECT_EQ(RunOn(card, "reset\n> 00\n< 9000\n"), "");
  EXPECT_EQ(card.resets, 1);
}

constexpr std::string_view kAnyCommand = "> 00\n< 6F00\n";

TEST(ScriptRunner, ChecksSignatures) {
  const std::string made =
      std::string(kAnyCommand) + "keypair k\nhash h = sha256 \"hello\"\nsign s = p256 {k.scalar} {h}\n";
  EXPECT_EQ(RunWith({}, made + "verify p256 {k.point} {h} {s}\n"), "");
  EXPECT_THAT(RunWith({}, made + "flip s -1\nverify p256 {k.point} {h} {s}\n"), HasSubstr("does not verify"));
  EXPECT_THAT(RunWith({}, made + "flip h 0\nverify p256 {k.point} {h} {s}\n"), HasSubstr("does not verify"));
  EXPECT_THAT(RunWith({}, made + "set s = {s:0:63}\nverify p256 {k.point} {h} {s}\n"), HasSubstr("does not verify"));
  EXPECT_THAT(RunWith({}, made + "keypair k\nverify p256 {k.point} {h} {s}\n"), HasSubstr("does not verify"));
}

TEST(ScriptRunner, ChecksKeyAgreement) {
  const std::string made = std::string(kAnyCommand) + "keypair a\nkeypair b\n";
  EXPECT_NE(RunWith({}, made + "ecdh p256 {a.scalar} {b.point} 00*32\n"), "");
  EXPECT_NE(RunWith({}, made + "oncurve p256 04*65\n"), "");
  EXPECT_EQ(RunWith({}, made + "oncurve p256 {a.point}\n"), "");
}

TEST(ScriptRunner, ReadsSignaturesInBothLengthForms) {
  const std::string any(kAnyCommand);
  EXPECT_EQ(RunWith({}, any + "signature s = 3340 AA*64\nequal {s} AA*64\n"), "");
  EXPECT_EQ(RunWith({}, any + "signature s = 330040 AA*64\nequal {s} AA*64\n"), "");
  EXPECT_NE(RunWith({}, any + "signature s = 333F AA*63\n"), "");
  EXPECT_NE(RunWith({}, any + "signature s = 3340 AA*65\n"), "");
  EXPECT_NE(RunWith({}, any + "signature s = AA*64\n"), "");
}

TEST(ScriptRunner, ChecksValues) {
  const std::string any(kAnyCommand);
  EXPECT_NE(RunWith({}, any + "equal 01 02\n"), "");
  EXPECT_NE(RunWith({}, any + "differs 01 01\n"), "");
  EXPECT_EQ(RunWith({}, any + "differs 01 02\n"), "");
  EXPECT_NE(RunWith({}, any + "atmost 1 0102\n"), "");
  EXPECT_NE(RunWith({}, any + "distinct 01020102 2\n"), "");
  EXPECT_NE(RunWith({}, any + "distinct 010203 2\n"), "");
  EXPECT_EQ(RunWith({}, any + "distinct 01020103 2\n"), "");
  EXPECT_NE(RunWith({}, any + "monobit FF*64\n"), "");
  EXPECT_EQ(RunWith({}, any + "monobit 55*64\n"), "");
  EXPECT_NE(RunWith({}, any + "hash h = md5 00\n"), "");
}

TEST(ScriptRunner, ReadsFilesByTheReceivedLength) {
  ScriptedCard card({"0102039000", "049000", "9000"});
  EXPECT_EQ(RunOn(card, "readfile f 81 830102\nequal {f} 01020304\n> 00\n< 6F00\n"), "");
  EXPECT_THAT(card.sent, ::testing::ElementsAre("81B0000003830102", "81B0000303830102", "81B0000403830102", "00"));
  EXPECT_NE(RunWith({"0102039000", "6985"}, "readfile f 81 830102\n> 00\n< 6F00\n"), "");
}

TEST(ScriptRunner, ReadsListsInBlocks) {
  ScriptedCard card({"C301016300", "C201029000"});
  EXPECT_EQ(RunOn(card, "list l 81\nstructures {l} C2 C3\n> 00\n< 6F00\n"), "");
  EXPECT_THAT(card.sent, ::testing::ElementsAre("81CB010000", "81CB010100", "00"));
  const std::string any(kAnyCommand);
  EXPECT_NE(RunWith({}, any + "structures C30101C201 C2 C3\n"), "");
  EXPECT_NE(RunWith({}, any + "structures C30101C30101 C3\n"), "");
  EXPECT_NE(RunWith({}, any + "structures C30101 C1\n"), "");
}

TEST(ScriptRunner, NeedsItsPrecondition) {
  ScriptedCard card({"6881"});
  const auto script = ParseScript("test", "[T00 case]\n> 00\n< 6F00\n");
  ASSERT_TRUE(script);
  const auto crypto = crypto::OpenSslCrypto::Create();
  const auto failure = ScriptRunner(card, *crypto, {}).Run(script->cases.front());
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->sent, "0070000001");
}

TEST(ScriptParser, ReadsOptionsOfScriptAndCase) {
  const auto script = ParseScript(
      "x", "store demo\n# words\n[T01 one]\n> 00\n< 9000\n[T02 two]\nonly t1\nprofile strict\n> 00\n< 9000\n");
  ASSERT_TRUE(script) << script.error().Text();
  ASSERT_EQ(script->cases.size(), 2U);
  EXPECT_EQ(script->cases[0].clause, "T01");
  EXPECT_EQ(script->cases[0].title, "one");
  EXPECT_EQ(script->cases[1].options.store, "demo");
  EXPECT_TRUE(script->cases[0].options.HoldsFor("default", TransportModel::kT0));
  EXPECT_FALSE(script->cases[1].options.HoldsFor("default", TransportModel::kT1));
  EXPECT_FALSE(script->cases[1].options.HoldsFor("strict", TransportModel::kT0));
  EXPECT_TRUE(script->cases[1].options.HoldsFor("strict", TransportModel::kT1));
}

TEST(ScriptParser, RefusesWhatCouldNotFail) {
  EXPECT_THAT(ParseFailure("[T01 a]\n> 00\n"), HasSubstr("no expectation"));
  EXPECT_THAT(ParseFailure("[T01 a]\n> 00\n> 00\n< 9000\n"), HasSubstr("bad.apdu line 3"));
  EXPECT_THAT(ParseFailure("[T01 a]\nreset\n"), HasSubstr("expects nothing"));
  EXPECT_THAT(ParseFailure("[T01 a]\n< 9000\n"), HasSubstr("without a command"));
  EXPECT_THAT(ParseFailure("# nothing\n"), HasSubstr("no case"));
}

TEST(ScriptParser, RefusesMistakes) {
  EXPECT_THAT(ParseFailure("[T01 a]\nsend 00\n"), HasSubstr("unknown word 'send'"));
  EXPECT_THAT(ParseFailure("[T01]\n> 00\n< 9000\n"), HasSubstr("[CLAUSE title]"));
  EXPECT_THAT(ParseFailure("[T01 a]\n> 00\n< 9000\n[T01 a]\n> 00\n< 9000\n"), HasSubstr("second case"));
  EXPECT_THAT(ParseFailure("> 00\n"), HasSubstr("before the first case"));
  EXPECT_THAT(ParseFailure("[T01 a]\nrepeat 2\n> 00\n< 9000\n"), HasSubstr("repeat without end"));
  EXPECT_THAT(ParseFailure("[T01 a]\n> 00\n< 9000\nend\n"), HasSubstr("pairs"));
  EXPECT_THAT(ParseFailure("[T01 a]\n> 00\n< 9000\nstore demo\n"), HasSubstr("before the first action"));
  EXPECT_THAT(ParseFailure("only t2\n"), HasSubstr("no option"));
}

TEST(ScriptRunner, GoesOnAfterAnotherRefusal) {
  ScriptedCard card({"6985", "9000"});
  const std::string text = RunOn(card, "> 00\n< 6A80\n> 01\n< 9000\n");
  EXPECT_THAT(text, HasSubstr("line 4: status word 6985"));
  EXPECT_EQ(card.sent.size(), 2U);
  // What is worse goes before.
  EXPECT_THAT(RunWith({"6985", "6F00"}, "> 00\n< 6A80\n> 01\n< 9000\n"), HasSubstr("line 6: status word 6F00"));
  // Success instead of a refusal, data beside it, or 6D01 ends the case.
  for (const char* answer : {"9000", "006985", "6300"}) {
    ScriptedCard other({answer, "9000"});
    EXPECT_NE(RunOn(other, "> 00\n< 6A80\n> 01\n< 9000\n"), "");
    EXPECT_EQ(other.sent.size(), 1U) << answer;
  }
  ScriptedCard verify({"6985", "9000"});
  EXPECT_NE(RunOn(verify, "> 00\n< 6D01\n> 01\n< 9000\n"), "");
  EXPECT_EQ(verify.sent.size(), 1U);
}

TEST(ScriptRunner, ComputesOffsets) {
  const std::string any(kAnyCommand);
  EXPECT_EQ(RunWith({}, any + "number n = 0100 - 1\nequal {n} 00FF\n"), "");
  EXPECT_EQ(RunWith({}, any + "number n = 00FF + 2\nequal {n} 0101\n"), "");
  EXPECT_EQ(RunWith({}, any + "number n = 05\nequal {n} 0005\n"), "");
  for (const char* wrong : {"0001 - 2", "FFFF + 1", "010203", "0001 * 2", "0001 + x"}) {
    EXPECT_NE(RunWith({}, any + "number n = " + wrong + "\n"), "") << wrong;
  }
}

TEST(ScriptRunner, ChecksStructures) {
  const std::string any(kAnyCommand);
  EXPECT_EQ(RunWith({}, any + "fields C306830102600101 C3 73? 83 60\n"), "");
  EXPECT_NE(RunWith({}, any + "fields C306830102600101 C3 73 83 60\n"), "");
  EXPECT_NE(RunWith({}, any + "fields C306600101830102 C3 83 60\n"), "");
  EXPECT_NE(RunWith({}, any + "fields C306830102600101 C3 83\n"), "");
  EXPECT_NE(RunWith({}, any + "fields C306830102600101 C1 83 60\n"), "");
  EXPECT_NE(RunWith({}, any + "fields C30683010260010100 C3 83 60\n"), "");
  EXPECT_EQ(RunWith({}, any + "tagsin C303830102 83\n"), "");
  EXPECT_NE(RunWith({}, any + "tagsin C303D10102 83\n"), "");
  EXPECT_EQ(RunWith({}, any + "contains 010203 0203|FF\n"), "");
  EXPECT_NE(RunWith({}, any + "contains 010203 0103|FF\n"), "");
  EXPECT_EQ(RunWith({}, any + "ends 010203 0203\n"), "");
  EXPECT_NE(RunWith({}, any + "ends 010203 0102\n"), "");
  EXPECT_EQ(RunWith({}, any + "size 010203 0003\n"), "");
  EXPECT_NE(RunWith({}, any + "size 010203 0004\n"), "");
}

TEST(ScriptRunner, SelectsTheApplicationThatWasFound) {
  ScriptedCard card({"019000", "9000", "6F00"});
  const auto script = ParseScript("test", "[T00 case]\nbegin reset\n> 00\n< 6F00\n");
  ASSERT_TRUE(script);
  const auto crypto = crypto::OpenSslCrypto::Create();
  EXPECT_FALSE(ScriptRunner(card, *crypto, {{"aid", Hex("A00102")}}).Run(script->cases.front()));
  EXPECT_EQ(card.resets, 1);
  EXPECT_THAT(card.sent, ::testing::ElementsAre("0070000001", "01A4040003A00102", "00"));
}

TEST(ScriptParser, ReadsWhatACaseNeeds) {
  const auto script = ParseScript("x",
                                  "chapter 1.2 Words\nclause IoT.05 2.1\nneeds sig\n[T01 one]\nneeds write sig\n> 00\n"
                                  "< 9000\n[T02 two]\nstore many\n> 00\n< 9000\n[T03 three]\ngrade deviates ntt\n"
                                  "clause 7\n> 00\n< 9000\n");
  ASSERT_TRUE(script) << script.error().Text();
  EXPECT_EQ(script->chapter, "1.2 Words");
  EXPECT_THAT(script->cases[0].options.needs, ::testing::ElementsAre("sig", "write"));
  EXPECT_TRUE(script->cases[0].options.portable);
  EXPECT_EQ(script->cases[0].options.clause, "IoT.05 2.1");
  EXPECT_FALSE(script->cases[1].options.portable);
  EXPECT_TRUE(script->cases[1].options.needs.empty());
  EXPECT_EQ(script->cases[2].options.grade, CaseGrade::kDeviates);
  EXPECT_THAT(script->cases[2].options.cope, ::testing::ElementsAre("ntt"));
  EXPECT_EQ(script->cases[2].options.clause, "7");
}

TEST(ScriptParser, RefusesOptionsThatSayNothing) {
  EXPECT_THAT(ParseFailure("needs\n"), HasSubstr("says nothing"));
  EXPECT_THAT(ParseFailure("grade deviates\n"), HasSubstr("no option"));
  EXPECT_THAT(ParseFailure("grade fail ntt\n"), HasSubstr("no option"));
  EXPECT_THAT(ParseFailure("grade worse\n"), HasSubstr("no option"));
  EXPECT_THAT(ParseFailure("begin asleep\n"), HasSubstr("no option"));
  EXPECT_THAT(ParseFailure("[T01 a]\nchapter x\n> 00\n< 9000\n"), HasSubstr("no option"));
}

TEST(Expression, RefusesMistakes) {
  for (const char* text : {"0", "0G", "(00", "00)", "{none}", "{given:1:2}", "{given:x:1}", "00*", "(00*256)"}) {
    EXPECT_FALSE(Evaluate(text, {{"given", Hex("0102")}})) << text;
  }
}

}  // namespace
}  // namespace simroot::conformance
