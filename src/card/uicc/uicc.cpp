// SPDX-License-Identifier: Apache-2.0
#include "card/uicc/uicc.hpp"

#include "card/uicc/atr.hpp"
#include "common/base/check.hpp"

namespace simroot::card {
namespace {

using wire::ApduCase;
using wire::ApduStrictness;
using wire::CommandApdu;
using wire::StatusWord;

constexpr std::size_t kStatusWordSize = 2;

/// Class bytes that name no channel of ours; the first row that fits decides (ISO/IEC 7816-4 5.4.1).
struct ClassRule {
  std::uint8_t mask;
  std::uint8_t value;
  StatusWord sw;
};
constexpr std::array kClassRules{
    ClassRule{0x70, 0x00, StatusWord::kSecureMessagingNotSupported},  // 0X, 8X with b4 b3 set
    ClassRule{0x70, 0x40, StatusWord::kChannelNotSupported},          // 4X, CX: channels 4 to 19
    ClassRule{0x70, 0x60, StatusWord::kSecureMessagingNotSupported},  // 6X, EX: the same with secure messaging
};

[[nodiscard]] StatusWord RefusalOfClass(std::uint8_t cla) {
  for (const ClassRule& rule : kClassRules) {
    if ((cla & rule.mask) == rule.value) {
      return rule.sw;
    }
  }
  return StatusWord::kUnknownClass;
}

/// A class of channel 0 to 3 with the secure messaging of GlobalPlatform.
[[nodiscard]] constexpr bool IsSecured(std::uint8_t cla) {
  return (cla & 0x7CU) == 0x04;
}

[[nodiscard]] constexpr std::uint8_t Bit(ApduCase apdu_case) {
  return LowByte(1U << static_cast<unsigned>(apdu_case));
}
constexpr std::uint8_t kWithoutData = Bit(ApduCase::k1) | Bit(ApduCase::k2);
constexpr std::uint8_t kAnyCase = kWithoutData | Bit(ApduCase::k3) | Bit(ApduCase::k4);

/// Which classes a command of the UICC is known in.
enum class Classes : std::uint8_t { kInterindustry, kBoth };
/// Whether the command belongs to the UICC while an application is selected.
enum class Scope : std::uint8_t { kAlways, kFileSystem };
/// What becomes of the channel's pending response.
enum class Pending : std::uint8_t { kDrops, kHandsOut };

}  // namespace

/// One command of the UICC itself.
struct Uicc::CommandRow {
  std::uint8_t ins;
  Run run;
  std::uint8_t cases;
  Classes classes;
  Scope scope;
  Pending pending;
};

struct Uicc::CommandTable {
  static constexpr std::uint8_t kSelectIns = 0xA4;
  static constexpr std::uint8_t kSelectByAidP1 = 0x04;

  static constexpr std::array kRows{
      CommandRow{0x70, &Uicc::ManageChannel, kWithoutData, Classes::kInterindustry, Scope::kAlways, Pending::kDrops},
      CommandRow{kSelectIns, &Uicc::Select, kAnyCase, Classes::kInterindustry, Scope::kAlways, Pending::kDrops},
      CommandRow{0xB0, &Uicc::ReadBinary, kWithoutData, Classes::kInterindustry, Scope::kFileSystem, Pending::kDrops},
      CommandRow{0xB2, &Uicc::ReadRecord, kWithoutData, Classes::kInterindustry, Scope::kFileSystem, Pending::kDrops},
      CommandRow{0xC0, &Uicc::GetResponse, kWithoutData, Classes::kBoth, Scope::kAlways, Pending::kHandsOut},
      CommandRow{0xF2, &Uicc::Status, kWithoutData, Classes::kBoth, Scope::kFileSystem, Pending::kDrops},
  };
  static_assert(std::ranges::is_sorted(kRows, {}, &CommandRow::ins));

  [[nodiscard]] static const CommandRow* Find(std::uint8_t ins) {
    const auto* const row = std::ranges::lower_bound(kRows, ins, {}, &CommandRow::ins);
    return row != kRows.end() && row->ins == ins ? row : nullptr;
  }

  /// True if the UICC runs the command itself on a channel that has `application` selected.
  [[nodiscard]] static bool BelongsToUicc(const CommandRow& row, const CommandApdu& command,
                                          const Application* application) {
    const bool known_class = row.classes == Classes::kBoth || (command.cla & 0x80U) == 0;
    return application == nullptr || (known_class && !IsSecured(command.cla) && row.scope == Scope::kAlways);
  }

