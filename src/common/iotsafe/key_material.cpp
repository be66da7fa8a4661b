// SPDX-License-Identifier: Apache-2.0
// Public keys, key pairs and signatures: the second half of objects.hpp.
#include "common/iotsafe/objects.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::iotsafe {
namespace {

using wire::Tlv;

constexpr std::uint8_t kEcPointTag = 0x86;     ///< inside 49; the number of the secret key identifier elsewhere
constexpr std::uint8_t kRsaModulusTag = 0x81;  ///< inside 49, as in ISO/IEC 7816-8
constexpr std::uint8_t kRsaExponentTag = 0x82;
constexpr std::uint8_t kUncompressed = 0x04;
constexpr std::uint8_t kDerSequence = 0x30;
constexpr std::uint8_t kDerInteger = 0x02;

constexpr std::array<std::uint8_t, 7> kIdentifierMark = {'s', 'i', 'm', 'r', 'o', 'o', 't'};
constexpr std::uint8_t kIdentifierLayout = 1;

/// Reads the only element of `bytes`, which must have this tag.
[[nodiscard]] Expected<ByteView, ParseError> ParseOnly(ByteView bytes, std::uint8_t tag) {
  ByteReader reader(bytes);
  std::uint8_t first = 0;
  Tlv tlv;
  if (reader.PeekU8(first) && first != tag) {
    return Unexpected(ParseError::kUnexpectedTag);
  }
  if (wire::ReadFlexibleTlv(reader, {}, tlv)) {
    return tlv.value;
  }
  return Unexpected(wire::ReadTlv(reader, tlv) ? ParseError::kTrailingBytes : ParseError::kTruncated);
}

[[nodiscard]] bool IsPoint(ByteView bytes) {
  return (bytes.size() == kP256PointSize || bytes.size() == kP384PointSize) && bytes.front() == kUncompressed;
}

/// Reads `81 <modulus> 82 <exponent>` in either order.
[[nodiscard]] Expected<PublicKeyView, ParseError> ParseRsaTemplate(ByteView bytes) {
  constexpr std::array kFollowers{kRsaModulusTag, kRsaExponentTag};
  PublicKeyView key;
  ByteReader reader(bytes);
  while (!reader.empty()) {
    Tlv element;
    // The last element ends with the data: only if no form of length says so may it be followed by the other.
    if (!wire::ReadFlexibleTlv(reader, {}, element) && !wire::ReadFlexibleTlv(reader, kFollowers, element)) {
      return Unexpected(ParseError::kTruncated);
    }
    if (element.tag != kRsaModulusTag && element.tag != kRsaExponentTag) {
      return Unexpected(ParseError::kUnexpectedTag);
    }
    ByteView& field = element.tag == kRsaModulusTag ? key.modulus : key.exponent;
    if (!field.empty()) {
      return Unexpected(ParseError::kDuplicateTag);
    }
    field = element.value;
  }
  const bool fits = key.modulus.size() == kRsaModulusSize && (key.modulus.front() & 0x80U) != 0 &&
                    !key.exponent.empty() && key.exponent.size() <= kMaxRsaExponentSize && key.exponent.front() != 0;
  return fits ? Expected<PublicKeyView, ParseError>(key) : Unexpected(ParseError::kBadValue);
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

/// Reads one positive integer, minimally coded, of at most `scalar_size` bytes, and appends it padded to as many.
[[nodiscard]] Expected<void, ParseError> ReadDerInteger(ByteReader& reader, std::size_t scalar_size, ByteWriter& out) {
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
  if (digits.size() > scalar_size) {
    return Unexpected(ParseError::kBadValue);
  }
  std::ranges::fill(out.Reserve(scalar_size - digits.size()), std::uint8_t{0});
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
  writer.PutU16(identifier.extensions);
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
      !reader.ReadU32(identifier.change_counter) || !reader.ReadU32(identifier.epoch) ||
      !reader.ReadU16(identifier.extensions)) {
    return std::nullopt;
  }
  return identifier;
}

void PutPublicKeyData(const PublicKeyView& key, ByteWriter& out) {
  const bool rsa = key.point.empty();
  if (rsa ? key.modulus.size() != kRsaModulusSize || key.exponent.empty() || key.exponent.size() > kMaxRsaExponentSize
          : key.point.size() != kP256PointSize && key.point.size() != kP384PointSize) {
    Refuse(out);
    return;
  }
  const auto size_of = [](std::size_t value) { return 1 + wire::BerLengthSize(value) + value; };
  const std::size_t content =
      rsa ? size_of(key.modulus.size()) + size_of(key.exponent.size()) : size_of(key.point.size());
  out.PutU8(Code(Tag::kPublicKeyData));
  wire::PutBerLength(size_of(content), out);
  out.PutU8(Code(Tag::kPublicKeyTemplate));
  wire::PutBerLength(content, out);
  if (rsa) {
    wire::PutBerTlv(kRsaModulusTag, key.modulus, out);
    wire::PutBerTlv(kRsaExponentTag, key.exponent, out);
  } else {
    wire::PutBerTlv(kEcPointTag, key.point, out);
  }
}

void PutPublicKeyData(ByteView point, ByteWriter& out) {
  PutPublicKeyData(PublicKeyView{.point = point}, out);
}

namespace {

Expected<PublicKeyView, ParseError> ParseEcTemplate(ByteView key_template) {
  SR_TRY(const ByteView point, ParseOnly(key_template, kEcPointTag));
  if (!IsPoint(point)) {
    return Unexpected(ParseError::kBadValue);
  }
  return PublicKeyView{.point = point};
}

}  // namespace

Expected<PublicKeyView, ParseError> ParseAnyPublicKeyValue(ByteView value_of_34) {
  SR_TRY(const ByteView key_template, ParseOnly(value_of_34, Code(Tag::kPublicKeyTemplate)));
  const bool rsa = !key_template.empty() && key_template.front() != kEcPointTag;
  return rsa ? ParseRsaTemplate(key_template) : ParseEcTemplate(key_template);
}

Expected<PublicKeyView, ParseError> ParseEcPublicKeyValue(ByteView value_of_34) {
  SR_TRY(const ByteView key_template, ParseOnly(value_of_34, Code(Tag::kPublicKeyTemplate)));
  return ParseEcTemplate(key_template);
}

Expected<ByteView, ParseError> ParsePublicKeyValue(ByteView value_of_34) {
  SR_TRY(const PublicKeyView key, ParseAnyPublicKeyValue(value_of_34));
  if (key.point.size() != kP256PointSize) {
    return Unexpected(ParseError::kBadValue);
  }
  return key.point;
}

void PutGeneratedKeyPair(const GeneratedKeyPair& pair, ByteWriter& out) {
  if (!pair.private_id.empty()) {
    wire::PutTlv(Code(Tag::kPrivateKeyId), pair.private_id, out);
  }
  if (!pair.public_id.empty()) {
    wire::PutTlv(Code(Tag::kPublicKeyId), pair.public_id, out);
  }
  if (!pair.point.empty() || !pair.modulus.empty()) {
    PutPublicKeyData({pair.point, pair.modulus, pair.exponent}, out);
  }
}

Expected<GeneratedKeyPair, ParseError> ParseGeneratedKeyPair(ByteView bytes) {
  GeneratedKeyPair pair;
  PublicKeyView key;
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
      if (!key.empty()) {
        return Unexpected(ParseError::kDuplicateTag);
      }
      SR_TRY(key, ParseAnyPublicKeyValue(element.value));
    }
  }
  if (pair.private_id.empty() && pair.public_id.empty() && key.empty()) {
    return Unexpected(ParseError::kMissingTag);
  }
  pair.point = key.point;
  pair.modulus = key.modulus;
  pair.exponent = key.exponent;
  return pair;
}

