// SPDX-License-Identifier: Apache-2.0
// Public keys, key pairs and signatures: the second half of objects.hpp.
#include "common/iotsafe/objects.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::iotsafe {
namespace {

using wire::Tlv;

constexpr std::uint8_t kEcPointTag = 0x86;  ///< inside 49; the number of the secret key identifier elsewhere
constexpr std::uint8_t kUncompressed = 0x04;
constexpr std::uint8_t kDerSequence = 0x30;
constexpr std::uint8_t kDerInteger = 0x02;

constexpr std::array<std::uint8_t, 7> kIdentifierMark = {'s', 'i', 'm', 'r', 'o', 'o', 't'};
constexpr std::uint8_t kIdentifierLayout = 1;

/// Reads the only element of `bytes`, which must have this tag.
[[nodiscard]] Expected<ByteView, ParseError> ParseOnly(ByteView bytes, std::uint8_t tag) {
  ByteReader reader(bytes);
  Tlv tlv;
  if (!wire::ReadTlv(reader, tlv)) {
    return Unexpected(ParseError::kTruncated);
  }
  if (tlv.tag != tag) {
    return Unexpected(ParseError::kUnexpectedTag);
  }
  if (!reader.empty()) {
    return Unexpected(ParseError::kTrailingBytes);
  }
  return tlv.value;
}

/// Reads one element of a key pair: the public key's length may be coded in any of the known forms.
[[nodiscard]] bool ReadKeyPairElement(ByteReader& reader, Tlv& out) {
  constexpr std::array kFollowers{Code(Tag::kPrivateKeyId), Code(Tag::kPublicKeyId)};
  std::uint8_t tag = 0;
  if (reader.PeekU8(tag) && tag == Code(Tag::kPublicKeyData) && wire::ReadFlexibleTlv(reader, kFollowers, out)) {
    return true;
  }
  return wire::ReadTlv(reader, out);
}

[[nodiscard]] Expected<void, ParseError> TakeOnce(ByteView value, ByteView& out) {
  if (!out.empty()) {
    return Unexpected(ParseError::kDuplicateTag);
  }
  if (value.empty() || value.size() > kMaxIdSize) {
    return Unexpected(ParseError::kBadLength);
  }
  out = value;
  return {};
}

/// Writes one integer in the fewest bytes that keep it positive.
void PutDerInteger(ByteView big_endian, ByteWriter& out) {
  ByteView digits = big_endian;
  while (digits.size() > 1 && digits.front() == 0) {
    digits = digits.subspan(1);
  }
  const bool needs_sign = (digits.front() & 0x80U) != 0;
  out.PutU8(kDerInteger);
  wire::PutBerLength(digits.size() + (needs_sign ? 1 : 0), out);
  if (needs_sign) {
    out.PutU8(0);
  }
  out.PutBytes(digits);
}

/// Reads one positive integer, minimally coded, of at most 32 bytes, and appends it padded to 32 bytes.
[[nodiscard]] Expected<void, ParseError> ReadDerInteger(ByteReader& reader, ByteWriter& out) {
  Tlv integer;
  if (!wire::ReadBerTlv(reader, integer)) {
    return Unexpected(ParseError::kTruncated);
  }
  if (integer.tag != kDerInteger) {
    return Unexpected(ParseError::kUnexpectedTag);
  }
  ByteView digits = integer.value;
  if (digits.empty() || (digits.front() & 0x80U) != 0) {
    return Unexpected(ParseError::kBadValue);
  }
  if (digits.size() > 1 && digits.front() == 0) {
    digits = digits.subspan(1);
    if ((digits.front() & 0x80U) == 0) {
      return Unexpected(ParseError::kBadValue);
    }
  }
  if (digits.size() > kP256ScalarSize) {
    return Unexpected(ParseError::kBadValue);
  }
  std::ranges::fill(out.Reserve(kP256ScalarSize - digits.size()), std::uint8_t{0});
  out.PutBytes(digits);
  return {};
}

/// The same memory bound as the other writers: what cannot be coded counts as not fitting.
void Refuse(ByteWriter& out) {
  static_cast<void>(out.Reserve(out.free() + 1));
}

}  // namespace

FixedBytes<32> EncodeIdentifier(const SimrootIdentifier& identifier) {
  std::array<std::uint8_t, 32> memory{};
  ByteWriter writer(memory);
  writer.PutBytes(kIdentifierMark);
  writer.PutU8(kIdentifierLayout);
  writer.PutU8(identifier.applet_major);
  writer.PutU8(identifier.applet_minor);
  writer.PutU32(identifier.change_counter);
  writer.PutU32(identifier.epoch);
  FixedBytes<32> encoded;  // the rest stays zero
  static_cast<void>(encoded.Assign(memory));
  return encoded;
}

std::optional<SimrootIdentifier> ParseIdentifier(ByteView proprietary_identifier) {
  ByteReader reader(proprietary_identifier);
  ByteView mark;
  std::uint8_t layout = 0;
  SimrootIdentifier identifier;
  if (proprietary_identifier.size() != FixedBytes<32>::kCapacity || !reader.ReadBytes(kIdentifierMark.size(), mark) ||
      !SameBytes(mark, kIdentifierMark) || !reader.ReadU8(layout) || layout != kIdentifierLayout ||
      !reader.ReadU8(identifier.applet_major) || !reader.ReadU8(identifier.applet_minor) ||
      !reader.ReadU32(identifier.change_counter) || !reader.ReadU32(identifier.epoch)) {
    return std::nullopt;
  }
  return identifier;
}