  /// wolfSSL selects on channel 1 without having opened it (spec 1.3).
  [[nodiscard]] static bool MayOpenChannel(const CommandApdu& command) {
    return command.ins == kSelectIns && command.p1 == kSelectByAidP1 && (command.cla & 0x80U) == 0;
  }
};

Uicc::Uicc(std::span<Application* const> applications, const UiccIdentity& identity, const CompatibilityConfig& config,
           const PendingMemory& pending)
    : applications_(applications),
      identity_(identity),
      config_(config),
      dir_(applications),
      channels_{Channel(0, pending[0]), Channel(1, pending[1]), Channel(2, pending[2]), Channel(3, pending[3])} {
  SR_CHECK(dir_.RecordCount() <= kMaxDirRecords);
  for (const Application* const application : applications_) {
    SR_CHECK(application != nullptr);
    const std::size_t size = application->Aid().size();
    SR_CHECK(size >= kMinAidSize && size <= kMaxAidSize);
  }
  StartChannel(channels_.front());
}

Uicc::~Uicc() {
  for (Channel& channel : channels_) {
    channel.pending.Drop();
  }
}

void Uicc::Reset() {
  ++counters_.resets;
  for (Channel& channel : channels_) {
    StopChannel(channel);
  }
  StartChannel(channels_.front());
  for (Application* const application : applications_) {
    application->Reset();
  }
}

ByteView Uicc::Atr() const {
  return config_.answer_t0 ? ByteView(kAtrT0) : ByteView(kAtrT0AndT1);
}

std::size_t Uicc::Transmit(ByteView command, ByteSpan response) {
  SR_CHECK(response.size() >= wire::kMaxShortResponse);
  ++counters_.commands;
  ByteWriter answer(response.first(response.size() - kStatusWordSize));
  const StatusWord sw = Execute(command, answer);
  ByteWriter whole(response);
  static_cast<void>(whole.Reserve(answer.size()));
  whole.PutU16(static_cast<std::uint16_t>(sw));
  return whole.size();
}

StatusWord Uicc::Execute(ByteView command, ByteWriter& answer) {
  if (command.empty()) {
    return StatusWord::kWrongLength;
  }
  const std::optional<std::uint8_t> number = ChannelOf(command.front());
  if (!number) {
    return RefusalOfClass(command.front());
  }
  Channel& channel = channels_[*number];
  const auto parsed =
      ParseCommand(command, config_.ignore_excess_bytes ? ApduStrictness::kIgnoreExcess : ApduStrictness::kExact);
  if (!parsed) {
    channel.pending.Drop();
    return StatusWord::kWrongLength;
  }
  if (channel.open) {
    return ExecuteOn(channel, *parsed, answer);
  }
  if (!config_.implicit_channel_open || !CommandTable::MayOpenChannel(*parsed)) {
    return StatusWord::kChannelNotSupported;
  }
  StartChannel(channel);
  const StatusWord sw = ExecuteOn(channel, *parsed, answer);
  const bool selected = channel.application != nullptr || channel.usim_active;
  if (!selected) {
    StopChannel(channel);
  }
  return sw;
}

std::optional<std::uint8_t> Uicc::ChannelOf(std::uint8_t cla) const {
  if (!IsSecured(cla)) {
    return wire::ChannelOfClass(cla);
  }
  constexpr unsigned kChannelBits = 0x03;
  const Channel& channel = channels_[cla & kChannelBits];
  const bool taken = channel.application != nullptr && channel.application->TakesSecureMessaging();
  return taken ? std::optional(channel.number) : std::nullopt;
}

StatusWord Uicc::ExecuteOn(Channel& channel, const CommandApdu& command, ByteWriter& answer) {
  const CommandRow* row = CommandTable::Find(command.ins);
  if (row != nullptr && !CommandTable::BelongsToUicc(*row, command, channel.application)) {
    row = nullptr;
  }
  if (row != nullptr && row->pending == Pending::kHandsOut) {
    Call call{channel, command, answer};
    return Dispatch(row, call);
  }
  if (command.extended) {
    channel.pending.Drop();
    Call call{channel, command, answer};
    const StatusWord sw = Dispatch(row, call);
    return DeliverExtended(call, sw);
  }
  ByteWriter data(channel.pending.Prepare());
  Call call{channel, command, data};
  const StatusWord sw = Dispatch(row, call);
  return Deliver(call, sw, answer);
}

StatusWord Uicc::Dispatch(const CommandRow* row, Call& call) {
  if (row == nullptr) {
    return call.channel.application == nullptr
               ? StatusWord::kUnknownInstruction
               : call.channel.application->Process(call.channel.number, call.command, call.data);
  }
  if (row->classes == Classes::kInterindustry && (call.command.cla & 0x80U) != 0) {
    return StatusWord::kUnknownClass;
  }
  if ((row->cases & Bit(call.command.Case())) == 0) {
    return StatusWord::kWrongLength;
  }
  return (this->*row->run)(call);
}

}  // namespace simroot::card
