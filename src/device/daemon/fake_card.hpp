// SPDX-License-Identifier: Apache-2.0
/// A card behind a port, for the tests of this folder: three channels, two applications, sessions and a PIN. Its events
/// can be read and its accidents be made from any thread.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "common/host/test_hex.hpp"
#include "device/transport/apdu_transport.hpp"

namespace simroot::device::daemon::testing {

inline const std::string kAid = "A0000005590010";
inline const std::string kOtherAid = "A000000151000000";

class FakeCard {
 public:
  // What the test may do at any time.
  void Reset() {
    const std::lock_guard lock(mutex_);
    channels_.clear();
    pin_given_ = false;
  }
  void SetPort(bool there) {
    const std::lock_guard lock(mutex_);
    port_is_there_ = there;
    ++plugged_;  // what is open now is dead
  }
  void SetPin(std::string pin_hex) {
    const std::lock_guard lock(mutex_);
    pin_ = Hex(pin_hex);
  }
  /// What a VERIFY with the right PIN is answered.
  void SetVerifyAnswer(const std::string& hex) {
    const std::lock_guard lock(mutex_);
    verify_answer_ = Hex(hex);
  }
  /// VERIFY with another class byte is answered 6E00.
  void SetVerifyClass(std::uint8_t cla) {
    const std::lock_guard lock(mutex_);
    verify_class_ = cla;
  }
  /// The modem, say, closes a channel.
  void Lose(int channel) {
    const std::lock_guard lock(mutex_);
    channels_.erase(channel);
  }
  /// Commands wait in the card until it is let go.
  void Hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void LetGo() {
    {
      const std::lock_guard lock(mutex_);
      held_ = false;
    }
    changed_.notify_all();
  }
  /// Waits until a command waits in the card.
  [[nodiscard]] bool WaitUntilHeld() {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, std::chrono::system_clock::now() + kPatience, [this] { return inside_ > 0; });
  }
  /// The APDUs so far, in hexadecimal, and "open", "lock".
  [[nodiscard]] std::vector<std::string> TakeEvents() {
    const std::lock_guard lock(mutex_);
    return std::exchange(events_, {});
  }
  [[nodiscard]] std::size_t OpenChannels() {
    const std::lock_guard lock(mutex_);
    return channels_.size();
  }

  // What its transports do.
  [[nodiscard]] std::optional<int> Plug() {
    const std::lock_guard lock(mutex_);
    if (!port_is_there_) {
      return std::nullopt;
    }
    events_.emplace_back("open");
    return plugged_;
  }
  void Note(const std::string& event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
  }
  /// Nothing: the port is gone.
  [[nodiscard]] std::optional<Bytes> Exchange(int plugged, ByteView command) {
    std::unique_lock lock(mutex_);
    ++inside_;
    changed_.notify_all();
    changed_.wait_until(lock, std::chrono::system_clock::now() + kPatience, [this] { return !held_; });
    --inside_;
    if (!port_is_there_ || plugged != plugged_) {
      return std::nullopt;
    }
    events_.push_back(ToHex(command));
    return Run(command);
  }

 private:
  static constexpr std::chrono::seconds kPatience{20};
  struct Channel {
    std::string aid;
    bool in_session = false;
  };

  [[nodiscard]] Bytes Run(ByteView bytes) {
    const auto command = wire::ParseCommand(bytes, wire::ApduStrictness::kIgnoreExcess);
    if (!command) {
      return Hex("6700");
    }
    const int number = command->cla & 3;
    if (command->ins == 0x70) {
      return ManageChannel(*command);
    }
    const auto channel = channels_.find(number);
    if (number != 0 && channel == channels_.end()) {
      return Hex("6881");
    }
    if (number == 0) {
      return command->ins == 0xB0 ? Hex("98880000000000000031 9000") : Hex("9000");
    }
    return OnChannel(*command, channel->second);
  }

  [[nodiscard]] Bytes ManageChannel(const wire::CommandApdu& command) {
    if (command.p1 == 0x80) {
      return channels_.erase(command.p2) == 1 ? Hex("9000") : Hex("6881");
    }
    for (int number = 1; number <= 3; ++number) {
      if (channels_.try_emplace(number).second) {
        return Bytes{static_cast<std::uint8_t>(number), 0x90, 0x00};
      }
    }
    return Hex("6A81");
  }

  [[nodiscard]] Bytes OnChannel(const wire::CommandApdu& command, Channel& channel) {
    switch (command.ins) {
      case 0xA4:
        channel.aid = ToHex(command.data);
        channel.in_session = false;
        return channel.aid == kAid || channel.aid == kOtherAid ? Hex("9000") : Hex("6A82");
      case 0x20:
        return VerifyPin(command);
      case 0x2A:
        if (!pin_.empty() && !pin_given_) {
          return Hex("6982");
        }
        channel.in_session = true;
        return Hex("9000");
      case 0x2B:
        return std::exchange(channel.in_session, false) ? Hex("3301AA9000") : Hex("6985");
      case 0xCB:
        return Bytes{static_cast<std::uint8_t>(channel.in_session ? 1 : 0), 0x90, 0x00};
      default:
        return Hex("9000");
    }
  }

  [[nodiscard]] Bytes VerifyPin(const wire::CommandApdu& command) {
    if (verify_class_ && (command.cla & 0xFC) != *verify_class_) {
      return Hex("6E00");
    }
    if (command.p2 != 1 || (command.cla & 0x10) != 0) {
      return Hex("9000");  // another PIN, or a part of one
    }
    if (pin_.empty()) {
      return Hex("6A88");
    }
    if (command.data.empty()) {
      return pin_given_ ? Hex("9000") : Hex("63C3");
    }
    pin_given_ = SameBytes(command.data, pin_);
    return pin_given_ ? verify_answer_ : Hex("63C2");
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int, Channel> channels_;
  std::vector<std::string> events_;
  Bytes pin_;
  Bytes verify_answer_ = Hex("9000");
  std::optional<int> verify_class_;
  bool pin_given_ = false;
  bool port_is_there_ = true;
  int plugged_ = 0;
  bool held_ = false;
  int inside_ = 0;
};

class FakePort final : public ApduTransport {
 public:
  FakePort(std::shared_ptr<FakeCard> card, int plugged)
      : ApduTransport("at:/dev/fake"), card_(std::move(card)), plugged_(plugged) {}

  Result<std::unique_ptr<TransportLock>> Lock(Deadline /*deadline*/) override {
    card_->Note("lock");
    return std::make_unique<NothingToRelease>();
  }

 private:
  Result<CardResponse> Send(ByteView command, Deadline /*deadline*/) override {
    const Stopwatch watch;
    const auto answer = card_->Exchange(plugged_, command);
    if (!answer) {
      return Fail(ErrorDomain::kTransport, "the modem at at:/dev/fake is gone", "plug it in");
    }
    CountSent(command);
    return Received(command, *answer, watch);
  }

  std::shared_ptr<FakeCard> card_;
  int plugged_;
};

/// What a holder gets to open the port with.
[[nodiscard]] inline auto Opener(std::shared_ptr<FakeCard> card) {
  return [card](const CardUri& /*uri*/, Deadline /*deadline*/) -> Result<std::unique_ptr<Transport>> {
    const auto plugged = card->Plug();
    if (!plugged) {
      return Fail(ErrorDomain::kTransport, "there is no port /dev/fake", "plug the modem in");
    }
    return std::make_unique<FakePort>(card, *plugged);
  };
}

}  // namespace simroot::device::daemon::testing