void PutPublicKeyData(ByteView point, ByteWriter& out) {
  if (point.size() != kP256PointSize) {
    Refuse(out);
    return;
  }
  constexpr std::size_t kTlvHeader = 2;
  out.PutU8(Code(Tag::kPublicKeyData));
  out.PutU8(LowByte(kP256PointSize + 2 * kTlvHeader));
  out.PutU8(Code(Tag::kPublicKeyTemplate));
  out.PutU8(LowByte(kP256PointSize + kTlvHeader));
  wire::PutTlv(kEcPointTag, point, out);
}

Expected<ByteView, ParseError> ParsePublicKeyValue(ByteView value_of_34) {
  SR_TRY(const ByteView key_template, ParseOnly(value_of_34, Code(Tag::kPublicKeyTemplate)));
  SR_TRY(const ByteView point, ParseOnly(key_template, kEcPointTag));
  if (point.size() != kP256PointSize || point.front() != kUncompressed) {
    return Unexpected(ParseError::kBadValue);
  }
  return point;
}

void PutGeneratedKeyPair(const GeneratedKeyPair& pair, ByteWriter& out) {
  if (!pair.private_id.empty()) {
    wire::PutTlv(Code(Tag::kPrivateKeyId), pair.private_id, out);
  }
  if (!pair.public_id.empty()) {
    wire::PutTlv(Code(Tag::kPublicKeyId), pair.public_id, out);
  }
  if (!pair.point.empty()) {
    PutPublicKeyData(pair.point, out);
  }
}

Expected<GeneratedKeyPair, ParseError> ParseGeneratedKeyPair(ByteView bytes) {
  GeneratedKeyPair pair;
  ByteReader reader(bytes);
  while (!reader.empty()) {
    Tlv element;
    if (!ReadKeyPairElement(reader, element)) {
      return Unexpected(ParseError::kTruncated);
    }
    if (element.tag == Code(Tag::kPrivateKeyId)) {
      SR_TRY_VOID(TakeOnce(element.value, pair.private_id));
    } else if (element.tag == Code(Tag::kPublicKeyId)) {
      SR_TRY_VOID(TakeOnce(element.value, pair.public_id));
    } else if (element.tag == Code(Tag::kPublicKeyData)) {
      if (!pair.point.empty()) {
        return Unexpected(ParseError::kDuplicateTag);
      }
      SR_TRY(pair.point, ParsePublicKeyValue(element.value));
    }
  }
  if (pair.private_id.empty() && pair.public_id.empty() && pair.point.empty()) {
    return Unexpected(ParseError::kMissingTag);
  }
  return pair;
}

void PutSignatureParameters(const SignatureParameters& parameters, ByteWriter& out) {
  PutObjectRef(parameters.key, out);
  wire::PutTlvU8(Code(Tag::kModeOfOperation), static_cast<std::uint8_t>(parameters.mode), out);
  wire::PutTlvU16(Code(Tag::kHashAlgorithms), static_cast<std::uint16_t>(parameters.hash), out);
  wire::PutTlvU8(Code(Tag::kSignatureAlgorithms), static_cast<std::uint8_t>(parameters.algorithm), out);
}

Expected<FixedBytes<kP256SignatureSize>, ParseError> ParseSignature(ByteView bytes) {
  ByteReader reader(bytes);
  std::uint8_t tag = 0;
  if (!reader.PeekU8(tag)) {
    return Unexpected(ParseError::kTruncated);
  }
  if (tag != Code(Tag::kSignature)) {
    return Unexpected(ParseError::kUnexpectedTag);
  }
  Tlv tlv;
  if (!wire::ReadFlexibleTlv(reader, {}, tlv)) {  // no form of length ends where the data ends
    return Unexpected(ParseError::kBadLength);
  }
  if (tlv.value.size() != kP256SignatureSize) {
    return DerSignatureToRaw(tlv.value);
  }
  FixedBytes<kP256SignatureSize> raw;
  static_cast<void>(raw.Assign(tlv.value));
  return raw;
}

FixedBytes<72> RawSignatureToDer(ByteView raw) {
  FixedBytes<72> der;
  ByteReader reader(raw);
  ByteView r;
  ByteView s;
  if (raw.size() != kP256SignatureSize || !reader.ReadBytes(kP256ScalarSize, r) ||
      !reader.ReadBytes(kP256ScalarSize, s)) {
    return der;
  }
  std::array<std::uint8_t, 70> integers_memory;
  ByteWriter integers(integers_memory);
  PutDerInteger(r, integers);
  PutDerInteger(s, integers);
  std::array<std::uint8_t, 72> der_memory;
  ByteWriter writer(der_memory);
  wire::PutBerTlv(kDerSequence, integers.written(), writer);
  static_cast<void>(der.Assign(writer.written()));
  return der;
}

Expected<FixedBytes<kP256SignatureSize>, ParseError> DerSignatureToRaw(ByteView der) {
  ByteReader reader(der);
  Tlv sequence;
  if (!wire::ReadBerTlv(reader, sequence)) {
    return Unexpected(ParseError::kTruncated);
  }
  if (sequence.tag != kDerSequence) {
    return Unexpected(ParseError::kUnexpectedTag);
  }
  std::array<std::uint8_t, kP256SignatureSize> memory;
  ByteWriter writer(memory);
  ByteReader integers(sequence.value);
  SR_TRY_VOID(ReadDerInteger(integers, writer));
  SR_TRY_VOID(ReadDerInteger(integers, writer));
  if (!integers.empty() || !reader.empty()) {
    return Unexpected(ParseError::kTrailingBytes);
  }
  FixedBytes<kP256SignatureSize> raw;
  static_cast<void>(raw.Assign(writer.written()));
  return raw;
}

}  // namespace simroot::iotsafe
