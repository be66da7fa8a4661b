// SPDX-License-Identifier: Apache-2.0
#include "common/wire/status_word.hpp"

#include <gtest/gtest.h>

namespace simroot::wire {
namespace {

TEST(StatusWord, SplitsAndJoins) {
  EXPECT_EQ(0x6DU, Sw1(StatusWord::kSignatureMismatch));
  EXPECT_EQ(0x01U, Sw2(StatusWord::kSignatureMismatch));
  EXPECT_EQ(StatusWord::kSignatureMismatch, MakeStatusWord(0x6D, 0x01));
  for (unsigned value = 0; value <= 0xFFFF; ++value) {
    const auto sw = static_cast<StatusWord>(value);
    ASSERT_EQ(sw, MakeStatusWord(Sw1(sw), Sw2(sw)));
  }
}

TEST(StatusWord, CountsBytesWaitingUpTo256) {
  EXPECT_EQ(MakeStatusWord(0x61, 0x01), BytesWaiting(1));
  EXPECT_EQ(MakeStatusWord(0x61, 0x47), BytesWaiting(71));
  EXPECT_EQ(MakeStatusWord(0x61, 0xFF), BytesWaiting(255));
  EXPECT_EQ(MakeStatusWord(0x61, 0x00), BytesWaiting(256));
  EXPECT_EQ(MakeStatusWord(0x61, 0x00), BytesWaiting(259));
}

TEST(DescribeStatusWord, NamesEveryRowOfTheTable) {
  for (const StatusWordName& row : kStatusWordNames) {
    EXPECT_EQ(row.meaning, Describe(row.sw));
    EXPECT_FALSE(row.meaning.empty());
  }
}

TEST(DescribeStatusWord, KeepsMismatchApartFromUnknownInstruction) {
  EXPECT_EQ("signature does not match", Describe(StatusWord::kSignatureMismatch));
  EXPECT_EQ("unknown instruction", Describe(StatusWord::kUnknownInstruction));
}

TEST(DescribeStatusWord, NamesTransportValues) {
  EXPECT_EQ("response bytes waiting for GET RESPONSE", Describe(MakeStatusWord(0x61, 0x43)));
  EXPECT_EQ("wrong Le, repeat with SW2", Describe(MakeStatusWord(0x6C, 0x10)));
  EXPECT_EQ("done, a proactive command is pending", Describe(MakeStatusWord(0x91, 0x20)));
}

TEST(DescribeStatusWord, SaysSoWhenItDoesNotKnow) {
  for (const auto sw : {MakeStatusWord(0x90, 0x01), MakeStatusWord(0x6D, 0x02), MakeStatusWord(0x00, 0x00),
                        MakeStatusWord(0xFF, 0xFF), MakeStatusWord(0x63, 0xC3)}) {
    EXPECT_EQ("unknown status word", Describe(sw));
  }
}

}  // namespace
}  // namespace simroot::wire
