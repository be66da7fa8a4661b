// SPDX-License-Identifier: Apache-2.0
#include "card/modem/sim_slot.hpp"

#include "common/base/check.hpp"

namespace simroot::card {
namespace {

constexpr std::uint8_t kSelect = 0xA4;
constexpr std::uint8_t kManageChannel = 0x70;
constexpr std::uint8_t kGetResponse = 0xC0;

/// A response of the slot is never shorter than its status word (CardEndpoint), so parsing it cannot fail.
wire::ResponseApdu Split(ByteView bytes) {
  const auto response = wire::ParseResponse(bytes);
  SR_CHECK(response.has_value());
  return *response;
}

using ShortCommand = FixedBytes<wire::kMaxShortCommand>;

ShortCommand Build(const wire::CommandApdu& command) {
  std::array<std::uint8_t, wire::kMaxShortCommand> memory{};
  ByteWriter writer(memory);
  wire::PutCommand(command, writer);
  ShortCommand bytes;
  SR_CHECK(writer.ok() && bytes.Assign(writer.written()));
  return bytes;
}

/// 91LL: done, and a proactive command waits for the terminal.
bool Succeeded(wire::StatusWord sw) {
  return sw == wire::StatusWord::kOk || wire::Sw1(sw) == 0x91;
}

/// GET RESPONSE is an interindustry command: class 0X of the channel the command ran on. Class codings without a
/// channel in their two low bits (2G's A0, channels 4 to 19) are kept.
std::uint8_t GetResponseClass(std::uint8_t cla) {
  return (cla & 0x60U) == 0 ? LowByte(cla & 0x03U) : cla;
}

}  // namespace

void SimSlot::Reset() {
  card_.Reset();
  sessions_.fill(false);
}

ByteView SimSlot::Transmit(ByteView command) {
  const std::size_t size = card_.Transmit(command, response_);
  SR_CHECK(size >= 2 && size <= response_.size());
  ++apdus_;
  const ByteView response = ByteView(response_).first(size);
  if (observer_ != nullptr) {
    observer_->OnExchange(command, response);
  }
  return response;
}

ByteView SimSlot::TransmitAndFetch(ByteView command) {
  ByteView answer = Transmit(command);
  wire::ResponseApdu part = Split(answer);
  if (wire::Sw1(part.sw) != 0x61) {
    return answer;
  }
  std::uint8_t cla = 0;
  SR_CHECK(ByteReader(command).ReadU8(cla));  // a card answers 61LL only to a whole command
  collected_.clear();
  bool fits = collected_.Append(part.data);
  for (int count = 0; fits && wire::Sw1(part.sw) == 0x61 && count < kMaxGetResponses; ++count) {
    const std::array get_response{GetResponseClass(cla), kGetResponse, std::uint8_t{0}, std::uint8_t{0},
                                  wire::Sw2(part.sw)};
    part = Split(Transmit(get_response));
    fits = collected_.size() + part.data.size() <= wire::kMaxExtendedData && collected_.Append(part.data);
  }
  if (!fits) {  // nobody must take a part for the whole
    collected_.clear();
    part.sw = wire::StatusWord::kOtherError;
  }
  SR_CHECK(collected_.Append(std::array{wire::Sw1(part.sw), wire::Sw2(part.sw)}));  // kMaxResponse has room for it
  return collected_.view();
}

wire::ResponseApdu SimSlot::Run(const wire::CommandApdu& command) {
  return Split(Transmit(Build(command).view()));
}

wire::ResponseApdu SimSlot::RunAndFetch(const wire::CommandApdu& command) {
  return Split(TransmitAndFetch(Build(command).view()));
}

Expected<std::uint8_t, CmeError> SimSlot::OpenChannel() {
  const wire::ResponseApdu response = Run({.ins = kManageChannel, .data = {}, .le = 1});
  if (response.sw == wire::StatusWord::kFunctionNotSupported) {
    return Unexpected(CmeError::kSimBusy);
  }
  std::uint8_t channel = 0;
  if (!Succeeded(response.sw) || !ByteReader(response.data).ReadU8(channel) || channel == 0 || channel >= kChannels) {
    return Unexpected(CmeError::kSimFailure);
  }
  return channel;
}

bool SimSlot::CloseChannel(std::uint8_t channel) {
  return Succeeded(Run({.ins = kManageChannel, .p1 = 0x80, .p2 = channel, .data = {}, .le = {}}).sw);
}

Expected<std::uint8_t, CmeError> SimSlot::OpenSession(ByteView aid) {
  const auto opened = OpenChannel();
  if (!opened) {
    return Unexpected(opened.error() == CmeError::kSimBusy ? CmeError::kMemoryFull : opened.error());
  }
  const std::uint8_t channel = *opened;
  const wire::StatusWord sw = Run({.cla = channel, .ins = kSelect, .p1 = 0x04, .data = aid, .le = {}}).sw;
  // 61LL: the card offers its FCI, which AT+CCHO does not give to the application.
  if (Succeeded(sw) || wire::Sw1(sw) == 0x61) {
    sessions_.at(channel) = true;
    return channel;
  }
  static_cast<void>(CloseChannel(channel));  // the SELECT is what failed, and what is reported
  return Unexpected(sw == wire::StatusWord::kFileNotFound ? CmeError::kNotFound : CmeError::kSimFailure);
}

Expected<void, CmeError> SimSlot::CloseSession(std::uint32_t session) {
  if (!HasSession(session)) {
    return Unexpected(CmeError::kInvalidIndex);
  }
  sessions_.at(session) = false;
  if (!CloseChannel(LowByte(session))) {
    return Unexpected(CmeError::kSimFailure);
  }
  return {};
}

bool SimSlot::HasSession(std::uint32_t session) const {
  return session < sessions_.size() && sessions_.at(session);
}

}  // namespace simroot::card
