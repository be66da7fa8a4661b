// SPDX-License-Identifier: Apache-2.0
/// What a client sends with the channel in the class byte, on channels that it has opened itself.
#include "device/daemon/card_holder.hpp"
#include "device/transport/apdu_commands.hpp"

namespace simroot::device::daemon {
namespace {

using wire::StatusWord;

constexpr std::uint8_t kSw1BytesWaiting = 0x61;
constexpr std::uint8_t kGetResponse = 0xC0;
constexpr std::uint8_t kManageChannel = 0x70;
constexpr std::uint8_t kHighestChannel = 3;

[[nodiscard]] bool IsIn(const std::vector<std::uint8_t>& numbers, std::uint8_t number) {
  return std::ranges::find(numbers, number) != numbers.end();
}

}  // namespace

/// Commands that name their channel. A client gets at the channels it has opened in this transaction, and at nothing
/// else: the basic channel is the modem's.
Result<Bytes> CardHolder::TransmitRaw(ClientId client, ByteView command, Deadline deadline) {
  const auto raw = ParseRaw(command);
  if (!raw) {
    return StatusOnly(StatusWord::kUnknownClass);
  }
  if (!MayUseRaw(*raw)) {
    return StatusOnly(StatusWord::kChannelNotSupported);
  }
  if (raw->odd || (raw->opens && raw->other_channel > kHighestChannel)) {
    return StatusOnly(StatusWord::kIncorrectP1P2);
  }
  if (raw->toolkit) {
    return StatusOnly(StatusWord::kUnknownInstruction);
  }
  if (raw->opens) {
    pool_.AnnounceForeign();
    auto opened = OpenRaw(command, deadline);
    pool_.EndForeign(opened);
    return opened;
  }
  if ((raw->channel == 0 && !raw->closes) ||
      (UsesKeys(command) && !pin_.MayUseKeysRaw(client, SelectedOn(raw->channel)))) {
    return StatusOnly(StatusWord::kSecurityNotSatisfied);
  }
  const Bytes selected = SelectedOn(raw->channel);  // an error below forgets it
  const bool may_open = raw->selects && !IsIn(raw_channels_, raw->channel);
  if (may_open) {
    pool_.AnnounceForeign();
  }
  auto answer = Send(Channel{}, command, deadline);
  NotePin(client, selected, command, answer);
  const bool success = answer && IsSuccess(StatusOf(*answer));
  if (raw->closes && success) {
    DropRaw(raw->other_channel);
  } else if (raw->selects && success) {
    NoteRaw(raw->channel);
  }
  if (may_open) {
    pool_.EndForeign(answer);
  }
  SR_TRY_VOID(answer);
  NoteSelected(*raw, command, *answer);
  return answer;
}

/// Only a successful SELECT of an AID, of its first occurrence, tells for certain which application has the channel.
void CardHolder::NoteSelected(const RawCommand& raw, ByteView command, ByteView answer) {
  constexpr std::uint8_t kSelect = 0xA4;
  constexpr std::uint8_t kOccurrence = 0x03;
  const auto parsed = wire::ParseCommand(command, wire::ApduStrictness::kIgnoreExcess);
  if (parsed && parsed->ins != kSelect) {
    return;
  }
  raw_aids_.erase(raw.channel);
  if (parsed && raw.selects && !parsed->extended && (parsed->p2 & kOccurrence) == 0 && IsSuccess(StatusOf(answer))) {
    raw_aids_[raw.channel] = Bytes(parsed->data.begin(), parsed->data.end());
  }
}

Bytes CardHolder::SelectedOn(std::uint8_t number) const {
  const auto found = raw_aids_.find(number);
  return found == raw_aids_.end() ? Bytes() : found->second;
}

/// Channels that the client has opened; and SELECT, with which some cards open a channel, on one that was free when the
/// client asked for it in the same transaction.
bool CardHolder::MayUseRaw(const RawCommand& raw) const {
  const auto is_pooled = [this](std::uint8_t number) {
    return std::ranges::any_of(pool_.channels(), [number](const PooledChannel& channel) {
      return channel.channel.session < 0 && channel.channel.number == number;
    });
  };
  if (is_pooled(raw.channel) || (raw.closes && is_pooled(raw.other_channel))) {
    return false;
  }
  const bool may_begin = raw.selects && IsIn(raw_was_free_, raw.channel);
  const bool may_talk = raw.channel == 0 || IsIn(raw_channels_, raw.channel) || may_begin;
  return may_talk && (!raw.closes || IsIn(raw_channels_, raw.other_channel));
}

void CardHolder::NoteRaw(std::uint8_t number) {
  if (std::ranges::find(raw_channels_, number) == raw_channels_.end()) {
    raw_channels_.push_back(number);
    pool_.NoteForeign(number);
  }
  if (std::ranges::find(raw_was_free_, number) == raw_was_free_.end()) {
    raw_was_free_.push_back(number);
  }
}

void CardHolder::DropRaw(std::uint8_t number) {
  std::erase(raw_channels_, number);
  raw_aids_.erase(number);
  pool_.DropForeign(number);
}

/// The pool has opened a channel: one that the client has closed, or lost, may be that one.
void CardHolder::YieldToPool() {
  raw_was_free_.clear();
  for (const PooledChannel& channel : pool_.channels()) {
    if (channel.channel.session < 0) {
      std::erase(raw_channels_, channel.channel.number);
      raw_aids_.erase(channel.channel.number);
    }
  }
}

Result<Bytes> CardHolder::OpenRaw(ByteView command, Deadline deadline) {
  if (!raw_has_room_) {
    SR_TRY_VOID(Watched(pool_.CloseFree(*transport_, deadline)));
    raw_has_room_ = true;
    warm_generation_ = 0;
  }
  const auto raw = ParseRaw(command);
  const bool any_number = raw && raw->other_channel == 0;
  SR_TRY(Bytes answer, Send(Channel{}, command, deadline));
  while (any_number && StatusOf(answer) == StatusWord::kFunctionNotSupported) {
    SR_TRY(const bool closed, Watched(pool_.Reclaim(*transport_, deadline)));
    if (!closed) {
      break;
    }
    SR_TRY(answer, Send(Channel{}, command, deadline));
  }
  if (const StatusWord sw = StatusOf(answer); wire::Sw1(sw) == kSw1BytesWaiting) {
    // The number is fetched here: the basic channel is closed to clients, and a channel must not get lost.
    SR_TRY(answer,
           Send(Channel{}, std::array<std::uint8_t, 5>{0x00, kGetResponse, 0x00, 0x00, wire::Sw2(sw)}, deadline));
  }
  const auto parsed = wire::ParseResponse(answer);
  if (raw && parsed && IsSuccess(parsed->sw)) {
    const std::uint8_t number = parsed->data.empty() ? raw->other_channel : parsed->data.front();
    if (number == 0 || number > kHighestChannel) {
      // Nobody could use it: the class bytes of the clients name no such channel.
      SR_TRY_VOID(Send(Channel{}, std::array<std::uint8_t, 5>{0x00, kManageChannel, 0x80, number, 0x00}, deadline));
      return StatusOnly(StatusWord::kFunctionNotSupported);
    }
    NoteRaw(number);
    raw_aids_.erase(number);  // what the card selects by itself is not known
  }
  return answer;
}

}  // namespace simroot::device::daemon
