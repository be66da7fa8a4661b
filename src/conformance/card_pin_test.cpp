// SPDX-License-Identifier: Apache-2.0
#include "conformance/card_pin.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"
#include "conformance/card_gate.hpp"

namespace simroot::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kQuestion = "81200001";
constexpr std::string_view kRight = "812000010831323334FFFFFFFF";

/// A card with a PIN and one command that it guards, 81 2A 00 01; it can say something else than it should.
class PinCard final : public CardLink {
 public:
  void Reset() override { verified = false; }
  [[nodiscard]] ByteView Atr() const override { return {}; }
  [[nodiscard]] bool CanReset() const override { return true; }
  [[nodiscard]] bool CarriesFragments() const override { return true; }
  [[nodiscard]] std::string Broken() const override { return {}; }
  [[nodiscard]] std::size_t Transmit(ByteView command, ByteSpan response) override {
    sent.push_back(ToHex(command));
    const Bytes answer = Answer(sent.back());
    EXPECT_TRUE(CopyBytes(answer, response));
    return answer.size();
  }

  std::vector<std::string> sent;
  std::string pin = "31323334FFFFFFFF";
  unsigned tries = 3;
  bool verified = false;
  bool forgets = false;     ///< takes the PIN, and forgets it at once
  std::string to_question;  ///< answered instead
  std::string to_pin;       ///< answered instead

 private:
  Bytes Answer(const std::string& command) {
    const std::string ins = command.substr(2, 2);
    if (ins == "70") {
      return Hex(command == "0070000001" && sent.size() == 1 ? "019000" : "6A81");
    }
    if (ins != "20") {
      return Hex(verified || ins != "2A" ? "9000" : "6982");
    }
    if (command.size() == 8) {
      return Hex(!to_question.empty() ? to_question : verified ? "9000" : Counter());
    }
    if (!to_pin.empty()) {
      return Hex(to_pin);
    }
    verified = tries > 0 && command.ends_with(pin);
    tries = verified ? 3 : tries - std::min(tries, 1U);
    const bool took = verified;
    verified = verified && !forgets;
    return Hex(took ? "9000" : Counter());
  }
  [[nodiscard]] std::string Counter() const { return tries == 0 ? "6983" : "63C" + std::to_string(tries); }
};

std::string Send(CardGate& gate, const std::string& command) {
  Bytes memory(258);
  memory.resize(gate.Transmit(Hex(command), memory));
  return ToHex(memory);
}

TEST(CardPin, IsOnlyAskedForWhereNobodyNamedIt) {
  PinCard card;
  CardPin pin(card, {});
  EXPECT_EQ(pin.Open(0x81), PinState::kWanted);
  EXPECT_THAT(card.sent, ElementsAre(kQuestion));
}

TEST(CardPin, IsGivenOnce) {
  PinCard card;
  CardPin pin(card, AsBytes("1234"));
  EXPECT_EQ(pin.Open(0x81), PinState::kVerified);
  EXPECT_EQ(pin.Open(0x81), PinState::kVerified);
  EXPECT_THAT(card.sent, ElementsAre(kQuestion, kRight, kQuestion));
  EXPECT_EQ(pin.times_given(), 1U);
}

TEST(CardPin, IsNotGivenToACardWithoutOne) {
  for (const char* answer : {"6A88", "6D00", "6A86", "6984", "6E00"}) {
    PinCard card;
    card.to_question = answer;
    EXPECT_EQ(CardPin(card, AsBytes("1234")).Open(0x81), PinState::kNone) << answer;
    EXPECT_THAT(card.sent, ElementsAre(kQuestion));
  }
}

TEST(CardPin, IsNotGivenToACardThatIsBlocked) {
  for (const char* answer : {"6983", "63C0"}) {
    PinCard card;
    card.to_question = answer;
    EXPECT_EQ(CardPin(card, AsBytes("1234")).Open(0x81), PinState::kBlocked) << answer;
    EXPECT_THAT(card.sent, ElementsAre(kQuestion));
  }
}

TEST(CardPin, IsGivenToACardThatDoesNotTellItsCounter) {
  PinCard card;
  card.to_question = "6700";
  EXPECT_EQ(CardPin(card, AsBytes("1234")).Open(0x81), PinState::kVerified);
}

TEST(CardPin, LeavesTheLastTry) {
  PinCard card;
  card.tries = 1;
  const auto opened = CardPin(card, AsBytes("1234")).Open(0x81);
  ASSERT_FALSE(opened.has_value());
  EXPECT_THAT(opened.error().Text(), HasSubstr("one try left"));
  EXPECT_THAT(card.sent, ElementsAre(kQuestion));
}

TEST(CardPin, IsNeverGivenTwiceIfItIsWrong) {
  PinCard card;
  CardPin pin(card, AsBytes("1235"));
  const auto opened = pin.Open(0x81);
  ASSERT_FALSE(opened.has_value());
  EXPECT_THAT(opened.error().Text(), HasSubstr("tries left: 2"));
  EXPECT_EQ(pin.Open(0x81), PinState::kWanted);
  EXPECT_EQ(card.tries, 2U);
}

