// SPDX-License-Identifier: Apache-2.0
/// A holder of a fake card, for the tests of this folder.
#pragma once

#include "device/daemon/card_holder.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "device/daemon/fake_card.hpp"

namespace simroot::device::daemon::testing {

inline constexpr ClientId kAlice = 1;
inline constexpr ClientId kBob = 2;
inline constexpr ClientId kCarol = 3;
inline const std::string kInit = "802A000103840101";
inline const std::string kUpdate = "802B8001049E020102";
inline const std::string kState = "80CB000000";  // the fake answers 01 if a session is open on the channel
inline const std::string kPin = "31323334FFFFFFFF";
inline const std::string kVerify = "0020000108" + kPin;

inline Deadline Soon() {
  return Deadline::After(std::chrono::seconds(20));
}

class CardHolderTest : public ::testing::Test {
 protected:
  CardHolderTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "simroot-holder-XXXXXX").string();
    SR_CHECK(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    Start();
  }
  ~CardHolderTest() override { std::filesystem::remove_all(folder_); }

  void Start() { holder_.emplace(Options()); }
  HolderOptions Options() {
    HolderOptions options;
    options.card = {.scheme = "at", .path = "/dev/fake", .text = "at:/dev/fake"};
    options.open_transport = Opener(card_);
    options.runtime_directory = folder_;
    options.shortest_pause = options.first_pause = options.longest_pause = std::chrono::milliseconds(0);
    return options;
  }

  void Begin() { ASSERT_TRUE(holder_->Begin(Soon())); }
  std::uint8_t Open(ClientId client, const std::string& aid = kAid) {
    const auto opened = holder_->OpenChannel(client, Hex(aid), Soon());
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().Text());
    return opened.value_or(0);
  }
  /// The answer in hexadecimal, or the error.
  std::string Send(ClientId client, std::uint8_t handle, const std::string& command) {
    const auto answer = holder_->Transmit(client, handle, Hex(command), Soon());
    return answer ? ToHex(*answer) : answer.error().Text();
  }
  void Warm() {
    holder_->Tidy(Soon());
    static_cast<void>(card_->TakeEvents());
  }
  std::vector<std::string> Apdus() {
    auto events = card_->TakeEvents();
    std::erase_if(events, [](const std::string& event) { return event == "open" || event == "lock"; });
    return events;
  }

  std::shared_ptr<FakeCard> card_ = std::make_shared<FakeCard>();
  std::string folder_;
  std::optional<CardHolder> holder_;
};

}  // namespace simroot::device::daemon::testing
