// SPDX-License-Identifier: Apache-2.0
#include "common/secure/sms.hpp"

#include "common/wire/tlv.hpp"

namespace simroot::secure {
namespace {

constexpr std::uint8_t kMessageType = 0x03;
constexpr std::uint8_t kNoMoreMessages = 0x04;
constexpr std::uint8_t kHeaderIndicator = 0x40;
constexpr std::uint8_t kTypeOfNumber = 0x70;
constexpr std::uint8_t kAlphanumeric = 0x50;
constexpr std::size_t kTimestampSize = 7;
constexpr std::uint8_t kUsimDownload = 0x7F;

constexpr std::uint8_t kSmsDownloadTag = 0xD1;
constexpr std::uint8_t kComprehensionRequired = 0x80;
constexpr std::uint8_t kTpduTag = 0x0B;

[[nodiscard]] Expected<SmsConcatenation, ParseError> ParseConcatenation(const UdhElement& element) {
  ByteReader reader(element.value);
  SmsConcatenation out;
  out.wide = element.id == kConcatenation16;
  std::uint8_t narrow = 0;
  const bool has_reference = out.wide ? reader.ReadU16(out.reference) : reader.ReadU8(narrow);
  if (!has_reference || !reader.ReadU8(out.total) || !reader.ReadU8(out.number) || !reader.empty() || out.number == 0 ||
      out.number > out.total) {
    return Unexpected(ParseError::kBadLength);
  }
  if (!out.wide) {
    out.reference = narrow;
  }
  return out;
}

}  // namespace

bool ReadUdhElement(ByteReader& reader, UdhElement& out) {
  ByteReader ahead = reader;
  UdhElement element;
  std::uint8_t size = 0;
  if (!ahead.ReadU8(element.id) || !ahead.ReadU8(size) || !ahead.ReadBytes(size, element.value)) {
    return false;
  }
  reader = ahead;
  out = element;
  return true;
}

Expected<SmsUserData, ParseError> ParseSmsUserData(ByteView user_data) {
  ByteReader reader(user_data);
  std::uint8_t size = 0;
  ByteView header;
  if (!reader.ReadU8(size) || !reader.ReadBytes(size, header)) {
    return Unexpected(ParseError::kTruncated);
  }
  SmsUserData out;
  out.payload = reader.rest();
  for (ByteReader elements(header); !elements.empty();) {
    UdhElement element;
    if (!ReadUdhElement(elements, element)) {
      return Unexpected(ParseError::kBadLength);
    }
    if (element.id == kConcatenation8 || element.id == kConcatenation16) {
      if (out.concatenation) {
        return Unexpected(ParseError::kDuplicateTag);
      }
      SR_TRY(out.concatenation, ParseConcatenation(element));
    }
    out.has_command = out.has_command || element.id == kCommandPacketElement;
    out.has_response = out.has_response || element.id == kResponsePacketElement;
  }
  return out;
}

std::optional<std::size_t> DigitsOf(const SmsAddress& address, std::span<char> out) {
  constexpr std::string_view kSigns = "0123456789*#abc";
  if ((address.type & kTypeOfNumber) == kAlphanumeric || address.digits > out.size()) {
    return std::nullopt;
  }
  std::size_t written = 0;
  for (const std::uint8_t byte : address.coded) {
    for (const unsigned sign : {byte & 0x0FU, unsigned{byte} >> 4U}) {
      if (written == address.digits) {
        break;
      }
      if (sign >= kSigns.size()) {
        return std::nullopt;
      }
      out[written] = kSigns[sign];
      ++written;
    }
  }
  return written;
}

bool ReadSmsAddress(ByteReader& reader, SmsAddress& out) {
  ByteReader ahead = reader;
  SmsAddress address;
  if (!ahead.ReadU8(address.digits) || !ahead.ReadU8(address.type) ||
      !ahead.ReadBytes((std::size_t{address.digits} + 1) / 2, address.coded)) {
    return false;
  }
  reader = ahead;
  out = address;
  return true;
}

Expected<SmsDeliver, ParseError> ParseSmsDeliver(ByteView tpdu) {
  ByteReader reader(tpdu);
  SmsDeliver out;
  std::uint8_t first = 0;
  if (!reader.ReadU8(first)) {
    return Unexpected(ParseError::kTruncated);
  }
  if ((first & kMessageType) != 0) {
    return Unexpected(ParseError::kUnexpectedTag);
  }
  out.more_messages = (first & kNoMoreMessages) == 0;
  out.has_header = (first & kHeaderIndicator) != 0;
  std::uint8_t length = 0;
  if (!ReadSmsAddress(reader, out.originator) || !reader.ReadU8(out.protocol) || !reader.ReadU8(out.coding) ||
      !reader.ReadBytes(kTimestampSize, out.timestamp) || !reader.ReadU8(length) ||
      !reader.ReadBytes(length, out.user_data)) {
    return Unexpected(ParseError::kTruncated);
  }
  if (!reader.empty()) {
    return Unexpected(ParseError::kTrailingBytes);
  }
  return out;
}

bool IsDataDownload(const SmsDeliver& message) {
  // The same in the two groups of codings that have a class.
  constexpr std::uint8_t kClassGroup = 0xF6;
  constexpr std::uint8_t kGeneralGroup = 0x16;
  return message.protocol == kUsimDownload && (message.coding == kClassGroup || message.coding == kGeneralGroup);
}

Expected<ByteView, ParseError> ParseSmsDownload(ByteView envelope) {
  ByteReader reader(envelope);
  std::uint8_t tag = 0;
  if (!reader.PeekU8(tag) || tag != kSmsDownloadTag) {
    return Unexpected(ParseError::kUnexpectedTag);
  }
  wire::Tlv download;
  if (!wire::ReadBerTlv(reader, download)) {
    return Unexpected(ParseError::kTruncated);
  }
  if (!reader.empty()) {
    return Unexpected(ParseError::kTrailingBytes);
  }
  wire::Tlv element;
  for (ByteReader elements(download.value); !elements.empty();) {
    if (!wire::ReadBerTlv(elements, element)) {
      return Unexpected(ParseError::kTruncated);
    }
    if ((element.tag & ~unsigned{kComprehensionRequired}) == kTpduTag) {
      return element.value;
    }
  }
  return Unexpected(ParseError::kMissingTag);
}

}  // namespace simroot::secure
