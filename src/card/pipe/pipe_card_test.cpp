// SPDX-License-Identifier: Apache-2.0
#include "card/pipe/pipe_card.hpp"

#include <gtest/gtest.h>

#include "card/pipe/fake_pipe_card.hpp"
#include "common/host/test_hex.hpp"

namespace simroot::card {
namespace {

/// Has the code 80, and no other.
class OneCode final : public PipeExtension {
 public:
  bool Control(std::uint8_t code) override {
    codes.push_back(code);
    return code == 0x80;
  }
  Bytes codes;
};

class PipeCardTest : public ::testing::Test {
 protected:
  /// Everything that is sent while these bytes come in, one after another.
  std::string Feed(std::string_view hex) {
    std::string sent;
    for (const std::uint8_t byte : Hex(hex)) {
      sent += ToHex(pipe.Take(byte));
    }
    return sent;
  }

  testing::ReversingCard card;
  OneCode extension;
  std::array<std::uint8_t, 16> command{};
  std::array<std::uint8_t, wire::kPipeLengthSize + 32> message{};
  PipeCard pipe{card, command, message, &extension};
};

TEST_F(PipeCardTest, AnswersACommandWhenItsLastByteHasCome) {
  EXPECT_EQ(Feed("0005 00A40000"), "");
  EXPECT_TRUE(pipe.InMessage());
  EXPECT_EQ(Feed("07"), "0007070000A4009000");
  EXPECT_FALSE(pipe.InMessage());
  EXPECT_EQ(pipe.apdus(), 1U);
}

TEST_F(PipeCardTest, TakesMessagesOneAfterAnother) {
  EXPECT_EQ(Feed("0004 01020304 0004 05060708"), "00060403020190000006080706059000");
}

TEST_F(PipeCardTest, ControlCodes) {
  EXPECT_EQ(Feed("0001 00 0001 01 0001 02"), "");
  EXPECT_EQ(card.resets, 3U);
  EXPECT_EQ(Feed("0001 04"), "00043B021450");
  EXPECT_EQ(card.resets, 3U);
  EXPECT_EQ(card.commands, 0U);
}

TEST_F(PipeCardTest, PassesOverWhatItDoesNotKnow) {
  EXPECT_EQ(Feed("0001 03 0001 05 0001 7F 0000 0000"), "");
  EXPECT_EQ(card.resets, 0U);
  EXPECT_TRUE(extension.codes.empty());
  EXPECT_EQ(Feed("0001 04"), "00043B021450");
}

TEST_F(PipeCardTest, ProductCodes) {
  EXPECT_EQ(Feed("0001 80"), "00043B021450");
  EXPECT_EQ(Feed("0001 81"), "");
  EXPECT_EQ(extension.codes, (Bytes{0x80, 0x81}));
  PipeCard plain(card, command, message);
  for (const std::uint8_t byte : Hex("0001 80")) {
    EXPECT_TRUE(plain.Take(byte).empty());
  }
}

TEST_F(PipeCardTest, LongestCommandFitsAndOneByteMoreIsRefused) {
  EXPECT_EQ(Feed("0010 000102030405060708090A0B0C0D0E0F"), "00120F0E0D0C0B0A090807060504030201009000");
  EXPECT_EQ(Feed("0011 000102030405060708090A0B0C0D0E0F10"), "00026700");
  EXPECT_EQ(card.commands, 1U);
  EXPECT_EQ(Feed("0001 04"), "00043B021450");  // still in step
}

TEST_F(PipeCardTest, LongestLengthIsReadToItsEnd) {
  EXPECT_EQ(Feed("FFFF"), "");
  for (unsigned i = 0; i < 0xFFFE; ++i) {
    ASSERT_TRUE(pipe.Take(0x55).empty());
  }
  EXPECT_EQ(Feed("55"), "00026700");
}

TEST_F(PipeCardTest, AbandonForgetsTheBeginning) {
  EXPECT_EQ(Feed("0005 00A4"), "");
  pipe.Abandon();
  EXPECT_FALSE(pipe.InMessage());
  EXPECT_EQ(Feed("0001 04"), "00043B021450");
  EXPECT_EQ(card.commands, 0U);
}

TEST_F(PipeCardTest, CommandsAreWipedAfterUse) {
  static_cast<void>(Feed("0006 010203040506"));
  EXPECT_EQ(command, decltype(command){});
  static_cast<void>(Feed("0006 0102"));
  pipe.Abandon();
  EXPECT_EQ(command, decltype(command){});
  EXPECT_EQ(message, decltype(message){});
}

}  // namespace
}  // namespace simroot::card
