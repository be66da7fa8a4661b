// SPDX-License-Identifier: Apache-2.0
#include "card/pipe/pipe_card.hpp"

#include "common/base/check.hpp"
#include "common/base/secret.hpp"
#include "common/wire/status_word.hpp"

namespace simroot::card {

using wire::kPipeLengthSize;
using wire::PipeControl;

ByteView PipeCard::Take(std::uint8_t byte) {
  if (length_bytes_ < kPipeLengthSize) {
    length_ = (length_ << 8U) | byte;
    ++length_bytes_;
  } else {
    // What does not fit is counted and let go.
    if (received_ < command_.size()) {
      command_[received_] = byte;
    }
    ++received_;
  }
  if (length_bytes_ < kPipeLengthSize || received_ < length_) {
    return {};
  }
  const ByteView answer = Serve();
  Wipe(command_.first(std::min(length_, command_.size())));
  length_bytes_ = 0;
  length_ = 0;
  received_ = 0;
  return answer;
}

void PipeCard::Abandon() {
  Wipe(command_);
  Wipe(message_);
  length_bytes_ = 0;
  length_ = 0;
  received_ = 0;
}

ByteView PipeCard::Serve() {
  if (length_ > command_.size()) {
    constexpr std::array kTooLong{wire::Sw1(wire::StatusWord::kWrongLength), wire::Sw2(wire::StatusWord::kWrongLength)};
    return Send(kTooLong);
  }
  const ByteView body = command_.first(length_);
  ByteReader reader(body);
  std::uint8_t code = 0;
  if (!reader.ReadU8(code)) {
    return {};
  }
  return reader.empty() ? Control(code) : RunCommand(body);
}

ByteView PipeCard::Control(std::uint8_t code) {
  if (code >= wire::kFirstProductControl) {
    return extension_ != nullptr && extension_->Control(code) ? Send(card_.Atr()) : ByteView();
  }
  switch (static_cast<PipeControl>(code)) {
    case PipeControl::kPowerOff:
    case PipeControl::kPowerOn:
    case PipeControl::kReset:
      card_.Reset();
      return {};
    case PipeControl::kGetAtr:
      return Send(card_.Atr());
    default:
      return {};
  }
}

ByteView PipeCard::RunCommand(ByteView command) {
  // The length is written in front of what the card has put behind it.
  const ByteSpan response = message_.subspan(kPipeLengthSize);
  const std::size_t size = card_.Transmit(command, response);
  SR_CHECK(size >= 2 && size <= response.size());
  ++apdus_;
  ByteWriter writer(message_);
  writer.PutU16(static_cast<std::uint16_t>(size));
  static_cast<void>(writer.Reserve(size));
  return writer.written();
}

ByteView PipeCard::Send(ByteView body) {
  ByteWriter writer(message_);
  writer.PutU16(static_cast<std::uint16_t>(body.size()));
  writer.PutBytes(body);
  SR_CHECK(writer.ok());
  return writer.written();
}

}  // namespace simroot::card
