// SPDX-License-Identifier: Apache-2.0
#include "common/wire/tlv.hpp"

namespace simroot::wire {
namespace {

constexpr std::uint8_t kLongTagMask = 0x1F;

/// The ways to code a length, in the order in which they are tried.
enum class LengthCoding : std::uint8_t { kShort, kBer81, kBer82, kBer83, kTwoBytes, kThreeBytes, kPlainHigh };
constexpr std::array kCodings{LengthCoding::kShort,    LengthCoding::kBer81,    LengthCoding::kBer82,
                              LengthCoding::kBer83,    LengthCoding::kTwoBytes, LengthCoding::kThreeBytes,
                              LengthCoding::kPlainHigh};

[[nodiscard]] bool ReadMarker(ByteReader& reader, std::uint8_t marker) {
  std::uint8_t byte = 0;
  return reader.ReadU8(byte) && byte == marker;
}

[[nodiscard]] bool ReadUnsigned(ByteReader& reader, std::size_t count, std::size_t& out) {
  ByteView raw;
  if (!reader.ReadBytes(count, raw)) {
    return false;
  }
  out = 0;
  for (const std::uint8_t byte : raw) {
    out = out << 8U | byte;
  }
  return true;
}

/// Reads a length in one given coding. On failure the reader is anywhere: callers work on a copy.
[[nodiscard]] bool ReadLength(ByteReader& reader, LengthCoding coding, std::size_t& out) {
  switch (coding) {
    case LengthCoding::kShort:
      return ReadUnsigned(reader, 1, out) && out < 0x80;
    case LengthCoding::kBer81:
      return ReadMarker(reader, 0x81) && ReadUnsigned(reader, 1, out);
    case LengthCoding::kBer82:
      return ReadMarker(reader, 0x82) && ReadUnsigned(reader, 2, out);
    case LengthCoding::kBer83:
      return ReadMarker(reader, 0x83) && ReadUnsigned(reader, 3, out);
    case LengthCoding::kTwoBytes:
      return ReadUnsigned(reader, 2, out);
    case LengthCoding::kThreeBytes:
      return ReadUnsigned(reader, 3, out);
    case LengthCoding::kPlainHigh:
      return ReadUnsigned(reader, 1, out) && out >= 0x80;
  }
  return false;
}

[[nodiscard]] bool ReadBerTag(ByteReader& reader, std::uint16_t& tag) {
  std::uint8_t first = 0;
  if (!reader.ReadU8(first)) {
    return false;
  }
  tag = first;
  if ((first & kLongTagMask) != kLongTagMask) {
    return true;
  }
  std::uint8_t second = 0;
  if (!reader.ReadU8(second) || (second & 0x80U) != 0) {  // three-byte tags do not occur in our field
    return false;
  }
  tag = static_cast<std::uint16_t>(first << 8U | second);
  return true;
}

/// Definite lengths in their shortest form only.
[[nodiscard]] bool ReadBerLength(ByteReader& reader, std::size_t& out) {
  for (const LengthCoding coding :
       {LengthCoding::kShort, LengthCoding::kBer81, LengthCoding::kBer82, LengthCoding::kBer83}) {
    ByteReader attempt = reader;
    if (!ReadLength(attempt, coding, out)) {
      continue;
    }
    const std::size_t field_size = reader.remaining() - attempt.remaining();
    reader = attempt;
    return field_size == BerLengthSize(out);
  }
  return false;
}

[[nodiscard]] bool StartsWithOneOf(ByteView bytes, ByteView followers) {
  return std::ranges::find(followers, bytes.front()) != followers.end();
}

}  // namespace

bool ReadBerTlv(ByteReader& reader, Tlv& out) {
  ByteReader attempt = reader;
  Tlv tlv;
  std::size_t length = 0;
  if (!ReadBerTag(attempt, tlv.tag) || !ReadBerLength(attempt, length) || !attempt.ReadBytes(length, tlv.value)) {
    return false;
  }
  reader = attempt;
  out = tlv;
  return true;
}

void PutBerLength(std::size_t length, ByteWriter& out) {
  const std::size_t size = BerLengthSize(length);
  if (size > 1) {
    out.PutU8(LowByte(0x80U + size - 1));
  }
  for (std::size_t left = std::max<std::size_t>(size - 1, 1); left > 0; --left) {
    out.PutU8(LowByte(length >> (8U * (left - 1))));
  }
}

void PutBerTlv(std::uint16_t tag, ByteView value, ByteWriter& out) {
  if (tag > 0xFF) {
    out.PutU8(LowByte(tag >> 8U));
  }
  out.PutU8(LowByte(tag));
  PutBerLength(value.size(), out);
  out.PutBytes(value);
}

bool ReadTlv(ByteReader& reader, Tlv& out) {
  ByteReader attempt = reader;
  std::uint8_t tag = 0;
  std::uint8_t length = 0;
  ByteView value;
  if (!attempt.ReadU8(tag) || !attempt.ReadU8(length) || !attempt.ReadBytes(length, value)) {
    return false;
  }
  reader = attempt;
  out = Tlv{tag, value};
  return true;
}

bool ReadFlexibleTlv(ByteReader& reader, ByteView followers, Tlv& out) {
  for (const LengthCoding coding : kCodings) {
    ByteReader attempt = reader;
    std::uint8_t tag = 0;
    std::size_t length = 0;
    ByteView value;
    if (!attempt.ReadU8(tag) || !ReadLength(attempt, coding, length) || !attempt.ReadBytes(length, value)) {
      continue;
    }
    if (attempt.empty() || StartsWithOneOf(attempt.rest(), followers)) {
      reader = attempt;
      out = Tlv{tag, value};
      return true;
    }
  }
  return false;
}

bool ReadOpenTlv(ByteReader& reader, OpenTlv& out) {
  for (const LengthCoding coding : kCodings) {
    ByteReader attempt = reader;
    OpenTlv open;
    if (!attempt.ReadU8(open.tag) || !ReadLength(attempt, coding, open.total) || open.total <= attempt.remaining()) {
      continue;
    }
    if (!attempt.ReadBytes(attempt.remaining(), open.first)) {
      return false;
    }
    reader = attempt;
    out = open;
    return true;
  }
  return false;
}

void PutTlv(std::uint8_t tag, ByteView value, ByteWriter& out) {
  out.PutU8(tag);
  if (value.size() > 0xFF) {
    static_cast<void>(out.Reserve(out.free() + 1));  // cannot be coded: remembered like any overflow
    return;
  }
  out.PutU8(LowByte(value.size()));
  out.PutBytes(value);
}

void PutTlvU8(std::uint8_t tag, std::uint8_t value, ByteWriter& out) {
  PutTlv(tag, ByteView(&value, 1), out);
}

void PutTlvU16(std::uint8_t tag, std::uint16_t value, ByteWriter& out) {
  out.PutU8(tag);
  out.PutU8(2);
  out.PutU16(value);
}

void PutTlvTwoByteLength(std::uint8_t tag, ByteView value, ByteWriter& out) {
  out.PutU8(tag);
  out.PutU16(static_cast<std::uint16_t>(value.size()));
  out.PutBytes(value);
}

}  // namespace simroot::wire
