// SPDX-License-Identifier: Apache-2.0
/// What a thief tries who may connect but does not know the PIN.
#include "device/daemon/card_holder_test_support.hpp"

namespace simroot::device::daemon {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): this folder's own

class CardGuardTest : public CardHolderTest {
 protected:
  /// Alice has given the PIN, and is gone.
  void GiveAndLeave() {
    card_->SetPin(kPin);
    Warm();
    Begin();
    EXPECT_EQ(Send(kAlice, Open(kAlice), kVerify), "9000");
    holder_->End();
    holder_->Forget(kAlice);
    Begin();
  }
};

TEST_F(CardGuardTest, ChannelThatWentToThePoolIsNotTheClientsAnyMore) {
  GiveAndLeave();
  EXPECT_EQ(Send(kBob, 0, "0070000001"), "019000");
  EXPECT_EQ(Send(kBob, 0, "0070800100"), "9000");
  const std::uint8_t channel = Open(kBob, kOtherAid);
  EXPECT_EQ(Send(kBob, 0, "01A4040007" + kAid), "6881") << "it is the pool's now";
  static_cast<void>(Apdus());
  holder_->End();
  EXPECT_TRUE(Apdus().empty()) << "nor is it closed under the pool";
  static_cast<void>(channel);
}

TEST_F(CardGuardTest, SuccessWithNewsArmsTheGuard) {
  for (const std::string& answer : {std::string("9110"), std::string("63CF")}) {
    card_->Reset();
    card_->SetVerifyAnswer(answer);
    card_->SetPin(kPin);
    Start();
    Warm();
    Begin();
    const std::uint8_t alices = Open(kAlice);
    EXPECT_EQ(Send(kAlice, alices, kVerify), answer.c_str());
    EXPECT_EQ(Send(kAlice, alices, kInit), "9000");
    EXPECT_EQ(Send(kBob, Open(kBob), kInit), "6982") << answer;
    holder_->End();
    std::filesystem::remove_all(folder_);  // what the next round must not know
    std::filesystem::create_directory(folder_);
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
  }
}

TEST_F(CardGuardTest, OtherFormsOfVerifyGiveNoRight) {
  for (const std::string& command :
       {"1020000108" + kPin, std::string("0020000200"), "0020000208" + kPin, "00200001000008" + kPin}) {
    GiveAndLeave();
    const std::uint8_t channel = Open(kBob);
    static_cast<void>(Send(kBob, channel, command));
    EXPECT_EQ(Send(kBob, channel, kInit), "6982") << command;
    holder_->End();
    card_->Reset();
    Start();
  }
}

TEST_F(CardGuardTest, PinOfAnotherApplicationGivesNoRightOnAChannelOfItsOwn) {
  GiveAndLeave();
  EXPECT_EQ(Send(kBob, 0, "0070000001"), "019000");
  EXPECT_EQ(Send(kBob, 0, "01A4040008" + kOtherAid), "9000");
  EXPECT_EQ(Send(kBob, 0, "0120000108" + kPin), "9000");
  EXPECT_EQ(Send(kBob, 0, "01A4040007" + kAid), "9000");
  EXPECT_EQ(Send(kBob, 0, "812A000103840101"), "6982");
  EXPECT_EQ(Send(kBob, 0, "0120000108" + kPin), "9000");
  EXPECT_EQ(Send(kBob, 0, "812A000103840101"), "9000");
}

TEST_F(CardGuardTest, ApplicationOfAnotherClassIsGuarded) {
  card_->SetVerifyClass(0x80);
  card_->SetPin(kPin);
  Warm();
  Begin();
  const std::uint8_t channel = Open(kAlice);
  EXPECT_EQ(Send(kAlice, channel, "8020000108" + kPin), "9000");
  EXPECT_EQ(Send(kAlice, channel, kInit), "9000");
  EXPECT_EQ(Send(kBob, Open(kBob), kInit), "6982");
}

TEST_F(CardGuardTest, PortByAnotherNameRemembersThePin) {
  GiveAndLeave();
  HolderOptions options = Options();
  options.card.text = "at:/dev/fake?mode=csim";
  holder_.emplace(options);
  Begin();
  EXPECT_EQ(Send(kBob, Open(kBob), kInit), "6982");
}

TEST_F(CardGuardTest, OneLostChannelDoesNotLeakTheOthers) {
  Warm();
  Begin();
  const std::uint8_t alices = Open(kAlice);
  EXPECT_EQ(Send(kAlice, alices, kInit), "9000");
  EXPECT_EQ(Send(kBob, Open(kBob), kInit), "9000");
  EXPECT_EQ(card_->OpenChannels(), 2U);
  card_->Lose(1);
  EXPECT_EQ(Send(kAlice, alices, kUpdate), "6881");
  std::vector<std::uint8_t> channels;
  for (const ClientId client : {kAlice, kBob, kCarol}) {
    channels.push_back(Open(client));
    EXPECT_EQ(Send(client, channels.back(), kInit), "9000");
  }
  EXPECT_EQ(Send(kAlice, channels.front(), kUpdate), "3301AA9000") << "what was left open made room, not Alice";
}

}  // namespace
}  // namespace simroot::device::daemon
