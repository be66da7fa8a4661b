// SPDX-License-Identifier: Apache-2.0
#include "conformance/card_gate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"

namespace simroot::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Has channels of which some are taken; answers 9000 to everything else.
class ChannelCard final : public CardLink {
 public:
  explicit ChannelCard(std::set<std::uint8_t> taken) : taken_(std::move(taken)) {}
  void Reset() override {}
  [[nodiscard]] ByteView Atr() const override { return {}; }
  [[nodiscard]] bool CanReset() const override { return true; }
  [[nodiscard]] bool CarriesFragments() const override { return true; }
  [[nodiscard]] std::string Broken() const override { return {}; }
  [[nodiscard]] std::size_t Transmit(ByteView command, ByteSpan response) override {
    sent.push_back(ToHex(command));
    Bytes answer = Hex("9000");
    if (sent.back() == "0070000001") {
      std::uint8_t channel = 1;
      while (taken_.contains(channel)) {
        ++channel;
      }
      answer = channel > 3 ? Hex("6A81") : Bytes{channel, 0x90, 0x00};
      if (channel <= 3) {
        taken_.insert(channel);
      }
    } else if (sent.back().starts_with("007080")) {
      taken_.erase(Hex(sent.back().substr(6, 2)).front());
    }
    EXPECT_TRUE(CopyBytes(answer, response));
    return answer.size();
  }

  std::vector<std::string> sent;

 private:
  std::set<std::uint8_t> taken_;
};

std::string Send(CardGate& gate, const std::string& command) {
  Bytes memory(258);
  memory.resize(gate.Transmit(Hex(command), memory));
  return ToHex(memory);
}

TEST(CardGate, FindsFreeChannelsAndClosesThem) {
  ChannelCard card({});
  EXPECT_EQ(CardGate(card, true).FindChannels(), 3U);
  EXPECT_THAT(card.sent,
              ElementsAre("0070000001", "0070000001", "0070000001", "0070800100", "0070800200", "0070800300"));
}

TEST(CardGate, LeavesCommandsAsTheyAreWhereAllChannelsAreFree) {
  ChannelCard card({});
  CardGate gate(card, true);
  ASSERT_EQ(gate.FindChannels(), 3U);
  card.sent.clear();
  EXPECT_EQ(Send(gate, "0070000001"), "019000");
  EXPECT_EQ(Send(gate, "8184000008"), "9000");
  EXPECT_EQ(Send(gate, "B184000008"), "9000");
  EXPECT_THAT(card.sent, ElementsAre("0070000001", "8184000008", "B184000008"));
}

TEST(CardGate, MapsChannelsThatOthersHold) {
  ChannelCard card({1});
  CardGate gate(card, true);
  ASSERT_EQ(gate.FindChannels(), 2U);
  card.sent.clear();
  EXPECT_EQ(Send(gate, "0070000001"), "019000");
  EXPECT_EQ(Send(gate, "8184000008"), "9000");
  EXPECT_EQ(Send(gate, "0070800100"), "9000");
  EXPECT_THAT(card.sent, ElementsAre("0070000001", "8284000008", "0070800200"));
  EXPECT_FALSE(gate.TakeHeldBack());
}

TEST(CardGate, NeverTouchesTheChannelOfAnother) {
  ChannelCard card({1, 2});
  CardGate gate(card, true);
  ASSERT_EQ(gate.FindChannels(), 1U);
  card.sent.clear();
  EXPECT_EQ(Send(gate, "8284000008"), "6985");
  EXPECT_TRUE(gate.TakeHeldBack());
  EXPECT_EQ(Send(gate, "0070800300"), "6985");
  EXPECT_TRUE(gate.TakeHeldBack());
  EXPECT_FALSE(gate.TakeHeldBack());
  EXPECT_THAT(card.sent, IsEmpty());
}

TEST(CardGate, ClosesWhatACaseLeavesOpen) {
  ChannelCard card({});
  CardGate gate(card, true);
  ASSERT_EQ(gate.FindChannels(), 3U);
  EXPECT_EQ(Send(gate, "0070000001"), "019000");
  EXPECT_EQ(Send(gate, "03A4040005A000000559"), "9000");  // opens channel 3 on some cards
  card.sent.clear();
  gate.CloseChannels();
  EXPECT_THAT(card.sent, ElementsAre("0070800100", "0070800300"));
}

TEST(CardGate, HoldsBackWhatChangesTheCard) {
  ChannelCard card({});
  CardGate gate(card, false);
  ASSERT_EQ(gate.FindChannels(), 3U);
  card.sent.clear();
  for (const char* command : {"81B9000003840104", "81240002 03850105", "01D8800202 3400", "012000010431323334",
                              "815A000003830102", "815C000003830102", "8158000003840101", "80E2800000"}) {
    EXPECT_EQ(Send(gate, command), "6985") << command;
    EXPECT_TRUE(gate.TakeHeldBack()) << command;
  }
  EXPECT_THAT(card.sent, IsEmpty());
  for (const char* command : {"8124010200", "812A000100", "81CB000044"}) {
    EXPECT_EQ(Send(gate, command), "9000") << command;
    EXPECT_FALSE(gate.TakeHeldBack()) << command;
  }
}

TEST(CardGate, EncryptionUsesUpANonceDecryptionNothing) {
  EXPECT_TRUE(CanChange(Hex("8154000106860117A20103")));
  EXPECT_FALSE(CanChange(Hex("81540101")));
  EXPECT_FALSE(CanChange(Hex("8156000106860117A20102")));
}

}  // namespace
}  // namespace simroot::conformance
