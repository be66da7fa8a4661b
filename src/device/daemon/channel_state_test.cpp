// SPDX-License-Identifier: Apache-2.0
#include "device/daemon/channel_state.hpp"

#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"

namespace simroot::device::daemon {
namespace {

struct Exchange {
  std::string_view command;
  std::string_view response;
};

bool CleanAfter(std::initializer_list<Exchange> exchanges) {
  ChannelState state;
  for (const Exchange& exchange : exchanges) {
    state.Observe(Hex(exchange.command), Hex(exchange.response));
  }
  return state.clean();
}

constexpr Exchange kInit{"802A0001 03 840101", "9000"};
constexpr Exchange kUpdate{"802B8001 04 9E020102 00", "6142"};
constexpr Exchange kFetch{"00C00000 42", "33019000"};

TEST(ChannelState, IsCleanAtFirst) {
  EXPECT_TRUE(ChannelState().clean());
}

TEST(ChannelState, WholeSignatureLeavesNothing) {
  EXPECT_TRUE(CleanAfter({kInit, kUpdate, kFetch}));
  EXPECT_TRUE(CleanAfter({kInit, {"802B8001 04 9E020102 00", "3301AA9000"}}));
  EXPECT_TRUE(CleanAfter({{"802C0002 03 850101", "9000"}, {"802D8002 04 9E020102", "6D01"}})) << "a mismatch is an end";
}

TEST(ChannelState, EveryPartOfASignatureLeavesSomething) {
  EXPECT_FALSE(CleanAfter({kInit}));
  EXPECT_FALSE(CleanAfter({kInit, kUpdate}));
  EXPECT_FALSE(CleanAfter({kInit, {"802B0001 04 9B020102", "9000"}})) << "not the last UPDATE";
  EXPECT_FALSE(CleanAfter({kInit, {"802B8002 04 9E020102 00", "9000"}})) << "of another session";
  EXPECT_FALSE(CleanAfter({kInit, {"802D8001 04 9E020102 00", "9000"}})) << "of another family";
  EXPECT_FALSE(CleanAfter({kInit, {"802B8001 04 9E020102 00", "6985"}}));
  EXPECT_FALSE(CleanAfter({kInit, kUpdate, {"00C00000 42", "6F00"}}));
  EXPECT_FALSE(CleanAfter({kInit, kUpdate, {"00C00000 20", "AABB6122"}})) << "more is to be fetched";
  EXPECT_FALSE(CleanAfter({kInit, {"802A0002 03 840101", "9000"}, kUpdate, kFetch})) << "two sessions";
}

TEST(ChannelState, ClosedSessionLeavesNothing) {
  EXPECT_TRUE(CleanAfter({kInit, {"802A0101 00", "9000"}}));
  EXPECT_FALSE(CleanAfter({kInit, {"802A0102 00", "9000"}}));
  EXPECT_FALSE(CleanAfter({kInit, {"802A0101 00", "6A88"}}));
}

TEST(ChannelState, SingleCommandsLeaveNothing) {
  for (const std::string_view command :
       {"80CB0000 00", "80840000 10", "00B00000 03 830102 10", "80CD0000 03 850101 00", "80460000 06 840104 850105 00",
        "80480000 03 860106 00", "80B90000 03 840104 00"}) {
    EXPECT_TRUE(CleanAfter({{command, "AABB9000"}})) << command;
    EXPECT_TRUE(CleanAfter({{command, "6102"}, {"00C00000 02", "AABB9000"}})) << command;
    EXPECT_FALSE(CleanAfter({{command, "6102"}})) << command;
    EXPECT_FALSE(CleanAfter({{command, "6A88"}})) << command;
  }
}

TEST(ChannelState, WrongLengthWasNotCarriedOut) {
  EXPECT_TRUE(CleanAfter({{"80CB0000 00", "6C20"}}));
  EXPECT_FALSE(CleanAfter({kInit, {"802B8001 04 9E020102 00", "6C42"}}));
  EXPECT_TRUE(CleanAfter({{"80840000 10", "6110"}, {"00C00000 20", "6C10"}, {"00C00000 10", "AABB9000"}}));
}

TEST(ChannelState, UnknownCommandsLeaveSomething) {
  for (const std::string_view command : {"80500000 08 0102030405060708", "00A40000 02 3F00", "80240000 03 850105",
                                         "80520000 02 9B00", "84CB0000 00", "90CB0000 00", "8CCB0000 00"}) {
    EXPECT_FALSE(CleanAfter({{command, "9000"}})) << command;
  }
}

TEST(ChannelState, DirtStaysUntilSelect) {
  ChannelState state;
  state.Observe(Hex("80CB0000 00"), {});
  EXPECT_FALSE(state.clean()) << "no answer";
  state.Observe(Hex("80CB0000 00"), Hex("9000"));
  EXPECT_FALSE(state.clean());
  state.Selected();
  EXPECT_TRUE(state.clean());
}

TEST(ChannelState, StrayGetResponseLeavesSomething) {
  EXPECT_FALSE(CleanAfter({{"00C00000 10", "AABB9000"}}));
}

}  // namespace
}  // namespace simroot::device::daemon
