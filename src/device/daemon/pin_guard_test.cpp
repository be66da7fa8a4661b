// SPDX-License-Identifier: Apache-2.0
#include "device/daemon/pin_guard.hpp"

#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"

namespace simroot::device::daemon {
namespace {

constexpr auto kNotGiven = wire::StatusWord{0x63C3};
constexpr auto kGiven = wire::StatusWord::kOk;
constexpr ClientId kHonest = 1;
constexpr ClientId kThief = 2;

const Bytes& Aid() {
  static const Bytes aid = Hex("A0000005590010");
  return aid;
}

TEST(PinGuard, WithoutAPinEverybodyMay) {
  PinGuard guard(false);
  guard.Learn(Aid(), wire::StatusWord::kReferencedDataNotFound);
  EXPECT_TRUE(guard.Knows(Aid()));
  EXPECT_TRUE(guard.MayUseKeys(kThief, Aid()));
}

TEST(PinGuard, OnePinServesOneClient) {
  PinGuard guard(false);
  guard.Learn(Aid(), kNotGiven);
  EXPECT_TRUE(guard.MayUseKeys(kThief, Aid())) << "the card itself refuses";
  guard.Given(kHonest, Aid());
  EXPECT_TRUE(guard.MayUseKeys(kHonest, Aid()));
  EXPECT_FALSE(guard.MayUseKeys(kThief, Aid()));
  guard.Given(kThief, Aid());
  EXPECT_TRUE(guard.MayUseKeys(kThief, Aid()));
}

TEST(PinGuard, AnotherNameOfTheApplicationIsNoWayAround) {
  const Bytes part = Hex("A000000559");
  PinGuard before(false);  // its channel was opened first
  before.Learn(part, kNotGiven);
  before.Learn(Aid(), kNotGiven);
  before.Given(kHonest, Aid());
  EXPECT_FALSE(before.MayUseKeys(kThief, part));
  PinGuard after(false);
  after.Learn(Aid(), kNotGiven);
  after.Given(kHonest, Aid());
  after.Learn(part, kGiven);
  EXPECT_FALSE(after.MayUseKeys(kThief, part));
  EXPECT_FALSE(after.MayUseKeysRaw(kThief, part)) << "on a channel of its own";
}

TEST(PinGuard, PinGivenBeforeTheDaemonCameServesAll) {
  PinGuard guard(false);
  guard.Learn(Aid(), kGiven);
  guard.Given(kHonest, Aid());
  EXPECT_TRUE(guard.MayUseKeys(kThief, Aid()));
}

TEST(PinGuard, PinGivenThroughAKilledDaemonServesNobody) {
  PinGuard guard(true);
  guard.Learn(Aid(), kGiven);
  EXPECT_FALSE(guard.MayUseKeys(kThief, Aid()));
  guard.Given(kHonest, Aid());
  EXPECT_TRUE(guard.MayUseKeys(kHonest, Aid()));
}

TEST(PinGuard, GoneClientTakesItsRightAlong) {
  PinGuard guard(false);
  guard.Learn(Aid(), kNotGiven);
  guard.Given(kHonest, Aid());
  guard.Forget(kHonest);
  EXPECT_FALSE(guard.MayUseKeys(kHonest, Aid()));
}

TEST(PinGuard, PortThatWasOpenedAgainForgetsNothing) {
  PinGuard guard(false);
  guard.Learn(Aid(), kNotGiven);
  guard.Given(kHonest, Aid());
  guard.AskAgain();
  EXPECT_FALSE(guard.Knows(Aid()));
  guard.Learn(Aid(), kGiven);  // the card was not reset
  EXPECT_FALSE(guard.MayUseKeys(kThief, Aid()));
  EXPECT_TRUE(guard.MayUseKeys(kHonest, Aid()));
}

TEST(PinGuard, AnotherApplicationWithoutAPinIsFree) {
  const Bytes other = Hex("A000000151000000");
  PinGuard guard(false);
  guard.Learn(Aid(), kNotGiven);
  guard.Given(kHonest, Aid());
  guard.Learn(other, wire::StatusWord::kUnknownInstruction);
  EXPECT_TRUE(guard.MayUseKeys(kThief, other));
}

TEST(PinGuard, SuccessWithNewsIsSuccess) {
  PinGuard guard(true);
  guard.Learn(Aid(), wire::StatusWord{0x9110});
  EXPECT_FALSE(guard.MayUseKeys(kThief, Aid()));
}

TEST(PinGuard, ApplicationThatDoesNotUnderstandTheQuestionIsGuarded) {
  for (const auto answer : {wire::StatusWord::kUnknownClass, wire::StatusWord::kWrongLength}) {
    PinGuard guard(false);
    guard.Learn(Aid(), answer);
    EXPECT_EQ(guard.Knows(Aid()), answer == wire::StatusWord::kUnknownClass);
    EXPECT_TRUE(guard.MayUseKeys(kThief, Aid())) << "nobody has given a PIN";
    guard.Given(kHonest, Aid());
    EXPECT_TRUE(guard.MayUseKeys(kHonest, Aid()));
    EXPECT_FALSE(guard.MayUseKeys(kThief, Aid()));
  }
}

TEST(PinGuard, PinThatNobodyHasShownServesNobody) {
  PinGuard guard(false);
  guard.Learn(Aid(), kNotGiven);
  guard.Given(kNobody, Aid());
  EXPECT_FALSE(guard.MayUseKeys(kHonest, Aid()));
}

}  // namespace
}  // namespace simroot::device::daemon
