// SPDX-License-Identifier: Apache-2.0
// READ BINARY and READ RECORD (ETSI TS 102 221 11.1.3, 11.1.5).
#include "card/uicc/uicc.hpp"

namespace simroot::card {
namespace {

using wire::StatusWord;

constexpr std::uint8_t kOffsetHasSfi = 0x80;
constexpr std::uint8_t kSfiMask = 0x1F;

enum class RecordMode : std::uint8_t { kNext = 2, kPrevious = 3, kAbsolute = 4 };

/// The record meant by `mode` and P1 where the pointer stands at `current` (0: undefined); 0 or more than `count` if
/// there is none.
[[nodiscard]] std::size_t TargetRecord(RecordMode mode, std::uint8_t p1, std::size_t current, std::size_t count) {
  switch (mode) {
    case RecordMode::kNext:
      return current + 1;
    case RecordMode::kPrevious:
      return current == 0 ? count : current - 1;
    case RecordMode::kAbsolute:
      break;
  }
  return p1 == 0 ? current : p1;
}

}  // namespace

StatusWord Uicc::ReadBinary(Call& call) {
  Channel& channel = call.channel;
  const std::uint8_t p1 = call.command.p1;
  const FileRow* file = channel.file;
  std::size_t offset = static_cast<std::size_t>(p1) << 8U | call.command.p2;
  if ((p1 & kOffsetHasSfi) != 0) {
    if ((p1 & ~(kOffsetHasSfi | kSfiMask)) != 0) {
      return StatusWord::kIncorrectP1P2;
    }
    file = FindBySfi(*channel.directory, p1 & kSfiMask);
    if (file == nullptr) {
      return StatusWord::kFileNotFound;
    }
    offset = call.command.p2;
  }
  if (file == nullptr) {
    return StatusWord::kCommandNotAllowed;
  }
  if (file->kind != FileKind::kTransparent) {
    return StatusWord::kIncompatibleFile;
  }
  const ByteView content = file->content(identity_);
  if (offset >= content.size()) {
    return StatusWord::kWrongOffset;
  }
  if (file != channel.file) {
    channel.file = file;
    channel.record = 0;
  }
  const ByteView part = content.subspan(offset);
  call.data.PutBytes(part.first(std::min(part.size(), call.command.le.value_or(kShortLeMax))));
  return StatusWord::kOk;
}

StatusWord Uicc::ReadRecord(Call& call) {
  Channel& channel = call.channel;
  const std::uint8_t p1 = call.command.p1;
  const std::uint8_t sfi = LowByte(call.command.p2 >> 3U);
  const auto mode = static_cast<RecordMode>(call.command.p2 & 0x07U);
  const bool relative = mode == RecordMode::kNext || mode == RecordMode::kPrevious;
  if (!relative && mode != RecordMode::kAbsolute) {
    return StatusWord::kIncorrectP1P2;
  }
  if (relative && p1 != 0) {
    return StatusWord::kIncorrectP1P2;
  }
  const FileRow* file = channel.file;
  std::size_t current = channel.record;
  if (sfi != 0) {
    file = FindBySfi(*channel.directory, sfi);
    if (file == nullptr) {
      return StatusWord::kFileNotFound;
    }
    current = 0;  // naming the file selects it anew
  }
  if (file == nullptr) {
    return StatusWord::kCommandNotAllowed;
  }
  if (file->kind != FileKind::kLinearFixed) {
    return StatusWord::kIncompatibleFile;
  }
  const std::size_t target = TargetRecord(mode, p1, current, dir_.RecordCount());
  if (target == 0 || target > dir_.RecordCount()) {
    return StatusWord::kRecordNotFound;
  }
  channel.file = file;
  channel.record = relative ? target : current;  // absolute reading leaves the pointer where it is
  dir_.PutRecord(target, call.data);
  return StatusWord::kOk;
}

}  // namespace simroot::card
