// SPDX-License-Identifier: Apache-2.0
/// Tag-length-value coding: BER-TLV with one- and two-byte tags, and the length forms seen on IoT SAFE applets.
#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

namespace simroot::wire {

/// One element. `value` borrows from what was read.
struct Tlv {
  std::uint16_t tag = 0;
  ByteView value;
};

/// Reads one BER-TLV: tag of one byte, or two when the low five bits of the first are set (5FXX, 7FXX, ...); definite
/// length in the shortest form of 1 to 4 bytes. On failure the reader has not moved.
[[nodiscard]] bool ReadBerTlv(ByteReader& reader, Tlv& out);

/// Writes a BER-TLV with the shortest length form. Two bytes of tag are written when `tag` is above FF.
void PutBerTlv(std::uint16_t tag, ByteView value, ByteWriter& out);
void PutBerLength(std::size_t length, ByteWriter& out);
/// Number of bytes a BER length field takes for `length`.
[[nodiscard]] constexpr std::size_t BerLengthSize(std::size_t length) {
  return length < 0x80 ? 1 : length <= 0xFF ? 2 : length <= 0xFFFF ? 3 : 4;
}

/// The applet's own elements: the tag is always one byte, even when its low five bits are set, and the plain length is
/// one byte 00 to FF (IoT.05; spec section 2). On failure the reader has not moved.
[[nodiscard]] bool ReadTlv(ByteReader& reader, Tlv& out);

/// Reads one element of the applet whose length may be coded in any form the known clients and cards use, tried in this
/// order: one byte below 80; BER 81, 82, 83; two bytes big endian; three bytes; one byte 80 to FF. The first form is
/// taken with which the element ends at the end of the reader, or is followed by one of `followers` (tags that may come
/// next). On failure the reader has not moved.
[[nodiscard]] bool ReadFlexibleTlv(ByteReader& reader, ByteView followers, Tlv& out);

/// What the first command of a chain announces: a total length that exceeds the bytes present (spec 6.3, style B).
struct OpenTlv {
  std::uint8_t tag = 0;
  std::size_t total = 0;  ///< bytes of the whole value
  ByteView first;         ///< the part present: shorter than `total`, to the end of the reader
};

/// Reads an element that is announced but not complete, in the forms and order of ReadFlexibleTlv; takes all that is
/// left. False, reader unmoved, if in no form more bytes are announced than present.
[[nodiscard]] bool ReadOpenTlv(ByteReader& reader, OpenTlv& out);

/// Writes an element with a one-byte tag and a plain one-byte length; a longer value makes `out` not ok.
void PutTlv(std::uint8_t tag, ByteView value, ByteWriter& out);
void PutTlvU8(std::uint8_t tag, std::uint8_t value, ByteWriter& out);
void PutTlvU16(std::uint8_t tag, std::uint16_t value, ByteWriter& out);
/// Writes an element with a length of two bytes, big endian (signatures, tag 33, as ZARIOT's cards and wolfSSL do).
void PutTlvTwoByteLength(std::uint8_t tag, ByteView value, ByteWriter& out);

}  // namespace simroot::wire