void PutSignatureParameters(const SignatureParameters& parameters, ByteWriter& out) {
  PutObjectRef(parameters.key, out);
  wire::PutTlvU8(Code(Tag::kModeOfOperation), static_cast<std::uint8_t>(parameters.mode), out);
  wire::PutTlvU16(Code(Tag::kHashAlgorithms), static_cast<std::uint16_t>(parameters.hash), out);
  wire::PutTlvU8(Code(Tag::kSignatureAlgorithms), static_cast<std::uint8_t>(parameters.algorithm), out);
}

Expected<FixedBytes<kMaxRawSignatureSize>, ParseError> ParseSignature(ByteView bytes, std::size_t scalar_size) {
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
  FixedBytes<kMaxRawSignatureSize> raw;
  if (tlv.value.size() != 2 * scalar_size || !raw.Assign(tlv.value)) {
    return DerSignatureToRaw(tlv.value, scalar_size);
  }
  return raw;
}

FixedBytes<kMaxDerSignatureSize> RawSignatureToDer(ByteView raw, std::size_t scalar_size) {
  FixedBytes<kMaxDerSignatureSize> der;
  ByteReader reader(raw);
  ByteView r;
  ByteView s;
  if (raw.empty() || scalar_size > kP384ScalarSize || !reader.ReadBytes(scalar_size, r) ||
      !reader.ReadBytes(scalar_size, s) || !reader.empty()) {
    return der;
  }
  std::array<std::uint8_t, kMaxDerSignatureSize> integers_memory;
  ByteWriter integers(integers_memory);
  PutDerInteger(r, integers);
  PutDerInteger(s, integers);
  std::array<std::uint8_t, kMaxDerSignatureSize> der_memory;
  ByteWriter writer(der_memory);
  wire::PutBerTlv(kDerSequence, integers.written(), writer);
  static_cast<void>(der.Assign(writer.written()));
  return der;
}

Expected<FixedBytes<kMaxRawSignatureSize>, ParseError> DerSignatureToRaw(ByteView der, std::size_t scalar_size) {
  ByteReader reader(der);
  Tlv sequence;
  if (scalar_size > kP384ScalarSize) {
    return Unexpected(ParseError::kBadLength);
  }
  if (!wire::ReadBerTlv(reader, sequence)) {
    return Unexpected(ParseError::kTruncated);
  }
  if (sequence.tag != kDerSequence) {
    return Unexpected(ParseError::kUnexpectedTag);
  }
  std::array<std::uint8_t, kMaxRawSignatureSize> memory;
  ByteWriter writer(memory);
  ByteReader integers(sequence.value);
  SR_TRY_VOID(ReadDerInteger(integers, scalar_size, writer));
  SR_TRY_VOID(ReadDerInteger(integers, scalar_size, writer));
  if (!integers.empty() || !reader.empty()) {
    return Unexpected(ParseError::kTrailingBytes);
  }
  FixedBytes<kMaxRawSignatureSize> raw;
  static_cast<void>(raw.Assign(writer.written()));
  return raw;
}

}  // namespace simroot::iotsafe
