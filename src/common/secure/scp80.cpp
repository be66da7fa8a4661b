// SPDX-License-Identifier: Apache-2.0
#include "common/secure/scp80.hpp"

#include "common/wire/tlv.hpp"

namespace simroot::secure {
namespace {

constexpr std::uint8_t kCipherBit = 0x04;
constexpr std::uint8_t kReservedOfFirst = 0xE0;
constexpr std::uint8_t kReservedOfSecond = 0xC0;
constexpr std::uint8_t kProofCipherBit = 0x10;
constexpr std::uint8_t kSubmitBit = 0x20;
constexpr std::uint8_t kReservedProof = 0x03;

constexpr std::size_t kCommandHeaderSize = 0x0D;   // SPI to PCNTR
constexpr std::size_t kCommandBodyHead = 6;        // CNTR and PCNTR
constexpr std::size_t kResponseHeaderSize = 0x0A;  // TAR to STATUS
constexpr std::size_t kResponseBodyHead = 7;       // CNTR, PCNTR, STATUS

/// A length of BER: shortest form, at most two bytes of value, as many as a packet needs.
[[nodiscard]] bool ReadBerLength(ByteReader& reader, std::size_t& out) {
  ByteReader ahead = reader;
  std::uint8_t first = 0;
  if (!ahead.ReadU8(first)) {
    return false;
  }
  std::size_t length = first;
  if (first == 0x81) {
    std::uint8_t value = 0;
    if (!ahead.ReadU8(value)) {
      return false;
    }
    length = value;
  } else if (first == 0x82) {
    std::uint16_t value = 0;
    if (!ahead.ReadU16(value)) {
      return false;
    }
    length = value;
  } else if (first >= 0x80) {
    return false;
  }
  if (wire::BerLengthSize(length) != reader.remaining() - ahead.remaining()) {
    return false;
  }
  reader = ahead;
  out = length;
  return true;
}

/// Takes header or identifier of `form` off.
[[nodiscard]] bool ReadStart(ByteReader& reader, Scp80Form form, ByteView udh, std::uint8_t identifier) {
  if (form == Scp80Form::kSmsPart) {
    return true;
  }
  if (form == Scp80Form::kStream) {
    std::uint8_t first = 0;
    return reader.ReadU8(first) && first == identifier;
  }
  ByteView start;
  return reader.ReadBytes(udh.size(), start) && SameBytes(start, udh);
}

/// Both lengths. kBadLength unless all that is left has the first one.
[[nodiscard]] Expected<std::size_t, ParseError> ReadLengths(ByteReader& reader, Scp80Form form) {
  std::size_t packet = 0;
  std::size_t header = 0;
  if (form == Scp80Form::kStream) {
    if (!ReadBerLength(reader, packet)) {
      return Unexpected(reader.empty() ? ParseError::kTruncated : ParseError::kBadLength);
    }
  } else {
    std::uint16_t value = 0;
    if (!reader.ReadU16(value)) {
      return Unexpected(ParseError::kTruncated);
    }
    packet = value;
  }
  if (packet != reader.remaining()) {
    return Unexpected(packet > reader.remaining() ? ParseError::kTruncated : ParseError::kTrailingBytes);
  }
  if (form == Scp80Form::kStream) {
    if (!ReadBerLength(reader, header)) {
      return Unexpected(ParseError::kBadLength);
    }
    return header;
  }
  std::uint8_t value = 0;
  if (!reader.ReadU8(value)) {
    return Unexpected(ParseError::kBadLength);
  }
  return std::size_t{value};
}

/// The size of the check that a header of `length` bytes has room for, beyond its `fixed` bytes.
[[nodiscard]] std::optional<std::size_t> CheckSize(std::size_t length, std::size_t fixed) {
  const std::size_t size = length - fixed;
  if (length < fixed || (size != 0 && size != 2 && size != 4 && size != 8)) {
    return std::nullopt;
  }
  return size;
}

/// What was read of `all` so far.
[[nodiscard]] ByteView ReadSoFar(ByteView all, const ByteReader& reader) {
  return all.first(all.size() - reader.remaining());
}

}  // namespace

std::uint8_t FirstByte(const Spi& spi) {
  return LowByte(static_cast<unsigned>(spi.check) | (spi.ciphered ? kCipherBit : 0U) |
                 (static_cast<unsigned>(spi.counter) << 3U));
}

std::uint8_t SecondByte(const Spi& spi) {
  return LowByte(static_cast<unsigned>(spi.proof) | (static_cast<unsigned>(spi.proof_check) << 2U) |
                 (spi.proof_ciphered ? kProofCipherBit : 0U) | (spi.proof_by_submit ? kSubmitBit : 0U));
}

std::optional<Spi> ParseSpi(std::uint8_t first, std::uint8_t second) {
  const unsigned proof = second & 0x03U;
  if ((first & kReservedOfFirst) != 0 || (second & kReservedOfSecond) != 0 || proof == kReservedProof) {
    return std::nullopt;
  }
  return Spi{.check = static_cast<Scp80Check>(first & 0x03U),
             .ciphered = (first & kCipherBit) != 0,
             .counter = static_cast<Scp80CounterRule>((first >> 3U) & 0x03U),
             .proof = static_cast<Scp80Proof>(proof),
             .proof_check = static_cast<Scp80Check>((second >> 2U) & 0x03U),
             .proof_ciphered = (second & kProofCipherBit) != 0,
             .proof_by_submit = (second & kSubmitBit) != 0};
}

Expected<Scp80CommandPacket, ParseError> ParseCommandPacket(ByteView bytes, Scp80Form form) {
  ByteReader reader(bytes);
  if (!ReadStart(reader, form, kCommandUdh, kCommandPacketId)) {
    return Unexpected(ParseError::kUnexpectedTag);
  }
  // The check of a command leaves the header of the short message out (all known vectors), but counts the identifier.
  const ByteView packet = form == Scp80Form::kSms ? reader.rest() : bytes;
  SR_TRY(const std::size_t length, ReadLengths(reader, form));
  const auto check_size = CheckSize(length, kCommandHeaderSize);
  if (!check_size || length > reader.remaining()) {
    return Unexpected(ParseError::kBadLength);
  }
  Scp80CommandPacket out;
  std::uint8_t first = 0;
  std::uint8_t second = 0;
  if (!reader.ReadU8(first) || !reader.ReadU8(second) || !reader.ReadU8(out.header.kic) ||
      !reader.ReadU8(out.header.kid) || !reader.ReadU24(out.header.tar)) {
    return Unexpected(ParseError::kTruncated);
  }
  const auto spi = ParseSpi(first, second);
  if (!spi) {
    return Unexpected(ParseError::kBadValue);
  }
  if ((spi->check == Scp80Check::kNone) != (*check_size == 0)) {
    return Unexpected(ParseError::kBadLength);
  }
  out.header.spi = *spi;
  out.check_size = *check_size;
  out.clear = ReadSoFar(packet, reader);
  out.body = reader.rest();
  if (out.body.size() < kCommandBodyHead + out.check_size || bytes.size() > kMaxScp80Packet) {
    return Unexpected(ParseError::kBadLength);
  }
  return out;
}

Expected<Scp80ResponsePacket, ParseError> ParseResponsePacket(ByteView bytes, Scp80Form form) {
  ByteReader reader(bytes);
  if (!ReadStart(reader, form, kResponseUdh, kResponsePacketId)) {
    return Unexpected(ParseError::kUnexpectedTag);
  }
  SR_TRY(const std::size_t length, ReadLengths(reader, form));
  const auto check_size = CheckSize(length, kResponseHeaderSize);
  if (!check_size || length > reader.remaining()) {
    return Unexpected(ParseError::kBadLength);
  }
  Scp80ResponsePacket out;
  if (!reader.ReadU24(out.tar)) {
    return Unexpected(ParseError::kTruncated);
  }
  out.check_size = *check_size;
  out.clear = ReadSoFar(bytes, reader);
  out.body = reader.rest();
  if (out.body.size() < kResponseBodyHead + out.check_size || bytes.size() > kMaxScp80Packet) {
    return Unexpected(ParseError::kBadLength);
  }
  return out;
}

std::string_view Describe(Scp80Status status) {
  constexpr std::array<std::string_view, 13> kNames{
      "done",
      "check failed",
      "counter is low",
      "counter is high",
      "counter is blocked",
      "ciphering error",
      "security error that is not named",
      "too little memory",
      "more time is needed",
      "no application has this TAR",
      "too little security for this application",
      "the answer follows in a message of its own",
      "the answer follows by USSD",
  };
  const auto code = static_cast<std::size_t>(status);
  return code < kNames.size() ? kNames[code] : "unknown status";
}

}  // namespace simroot::secure
