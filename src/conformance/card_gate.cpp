// SPDX-License-Identifier: Apache-2.0
#include "conformance/card_gate.hpp"

#include "common/host/hex.hpp"
#include "common/iotsafe/vocabulary.hpp"
#include "common/wire/apdu.hpp"
#include "common/wire/status_word.hpp"

namespace simroot::conformance {
namespace {

using iotsafe::Ins;

constexpr std::uint8_t kManageChannel = 0x70;
constexpr std::uint8_t kSelect = 0xA4;
constexpr std::uint8_t kCloseChannel = 0x80;
constexpr std::uint8_t kLastChannel = 3;  // the class bytes of the clients name no others

/// The first four bytes of a command.
struct Header {
  std::uint8_t cla = 0;
  std::uint8_t ins = 0;
  std::uint8_t p1 = 0;
  std::uint8_t p2 = 0;

  static bool Read(ByteView command, Header& out) {
    ByteReader reader(command);
    Header header;
    if (!reader.ReadU8(header.cla) || !reader.ReadU8(header.ins) || !reader.ReadU8(header.p1) ||
        !reader.ReadU8(header.p2)) {
      return false;
    }
    out = header;
    return true;
  }
};

std::uint16_t StatusOf(ByteView answer) {
  std::uint16_t sw = 0;
  if (answer.size() >= 2) {
    ByteReader reader(answer.last(2));
    static_cast<void>(reader.ReadU16(sw));
  }
  return sw;
}

}  // namespace

bool CanChange(ByteView command) {
  constexpr std::array kChanging{static_cast<std::uint8_t>(Ins::kVerifyPin),
                                 static_cast<std::uint8_t>(Ins::kPutPublicKeyUpdate),
                                 static_cast<std::uint8_t>(Ins::kGenerateCsr),
                                 static_cast<std::uint8_t>(Ins::kEncryptInit),  // a nonce is used up
                                 static_cast<std::uint8_t>(Ins::kWriteFile),
                                 static_cast<std::uint8_t>(Ins::kDeleteObject),
                                 static_cast<std::uint8_t>(Ins::kGenerateKeyPair),
                                 std::uint8_t{0xE2} /* STORE DATA */,
                                 std::uint8_t{0xE4} /* DELETE */,
                                 std::uint8_t{0xE6} /* INSTALL */,
                                 std::uint8_t{0xF0} /* SET STATUS */,
                                 static_cast<std::uint8_t>(Ins::kPutPublicKeyInit)};
  Header header;
  if (!Header::Read(command, header) || std::ranges::find(kChanging, header.ins) == kChanging.end()) {
    return false;
  }
  if (IsPinQuestion(command)) {
    return false;
  }
  const bool has_sessions = header.ins == Code(Ins::kPutPublicKeyInit) || header.ins == Code(Ins::kEncryptInit);
  return !has_sessions || header.p1 != 1;  // closing a session changes nothing
}

std::size_t CardGate::FindChannels() {
  free_.clear();
  open_.clear();
  std::array<std::uint8_t, wire::kMaxShortResponse> memory{};
  for (int tries = 0; tries < kLastChannel; ++tries) {
    static constexpr std::array<std::uint8_t, 5> kOpen{0x00, kManageChannel, 0x00, 0x00, 0x01};
    const std::size_t size = link_.Transmit(kOpen, memory);
    const ByteView answer = ByteView(memory).first(std::min(size, memory.size()));
    if (size != 3 || StatusOf(answer) != 0x9000) {
      break;
    }
    open_.insert(answer.front());
    if (answer.front() <= kLastChannel) {
      free_.push_back(answer.front());
    }
  }
  CloseChannels();
  return free_.size();
}

void CardGate::CloseChannels() {
  std::array<std::uint8_t, wire::kMaxShortResponse> memory{};
  for (const std::uint8_t channel : open_) {
    const std::array<std::uint8_t, 5> close{0x00, kManageChannel, kCloseChannel, channel, 0x00};
    static_cast<void>(link_.Transmit(close, memory));
  }
  open_.clear();
}

void CardGate::Reset() {
  link_.Reset();
  open_.clear();
}

bool CardGate::TakeHeldBack() {
  return std::exchange(held_back_, false);
}

Result<PinState> CardGate::OpenPin(std::uint8_t cla) {
  const auto channel = wire::ChannelOfClass(cla);
  return pin_.Open(channel ? LowByte((cla & 0xFCU) | ToCard(*channel)) : cla);
}

bool CardGate::TakeGuarded() {
  return std::exchange(guarded_, false);
}

Result<void> CardGate::PinTrouble() const {
  return pin_trouble_ ? Result<void>(Unexpected(*pin_trouble_)) : Result<void>();
}

/// True if the answer is a refusal for want of the PIN, and the PIN has been given now. A refusal by a card that has
/// its PIN is a finding like any other.
bool CardGate::OpensPinFor(ByteView command, ByteView answer) {
  if (pin_.state() == PinState::kNone || IsPinQuestion(command) ||
      StatusOf(answer) != static_cast<std::uint16_t>(wire::StatusWord::kSecurityNotSatisfied)) {
    return false;
  }
  const unsigned before = pin_.times_given();
  const auto state = pin_.Open(command.front());
  if (!state) {
    pin_trouble_ = state.error();
    return false;
  }
  guarded_ = guarded_ || *state != PinState::kVerified;
  return pin_.times_given() > before;
}

std::uint8_t CardGate::ToCard(std::uint8_t channel) const {
  const std::size_t index = channel;
  return index == 0 || index > free_.size() ? channel : free_[index - 1];
}

std::uint8_t CardGate::ToCase(std::uint8_t channel) const {
  const auto found = std::ranges::find(free_, channel);
  return found == free_.end() ? channel : LowByte(found - free_.begin() + 1);
}

/// True if a case may use the channel: the basic one, or one that was free.
bool CardGate::IsOurs(std::uint8_t channel) const {
  return channel == 0 || channel <= free_.size();
}

std::size_t CardGate::Transmit(ByteView command, ByteSpan response) {
  Header header;
  const bool whole = Header::Read(command, header);
  const auto channel = whole ? wire::ChannelOfClass(header.cla) : std::nullopt;
  const bool closes = channel && header.ins == kManageChannel && header.p1 == kCloseChannel;
  if (pin_trouble_ || (!may_change_ && CanChange(command)) || (channel && !IsOurs(*channel)) ||
      (closes && !IsOurs(header.p2))) {
    held_back_ = true;
    static constexpr std::array<std::uint8_t, 2> kRefused{0x69, 0x85};
    return CopyBytes(kRefused, response) ? kRefused.size() : 0;
  }
  Bytes sent(command.begin(), command.end());
  if (channel) {
    ByteWriter out(sent);
    out.PutU8(LowByte((header.cla & 0xFCU) | ToCard(*channel)));
    if (closes) {
      out.PutU8(header.ins);
      out.PutU8(header.p1);
      out.PutU8(ToCard(header.p2));
    }
  }
  std::size_t size = link_.Transmit(sent, response);
  if (channel && size <= response.size() && OpensPinFor(sent, response.first(size))) {
    size = link_.Transmit(sent, response);
  }
  if (channel && size <= response.size()) {
    Remember(sent, response.first(size));
  }
  return size;
}

/// Keeps the list of open channels, and gives a channel that was opened the case's number.
void CardGate::Remember(ByteView command, ByteSpan answer) {
  Header header;
  static_cast<void>(Header::Read(command, header));
  const std::uint8_t channel = header.cla & 0x03U;
  const std::uint16_t sw = StatusOf(answer);
  if (header.ins == kManageChannel && header.p1 == 0 && sw == 0x9000 && answer.size() == 3) {
    open_.insert(answer.front());
    answer.front() = ToCase(answer.front());
  } else if (header.ins == kManageChannel && header.p1 == kCloseChannel && sw == 0x9000) {
    open_.erase(header.p2);
  } else if (header.ins == kSelect && channel != 0 && (sw == 0x9000 || sw >> 8U == 0x61)) {
    open_.insert(channel);  // some cards open a channel with SELECT
  }
}

}  // namespace simroot::conformance
