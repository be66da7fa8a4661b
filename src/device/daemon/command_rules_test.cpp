// SPDX-License-Identifier: Apache-2.0
#include "device/daemon/command_rules.hpp"

#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"

namespace simroot::device::daemon {
namespace {

TEST(CommandRules, OnAChannelOfTheDaemon) {
  for (const std::string_view command :
       {"80CB000000", "00CB000000", "84E20000 01 00", "80500000 01 00", "90CB000000", "00C0000010"}) {
    EXPECT_TRUE(CheckOnChannel(Hex(command))) << command;
  }
  for (const std::string_view command :
       {"81CB000000", "02CB000000", "40CB000000", "C0CB000000", "FFCB000000", "00A40400 05 A000000559", "0070000001",
        "0070800100", "0CA40400 05 A000000559", "10A40400 05 A000000559", "8010000000", "8012000010", "8014000000",
        "80C2000001 00", "80CB00", "A0A4000002 3F00", "20CB000000", "8070000000", "80A4000000"}) {
    const auto allowed = CheckOnChannel(Hex(command));
    ASSERT_FALSE(allowed) << command;
    EXPECT_EQ(allowed.error().domain, ErrorDomain::kUsage);
  }
}

TEST(CommandRules, RawCommands) {
  EXPECT_FALSE(ParseRaw(Hex("40CB0000")));
  EXPECT_FALSE(ParseRaw(Hex("00CB00")));
  const auto open = ParseRaw(Hex("0170000001"));
  ASSERT_TRUE(open);
  EXPECT_TRUE(open->opens && !open->closes);
  EXPECT_EQ(open->channel, 1);
  const auto close = ParseRaw(Hex("0070800300"));
  ASSERT_TRUE(close);
  EXPECT_TRUE(close->closes && !close->opens);
  EXPECT_EQ(close->other_channel, 3);
  const auto proprietary = ParseRaw(Hex("8070800200"));
  ASSERT_TRUE(proprietary);
  EXPECT_TRUE(proprietary->closes);
  const auto odd = ParseRaw(Hex("0170400200"));
  ASSERT_TRUE(odd);
  EXPECT_TRUE(odd->odd && !odd->opens && !odd->closes);
  EXPECT_FALSE(ParseRaw(Hex("A0A40000023F00")));
  const auto envelope = ParseRaw(Hex("81C2000000"));
  ASSERT_TRUE(envelope);
  EXPECT_TRUE(envelope->toolkit);
  EXPECT_TRUE(ParseRaw(Hex("02A4040005A000000559"))->selects);
  EXPECT_FALSE(ParseRaw(Hex("02A40000023F00"))->selects);
}

TEST(CommandRules, WhatUsesKeys) {
  for (const std::string_view command : {"802A0001", "002B8001", "80460000", "80480000", "804A0000", "80540000",
                                         "80560000", "80580000", "805E0100", "80B90000"}) {
    EXPECT_TRUE(UsesKeys(Hex(command))) << command;
  }
  for (const std::string_view command :
       {"80CB0000", "00B00000", "80840000", "80CD0000", "802C0001", "00200001", "00C00000", "80500000", "80520000"}) {
    EXPECT_FALSE(UsesKeys(Hex(command))) << command;
  }
}

TEST(CommandRules, WhatGivesThePin) {
  EXPECT_TRUE(GivesPin(Hex("00200001 08 31323334FFFFFFFF")));
  EXPECT_FALSE(GivesPin(Hex("00200001"))) << "a question";
  EXPECT_FALSE(GivesPin(Hex("00210001 08 31323334FFFFFFFF")));
  EXPECT_FALSE(MayGivePin(Hex("0020000100")));
  for (const std::string_view command :
       {"10200001 08 31323334FFFFFFFF", "0C200001 08 31323334FFFFFFFF", "00200101 08 31323334FFFFFFFF",
        "00200081 08 31323334FFFFFFFF", "00200001 000008 31323334FFFFFFFF"}) {
    EXPECT_FALSE(GivesPin(Hex(command))) << command;
    EXPECT_TRUE(MayGivePin(Hex(command))) << command;
  }
}

TEST(CommandRules, ChannelIsPutIntoTheClassByte) {
  EXPECT_EQ(OnChannel(Hex("80CB000000"), 2), Hex("82CB000000"));
  EXPECT_EQ(OnChannel(Hex("04CB000000"), 0), Hex("04CB000000"));
}

}  // namespace
}  // namespace simroot::device::daemon
