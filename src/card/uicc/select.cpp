// SPDX-License-Identifier: Apache-2.0
// SELECT and STATUS (ETSI TS 102 221 11.1.1, 11.1.2).
#include "card/uicc/uicc.hpp"

#include "common/wire/tlv.hpp"

namespace simroot::card {
namespace {

using wire::StatusWord;

enum class SelectBy : std::uint8_t { kFid = 0x00, kAid = 0x04, kPathFromMf = 0x08, kPathFromCurrent = 0x09 };

// P2: b2 b1 which occurrence of a name, b4 b3 what is returned; nothing else may be set.
constexpr std::uint8_t kOccurrenceMask = 0x03;
constexpr std::uint8_t kReturnMask = 0x0C;
constexpr std::uint8_t kReturnFci = 0x00;
constexpr std::uint8_t kReturnFcp = 0x04;
constexpr std::uint8_t kReturnNothing = 0x0C;
constexpr std::uint8_t kFirst = 0x00;
constexpr std::uint8_t kLast = 0x01;
constexpr std::uint8_t kNext = 0x02;

constexpr std::uint8_t kStatusName = 0x01;  // P2 of STATUS: the name of the active application

[[nodiscard]] bool IsDefinedP2(std::uint8_t p2) {
  const std::uint8_t wanted = p2 & kReturnMask;
  return (p2 & ~(kOccurrenceMask | kReturnMask)) == 0 &&
         (wanted == kReturnFci || wanted == kReturnFcp || wanted == kReturnNothing);
}

/// What one file identifier means on a channel (ETSI TS 102 221 8.4.1).
[[nodiscard]] const FileRow* ResolveFid(std::uint16_t fid, const FileRow& directory, bool usim_active) {
  if (fid == kMasterFileId) {
    return &MasterFile();
  }
  if (fid == kActiveApplicationId) {
    return usim_active ? &UsimDirectory() : nullptr;
  }
  return FindChild(directory, fid);
}

/// Follows `path` downwards; 7FFF is understood at its start when it starts at the MF (8.4.2).
[[nodiscard]] const FileRow* ResolvePath(ByteView path, const FileRow& start, bool usim_active) {
  ByteReader reader(path);
  const FileRow* file = &start;
  std::uint16_t fid = 0;
  while (file != nullptr && reader.ReadU16(fid)) {
    const bool may_be_application = file->fid == kMasterFileId && fid == kActiveApplicationId;
    file = may_be_application ? ResolveFid(fid, *file, usim_active) : FindChild(*file, fid);
  }
  return file;
}

}  // namespace

StatusWord Uicc::Select(Call& call) {
  const wire::CommandApdu& command = call.command;
  const auto by = static_cast<SelectBy>(command.p1);
  if (!IsDefinedP2(command.p2)) {
    return StatusWord::kIncorrectP1P2;
  }
  if (by == SelectBy::kAid) {
    return SelectByAid(call);
  }
  if ((command.p2 & kOccurrenceMask) != kFirst) {
    return StatusWord::kIncorrectP1P2;
  }
  const Channel& channel = call.channel;
  switch (by) {
    case SelectBy::kFid: {
      ByteReader reader(command.data);
      std::uint16_t fid = kMasterFileId;  // no data means the MF (ISO/IEC 7816-4 11.2.2)
      if (!reader.empty() && (!reader.ReadU16(fid) || !reader.empty())) {
        return StatusWord::kWrongLength;
      }
      return SelectFile(call, ResolveFid(fid, *channel.directory, channel.usim_active));
    }
    case SelectBy::kPathFromMf:
    case SelectBy::kPathFromCurrent: {
      if (command.data.empty() || command.data.size() % 2 != 0) {
        return StatusWord::kWrongLength;
      }
      const FileRow& start = by == SelectBy::kPathFromMf ? MasterFile() : *channel.directory;
      return SelectFile(call, ResolvePath(command.data, start, channel.usim_active));
    }
    default:
      return StatusWord::kIncorrectP1P2;
  }
}

StatusWord Uicc::SelectByAid(Call& call) {
  const ByteView aid = call.command.data;
  if (aid.size() > kMaxAidSize) {
    return StatusWord::kWrongLength;
  }
  if (aid.size() < kMinAidSize) {
    return StatusWord::kFileNotFound;  // nothing has a name that short, and no part that short is accepted
  }
  const std::optional<std::size_t> index = FindByAid(call.channel, aid, call.command.p2 & kOccurrenceMask);
  if (!index) {
    return StatusWord::kFileNotFound;
  }
  if (*index < applications_.size()) {
    return SelectApplication(call, *applications_[*index]);
  }
  call.channel.usim_active = true;
  return SelectFile(call, &UsimDirectory());
}

/// The IoT SAFE applet returns nothing unless FCP is asked for: no client looks at it (spec 1.2).
StatusWord Uicc::SelectApplication(Call& call, Application& application) {
  Channel& channel = call.channel;
  const StatusWord sw = application.Select(channel.number);
  if (!CarriesData(sw)) {
    return sw;
  }
  if (channel.application != nullptr && channel.application != &application) {
    channel.application->Deselect(channel.number);
  }
  channel.application = &application;
  channel.usim_active = false;
  channel.directory = &MasterFile();
  channel.file = nullptr;
  channel.record = 0;
  if ((call.command.p2 & kReturnMask) == kReturnFcp) {
    PutApplicationFcp(application.Aid(), call.data);
  } else if ((call.command.p2 & kReturnMask) == kReturnFci) {
    application.PutFci(call.data);
  }
  return sw;
}

StatusWord Uicc::SelectFile(Call& call, const FileRow* file) {
  if (file == nullptr) {
    return StatusWord::kFileNotFound;
  }
  Channel& channel = call.channel;
  if (channel.application != nullptr) {
    channel.application->Deselect(channel.number);
    channel.application = nullptr;
  }
  channel.record = 0;
  if (IsDirectory(*file)) {
    channel.directory = file;
    channel.file = nullptr;
  } else {
    channel.directory = file->parent == kMasterFileId ? &MasterFile() : &UsimDirectory();
    channel.file = file;
  }
  if ((call.command.p2 & kReturnMask) != kReturnNothing) {
    PutFcp(*file, identity_, dir_, call.data);
  }
  return StatusWord::kOk;
}

/// Candidates are the applications in their order, then the USIM.
bool Uicc::AnswersTo(std::size_t index, ByteView aid) const {
  if (index < applications_.size()) {
    return applications_[index]->AnswersTo(aid);
  }
  return aid.size() <= kUsimAid.size() && SameBytes(aid, ByteView(kUsimAid).first(aid.size()));
}

std::optional<std::size_t> Uicc::IndexOfSelected(const Channel& channel) const {
  if (channel.application == nullptr) {
    return channel.usim_active ? std::optional(applications_.size()) : std::nullopt;
  }
  const auto place = std::ranges::find(applications_, channel.application);
  return static_cast<std::size_t>(std::distance(applications_.begin(), place));
}

/// "Next" and "previous" go on from what is selected now; with nothing selected they mean the first and the last.
std::optional<std::size_t> Uicc::FindByAid(const Channel& channel, ByteView aid, std::uint8_t occurrence) const {
  const bool forward = occurrence == kFirst || occurrence == kNext;
  const bool relative = occurrence != kFirst && occurrence != kLast;
  std::size_t begin = 0;
  std::size_t end = applications_.size() + 1;
  if (const auto selected = IndexOfSelected(channel); relative && selected && forward) {
    begin = *selected + 1;
  } else if (relative && selected) {
    end = *selected;
  }
  for (std::size_t left = end - begin; left > 0; --left) {
    const std::size_t index = forward ? end - left : begin + left - 1;
    if (AnswersTo(index, aid)) {
      return index;
    }
  }
  return std::nullopt;
}

StatusWord Uicc::Status(Call& call) {
  constexpr std::uint8_t kMaxApplicationState = 0x02;  // no indication, initialised, termination begun
  const Channel& channel = call.channel;
  if (call.command.p1 > kMaxApplicationState) {
    return StatusWord::kIncorrectP1P2;
  }
  switch (call.command.p2) {
    case kReturnFci:
      PutFcp(*channel.directory, identity_, dir_, call.data);
      return StatusWord::kOk;
    case kStatusName:
      if (!channel.usim_active) {
        return StatusWord::kConditionsNotSatisfied;
      }
      wire::PutBerTlv(0x84, kUsimAid, call.data);
      return StatusWord::kOk;
    case kReturnNothing:
      return StatusWord::kOk;
    default:
      return StatusWord::kIncorrectP1P2;
  }
}

}  // namespace simroot::card