TEST(CardPin, TakesTheEndOfARemoteSessionForSuccess) {
  PinCard card;
  card.to_pin = "63CF";
  EXPECT_EQ(CardPin(card, AsBytes("1234")).Open(0x81), PinState::kVerified);
}

TEST(CardPin, OfMoreThanEightBytesIsNotGiven) {
  PinCard card;
  EXPECT_FALSE(CardPin(card, AsBytes("123456789")).Open(0x81).has_value());
  EXPECT_THAT(card.sent, ElementsAre(kQuestion));
}

TEST(CardGatePin, IsGivenAgainAfterAResetAndTheCommandRepeated) {
  PinCard card;
  CardGate gate(card, false, AsBytes("1234"));
  ASSERT_EQ(gate.FindChannels(), 1U);
  ASSERT_EQ(gate.OpenPin(0x81), PinState::kVerified);
  EXPECT_EQ(Send(gate, "812A0001"), "9000");
  gate.Reset();
  card.sent.clear();
  EXPECT_EQ(Send(gate, "81840000"), "9000");
  EXPECT_EQ(Send(gate, "812A0001"), "9000");
  EXPECT_THAT(card.sent, ElementsAre("81840000", "812A0001", kQuestion, kRight, "812A0001"));
  EXPECT_FALSE(gate.TakeGuarded());
}

TEST(CardGatePin, WithoutItTheRefusalIsRemembered) {
  PinCard card;
  CardGate gate(card, true);
  ASSERT_EQ(gate.FindChannels(), 1U);
  ASSERT_EQ(gate.OpenPin(0x81), PinState::kWanted);
  EXPECT_EQ(Send(gate, "81840000"), "9000");
  EXPECT_FALSE(gate.TakeGuarded());
  EXPECT_EQ(Send(gate, "812A0001"), "6982");
  EXPECT_TRUE(gate.TakeGuarded());
  EXPECT_FALSE(gate.TakeGuarded());
}

TEST(CardGatePin, OfAnotherProgramIsMissedAfterAReset) {
  PinCard card;
  card.verified = true;
  CardGate gate(card, true);
  ASSERT_EQ(gate.FindChannels(), 1U);
  ASSERT_EQ(gate.OpenPin(0x81), PinState::kVerified);
  gate.Reset();
  EXPECT_EQ(Send(gate, "812A0001"), "6982");
  EXPECT_TRUE(gate.TakeGuarded());
}

TEST(CardGatePin, ARefusalOfACardWithoutPinIsAFinding) {
  PinCard card;
  card.to_question = "6A88";
  CardGate gate(card, true, AsBytes("1234"));
  ASSERT_EQ(gate.FindChannels(), 1U);
  ASSERT_EQ(gate.OpenPin(0x81), PinState::kNone);
  card.sent.clear();
  EXPECT_EQ(Send(gate, "812A0001"), "6982");
  EXPECT_THAT(card.sent, ElementsAre("812A0001"));
  EXPECT_FALSE(gate.TakeGuarded());
}

TEST(CardGatePin, ARefusalOfACardThatHasItsPinIsAFinding) {
  PinCard card;
  card.forgets = true;
  card.to_question = "9000";
  CardGate gate(card, true, AsBytes("1234"));
  ASSERT_EQ(gate.FindChannels(), 1U);
  ASSERT_EQ(gate.OpenPin(0x81), PinState::kVerified);
  EXPECT_EQ(Send(gate, "812A0001"), "6982");
  EXPECT_FALSE(gate.TakeGuarded());
}

TEST(CardGatePin, IsNotTriedOnACardWhosePinHasChanged) {
  PinCard card;
  CardGate gate(card, true, AsBytes("1234"));
  ASSERT_EQ(gate.FindChannels(), 1U);
  ASSERT_EQ(gate.OpenPin(0x81), PinState::kVerified);
  EXPECT_TRUE(gate.PinTrouble().has_value());
  gate.Reset();
  card.pin = "35363738FFFFFFFF";
  EXPECT_EQ(Send(gate, "812A0001"), "6982");
  ASSERT_FALSE(gate.PinTrouble().has_value());
  EXPECT_THAT(gate.PinTrouble().error().Text(), HasSubstr("took before"));
  card.sent.clear();
  EXPECT_EQ(Send(gate, "812A0001"), "6985");
  EXPECT_THAT(card.sent, IsEmpty());
  EXPECT_EQ(card.tries, 2U);
}

TEST(CardGatePin, TheQuestionNeedsNoLeaveButThePinDoes) {
  EXPECT_FALSE(CanChange(Hex("81200001")));
  EXPECT_TRUE(CanChange(Hex("812000010831323334FFFFFFFF")));
  EXPECT_TRUE(CanChange(Hex("8120000100")));
}

}  // namespace
}  // namespace simroot::conformance
