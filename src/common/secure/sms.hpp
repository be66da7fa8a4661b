// SPDX-License-Identifier: Apache-2.0
/// How secured packets travel in short messages (3GPP TS 23.040, TS 31.115; ETSI TS 102 223): what has to be read to
/// find the packet in an SMS-DELIVER, and that in an ENVELOPE. Only reading; views borrow.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

namespace simroot::secure {

inline constexpr std::uint8_t kConcatenation8 = 0x00;   ///< element: reference of one byte, total, number
inline constexpr std::uint8_t kConcatenation16 = 0x08;  ///< element: reference of two bytes, total, number
inline constexpr std::uint8_t kCommandPacketElement = 0x70;
inline constexpr std::uint8_t kResponsePacketElement = 0x71;

/// One element of a user data header.
struct UdhElement {
  std::uint8_t id = 0;
  ByteView value;
};
/// Takes the next element. On failure the reader has not moved.
[[nodiscard]] bool ReadUdhElement(ByteReader& reader, UdhElement& out);

/// The place of a part in its message.
struct SmsConcatenation {
  bool wide = false;  ///< the reference has two bytes
  std::uint16_t reference = 0;
  std::uint8_t total = 0;   ///< 1 or more
  std::uint8_t number = 0;  ///< 1 to total
};

/// User data that begins with a header.
struct SmsUserData {
  std::optional<SmsConcatenation> concatenation;
  bool has_command = false;   ///< the element 70 is there: a command packet begins here
  bool has_response = false;  ///< likewise 71
  ByteView payload;           ///< after the header
};
/// Elements may come in any order, unknown ones are passed over. @returns kTruncated, kBadLength for an element cut
/// short or a part of no message, kDuplicateTag for two concatenations.
[[nodiscard]] Expected<SmsUserData, ParseError> ParseSmsUserData(ByteView user_data);

/// An address: number of digits, type, digits in swapped BCD.
struct SmsAddress {
  std::uint8_t digits = 0;
  std::uint8_t type = 0;  ///< type of number and numbering plan: 81 unknown, 91 international, D0 letters
  ByteView coded;         ///< half as many bytes
};
/// The digits as text, for types of digits (0 to 9, and the signs * # a b c). @param out at least `digits` characters.
/// @returns the number of characters; nothing if there is not enough room, or letters.
[[nodiscard]] std::optional<std::size_t> DigitsOf(const SmsAddress& address, std::span<char> out);
/// Takes an address of a TPDU off. On failure the reader has not moved.
[[nodiscard]] bool ReadSmsAddress(ByteReader& reader, SmsAddress& out);

/// What of an SMS-DELIVER matters.
struct SmsDeliver {
  bool more_messages = false;
  bool has_header = false;  ///< the user data begins with a header
  SmsAddress originator;
  std::uint8_t protocol = 0;  ///< 7F: (U)SIM data download
  std::uint8_t coding = 0;    ///< F6, 16: 8 bits, class 2
  ByteView timestamp;         ///< 7 bytes
  ByteView user_data;
};
/// @returns kUnexpectedTag for another type of message, kTruncated, kTrailingBytes if the length of the user data
/// (taken as bytes) is not that of the rest.
[[nodiscard]] Expected<SmsDeliver, ParseError> ParseSmsDeliver(ByteView tpdu);

/// True if the card takes the message for a data download: protocol 7F, 8 bits, class 2.
[[nodiscard]] bool IsDataDownload(const SmsDeliver& message);

/// The TPDU in the data of ENVELOPE (SMS-PP DOWNLOAD), D1. @returns kUnexpectedTag, kMissingTag, kTruncated,
/// kTrailingBytes.
[[nodiscard]] Expected<ByteView, ParseError> ParseSmsDownload(ByteView envelope);

}  // namespace simroot::secure
