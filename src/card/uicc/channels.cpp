// SPDX-License-Identifier: Apache-2.0
// MANAGE CHANNEL (ETSI TS 102 221 11.1.17, ISO/IEC 7816-4 11.1.2).
#include "card/uicc/uicc.hpp"

namespace simroot::card {
namespace {

using wire::StatusWord;

constexpr std::uint8_t kOpen = 0x00;
constexpr std::uint8_t kClose = 0x80;

}  // namespace

StatusWord Uicc::ManageChannel(Call& call) {
  const std::uint8_t number = call.command.p2;
  if (number >= kUiccChannels || (call.command.p1 != kOpen && call.command.p1 != kClose)) {
    return StatusWord::kIncorrectP1P2;
  }
  if (call.command.p1 == kClose) {
    return CloseChannel(number);
  }
  if (number == 0) {
    return OpenAnyChannel(call);
  }
  Channel& channel = channels_[number];
  return channel.open ? StatusWord::kFunctionNotSupported : OpenChannel(call.channel, channel);
}

StatusWord Uicc::OpenAnyChannel(Call& call) {
  for (Channel& channel : channels_) {
    if (channel.open) {
      continue;
    }
    const StatusWord sw = OpenChannel(call.channel, channel);
    if (CarriesData(sw)) {
      call.data.PutU8(channel.number);
    }
    return sw;
  }
  return StatusWord::kFunctionNotSupported;
}

/// A channel opened from the basic one starts with the MF; opened from another it starts with what is selected there.
StatusWord Uicc::OpenChannel(const Channel& from, Channel& channel) {
  StartChannel(channel);
  if (from.number == 0) {
    return StatusWord::kOk;
  }
  if (from.application != nullptr) {
    const StatusWord sw = from.application->Select(channel.number);
    if (!CarriesData(sw)) {
      StopChannel(channel);
      return sw;
    }
    channel.application = from.application;
  }
  channel.directory = from.directory;
  channel.usim_active = from.usim_active;
  return StatusWord::kOk;
}

StatusWord Uicc::CloseChannel(std::uint8_t number) {
  if (number == 0) {
    return StatusWord::kIncorrectP1P2;
  }
  Channel& channel = channels_[number];
  if (!channel.open) {
    return StatusWord::kChannelNotSupported;  // Thales' PKCS#11 closes 1, 2, 3, ... until this comes
  }
  if (channel.application != nullptr) {
    channel.application->Deselect(number);
  }
  StopChannel(channel);
  return StatusWord::kOk;
}

void Uicc::StartChannel(Channel& channel) {
  StopChannel(channel);
  channel.open = true;
}

void Uicc::StopChannel(Channel& channel) {
  channel.pending.Drop();
  channel.open = false;
  channel.usim_active = false;
  channel.application = nullptr;
  channel.directory = &MasterFile();
  channel.file = nullptr;
  channel.record = 0;
}

}  // namespace simroot::card
