// SPDX-License-Identifier: Apache-2.0
#include "common/wire/apdu.hpp"

namespace simroot::wire {
namespace {

constexpr std::size_t kShortLeMax = 256;
constexpr std::size_t kExtendedLeMax = 65536;

/// Le is what is left after the data: nothing, one byte, or two bytes when extended.
Expected<CommandApdu, ParseError> TakeLe(CommandApdu command, ByteReader reader, ApduStrictness strictness) {
  if (reader.empty()) {
    return command;
  }
  if (command.extended) {
    std::uint16_t le = 0;
    if (reader.remaining() != 2 || !reader.ReadU16(le)) {
      return Unexpected(ParseError::kBadLength);
    }
    command.le = le == 0 ? kExtendedLeMax : le;
    return command;
  }
  if (reader.remaining() > 1 && strictness == ApduStrictness::kExact) {
    return Unexpected(ParseError::kBadLength);
  }
  const std::uint8_t le = reader.rest().back();
  command.le = le == 0 ? kShortLeMax : le;
  return command;
}

/// Everything after `CLA INS P1 P2 00` when more bytes follow: an extended command.
Expected<CommandApdu, ParseError> ParseExtended(CommandApdu command, ByteReader reader, ApduStrictness strictness) {
  command.extended = true;
  std::uint16_t length = 0;
  if (!reader.ReadU16(length)) {
    return Unexpected(ParseError::kTruncated);
  }
  if (reader.empty()) {  // case 2E
    command.le = length == 0 ? kExtendedLeMax : length;
    return command;
  }
  if (length == 0) {
    return Unexpected(ParseError::kBadLength);
  }
  if (!reader.ReadBytes(length, command.data)) {
    return Unexpected(ParseError::kTruncated);
  }
  return TakeLe(command, reader, strictness);
}

}  // namespace

Expected<CommandApdu, ParseError> ParseCommand(ByteView bytes, ApduStrictness strictness) {
  ByteReader reader(bytes);
  CommandApdu command;
  if (!reader.ReadU8(command.cla) || !reader.ReadU8(command.ins) || !reader.ReadU8(command.p1) ||
      !reader.ReadU8(command.p2)) {
    return Unexpected(ParseError::kTruncated);
  }
  std::uint8_t p3 = 0;
  if (!reader.ReadU8(p3)) {  // case 1
    return command;
  }
  if (reader.empty()) {  // case 2
    command.le = p3 == 0 ? kShortLeMax : p3;
    return command;
  }
  if (p3 == 0) {
    return ParseExtended(command, reader, strictness);
  }
  if (!reader.ReadBytes(p3, command.data)) {
    return Unexpected(ParseError::kTruncated);
  }
  return TakeLe(command, reader, strictness);
}

void PutCommand(const CommandApdu& command, ByteWriter& out) {
  const bool extended = command.extended || command.data.size() > 255 || command.le.value_or(0) > kShortLeMax;
  out.PutU8(command.cla);
  out.PutU8(command.ins);
  out.PutU8(command.p1);
  out.PutU8(command.p2);
  if (extended && (command.le || !command.data.empty())) {
    out.PutU8(0);
  }
  if (!command.data.empty()) {
    if (extended) {
      out.PutU16(static_cast<std::uint16_t>(command.data.size()));
    } else {
      out.PutU8(LowByte(command.data.size()));
    }
    out.PutBytes(command.data);
  }
  if (command.le) {  // 256 and 65536 become 00 and 0000
    if (extended) {
      out.PutU16(static_cast<std::uint16_t>(*command.le & 0xFFFFU));
    } else {
      out.PutU8(LowByte(*command.le));
    }
  }
}

Expected<ResponseApdu, ParseError> ParseResponse(ByteView bytes) {
  if (bytes.size() < 2) {
    return Unexpected(ParseError::kTruncated);
  }
  ByteReader reader(bytes.last(2));
  std::uint16_t sw = 0;
  if (!reader.ReadU16(sw)) {
    return Unexpected(ParseError::kTruncated);
  }
  return ResponseApdu{bytes.first(bytes.size() - 2), static_cast<StatusWord>(sw)};
}

}  // namespace simroot::wire
