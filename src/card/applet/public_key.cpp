// SPDX-License-Identifier: Apache-2.0
#include "card/applet/public_key.hpp"

#include "card/applet/public_keys.hpp"

namespace simroot::card {
namespace {

using crypto::Curve;
using iotsafe::KeyType;

// Tags of DER.
constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kBitString = 0x03;
constexpr std::uint8_t kNull = 0x05;
constexpr std::uint8_t kObjectIdentifier = 0x06;
constexpr std::uint8_t kSequence = 0x30;

constexpr std::array<std::uint8_t, 7> kEcPublicKey{0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01};
constexpr std::array<std::uint8_t, 9> kRsaEncryption{0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01};
constexpr std::array<std::uint8_t, 8> kPrime256v1{0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
constexpr std::array<std::uint8_t, 5> kSecp384r1{0x2B, 0x81, 0x04, 0x00, 0x22};
constexpr std::array<std::uint8_t, 9> kBrainpoolP256r1{0x2B, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07};
constexpr std::array<std::uint8_t, 8> kEcdsaSha256{0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02};
constexpr std::array<std::uint8_t, 8> kEcdsaSha384{0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03};
constexpr std::array<std::uint8_t, 9> kRsaSha256{0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B};

struct CurveName {
  Curve curve;
  ByteView oid;
};
constexpr std::array kCurveNames{CurveName{Curve::kP256, kPrime256v1},
                                 CurveName{Curve::kBrainpoolP256r1, kBrainpoolP256r1},
                                 CurveName{Curve::kP384, kSecp384r1}};

struct SchemeName {
  SignatureScheme scheme;
  ByteView oid;
};
constexpr std::array kSchemeNames{SchemeName{SignatureScheme::kEcdsaSha256, kEcdsaSha256},
                                  SchemeName{SignatureScheme::kEcdsaSha384, kEcdsaSha384},
                                  SchemeName{SignatureScheme::kRsaSha256, kRsaSha256}};

[[nodiscard]] ByteView NameOf(Curve curve) {
  return std::ranges::find(kCurveNames, curve, &CurveName::curve)->oid;
}

/// Reads the next element, which must have this tag.
[[nodiscard]] Expected<ByteView, ParseError> ReadTagged(ByteReader& reader, std::uint8_t tag) {
  wire::Tlv element;
  ByteReader attempt = reader;
  if (!wire::ReadBerTlv(attempt, element)) {
    return Unexpected(ParseError::kTruncated);
  }
  if (element.tag != tag) {
    return Unexpected(ParseError::kUnexpectedTag);
  }
  reader = attempt;
  return element.value;
}
[[nodiscard]] Expected<ByteView, ParseError> ReadOnly(ByteView bytes, std::uint8_t tag) {
  ByteReader reader(bytes);
  SR_TRY(const ByteView value, ReadTagged(reader, tag));
  if (!reader.empty()) {
    return Unexpected(ParseError::kTrailingBytes);
  }
  return value;
}

/// An INTEGER above zero in the fewest bytes, without the byte that keeps it positive.
[[nodiscard]] Expected<ByteView, ParseError> ReadPositive(ByteReader& reader) {
  SR_TRY(ByteView digits, ReadTagged(reader, kInteger));
  if (digits.empty() || (digits.front() & 0x80U) != 0) {
    return Unexpected(ParseError::kBadValue);
  }
  if (digits.front() == 0) {
    digits = digits.subspan(1);
    if (digits.empty() || (digits.front() & 0x80U) == 0) {
      return Unexpected(ParseError::kBadValue);
    }
  }
  return digits;
}
[[nodiscard]] std::size_t PositiveSize(ByteView digits) {
  return digits.size() + ((digits.front() & 0x80U) != 0 ? 1 : 0);
}
void PutPositive(ByteView digits, DocumentSink& out) {
  constexpr std::array<std::uint8_t, 1> kSign{0};
  PutHead(kInteger, PositiveSize(digits), out);
  if (PositiveSize(digits) > digits.size()) {
    out.Put(kSign);
  }
  out.Put(digits);
}

[[nodiscard]] bool IsUncompressed(ByteView point, Curve curve) {
  return point.size() == crypto::PointSize(curve) && point.front() == 0x04;
}
[[nodiscard]] bool IsRsa2048(const crypto::RsaPublicKey& key) {
  return key.modulus.size() == crypto::kRsaSize && key.modulus.front() >= 0x80 && !key.exponent.empty() &&
         key.exponent.size() <= iotsafe::kMaxRsaExponentSize && key.exponent.front() != 0;
}

[[nodiscard]] Expected<PublicKey, ParseError> ReadRsaKey(ByteView bits) {
  SR_TRY(const ByteView sequence, ReadOnly(bits, kSequence));
  ByteReader numbers(sequence);
  PublicKey key;
  SR_TRY(key.rsa.modulus, ReadPositive(numbers));
  SR_TRY(key.rsa.exponent, ReadPositive(numbers));
  if (!numbers.empty()) {
    return Unexpected(ParseError::kTrailingBytes);
  }
  if (!IsRsa2048(key.rsa)) {
    return Unexpected(ParseError::kBadValue);
  }
  return key;
}

}  // namespace

bool SameKey(const PublicKey& a, const PublicKey& b) {
  return a.curve == b.curve && SameBytes(a.point, b.point) && SameBytes(a.rsa.modulus, b.rsa.modulus) &&
         SameBytes(a.rsa.exponent, b.rsa.exponent);
}

std::optional<PublicKey> PublicKeyOf(KeyType type, ByteView value) {
  PublicKey key;
  key.curve = CurveOf(type);
  if (key.curve) {
    key.point = value;
    return IsUncompressed(value, *key.curve) ? std::optional(key) : std::nullopt;
  }
  const auto rsa = RsaKeyOf(value);
  if (!IsRsa(type) || !rsa || !IsRsa2048(*rsa)) {
    return std::nullopt;
  }
  key.rsa = *rsa;
  return key;
}

std::optional<PublicKey> PublicHalf(crypto::Crypto& crypto, KeyType type, ByteView private_value, ByteSpan memory) {
  if (const auto curve = CurveOf(type)) {
    const ByteSpan point = memory.first(crypto::PointSize(*curve));
    return private_value.size() == crypto::ScalarSize(*curve) && crypto.PublicPoint(*curve, private_value, point)
               ? PublicKeyOf(type, point)
               : std::nullopt;
  }
  const ByteSpan value = memory.first(crypto::kRsaSize + crypto::kRsaExponentSize);
  return IsRsa(type) && crypto.RsaPublicHalf(private_value, value.first(crypto::kRsaSize),
                                             value.last(crypto::kRsaExponentSize))
             ? PublicKeyOf(type, value)
             : std::nullopt;
}

SignatureScheme SchemeOf(const PublicKey& key) {
  if (!key.curve) {
    return SignatureScheme::kRsaSha256;
  }
  return *key.curve == Curve::kP384 ? SignatureScheme::kEcdsaSha384 : SignatureScheme::kEcdsaSha256;
}

crypto::HashAlgorithm HashOf(SignatureScheme scheme) {
  return scheme == SignatureScheme::kEcdsaSha384 ? crypto::HashAlgorithm::kSha384 : crypto::HashAlgorithm::kSha256;
}

void PutSubjectPublicKeyInfo(const PublicKey& key, DocumentSink& out) {
  constexpr std::array<std::uint8_t, 1> kNoUnusedBits{0};
  if (key.curve) {
    const ByteView curve = NameOf(*key.curve);
    const std::size_t algorithm = ElementSize(kEcPublicKey.size()) + ElementSize(curve.size());
    PutHead(kSequence, ElementSize(algorithm) + ElementSize(1 + key.point.size()), out);
    PutHead(kSequence, algorithm, out);
    PutElement(kObjectIdentifier, kEcPublicKey, out);
    PutElement(kObjectIdentifier, curve, out);
    PutHead(kBitString, 1 + key.point.size(), out);
    out.Put(kNoUnusedBits);
    out.Put(key.point);
    return;
  }
  const std::size_t numbers = ElementSize(PositiveSize(key.rsa.modulus)) + ElementSize(PositiveSize(key.rsa.exponent));
  const std::size_t algorithm = ElementSize(kRsaEncryption.size()) + ElementSize(0);
  PutHead(kSequence, ElementSize(algorithm) + ElementSize(1 + ElementSize(numbers)), out);
  PutHead(kSequence, algorithm, out);
  PutElement(kObjectIdentifier, kRsaEncryption, out);
  PutHead(kNull, 0, out);
  PutHead(kBitString, 1 + ElementSize(numbers), out);
  out.Put(kNoUnusedBits);
  PutHead(kSequence, numbers, out);
  PutPositive(key.rsa.modulus, out);
  PutPositive(key.rsa.exponent, out);
}

Expected<PublicKey, ParseError> ParseSubjectPublicKeyInfo(ByteView content) {
  ByteReader reader(content);
  SR_TRY(const ByteView algorithm, ReadTagged(reader, kSequence));
  SR_TRY(const ByteView bit_string, ReadTagged(reader, kBitString));
  if (!reader.empty()) {
    return Unexpected(ParseError::kTrailingBytes);
  }
  if (bit_string.empty() || bit_string.front() != 0) {
    return Unexpected(ParseError::kBadValue);
  }
  const ByteView bits = bit_string.subspan(1);
  ByteReader parameters(algorithm);
  SR_TRY(const ByteView kind, ReadTagged(parameters, kObjectIdentifier));
  if (SameBytes(kind, kRsaEncryption)) {
    SR_TRY(const ByteView nothing, ReadOnly(parameters.rest(), kNull));
    return nothing.empty() ? ReadRsaKey(bits) : Unexpected(ParseError::kBadLength);
  }
  if (!SameBytes(kind, kEcPublicKey)) {
    return Unexpected(ParseError::kBadValue);
  }
  SR_TRY(const ByteView name, ReadOnly(parameters.rest(), kObjectIdentifier));
  const auto* const curve =
      std::ranges::find_if(kCurveNames, [&](const CurveName& row) { return SameBytes(row.oid, name); });
  if (curve == kCurveNames.end() || !IsUncompressed(bits, curve->curve)) {
    return Unexpected(ParseError::kBadValue);
  }
  PublicKey key;
  key.curve = curve->curve;
  key.point = bits;
  return key;
}

void PutSignatureAlgorithm(SignatureScheme scheme, DocumentSink& out) {
  const ByteView oid = std::ranges::find(kSchemeNames, scheme, &SchemeName::scheme)->oid;
  const bool with_null = scheme == SignatureScheme::kRsaSha256;  // RFC 4055 5; absent with ECDSA, RFC 5758 3.2
  PutHead(kSequence, ElementSize(oid.size()) + (with_null ? ElementSize(0) : 0), out);
  PutElement(kObjectIdentifier, oid, out);
  if (with_null) {
    PutHead(kNull, 0, out);
  }
}

Expected<SignatureScheme, ParseError> ParseSignatureAlgorithm(ByteView content) {
  ByteReader reader(content);
  SR_TRY(const ByteView oid, ReadTagged(reader, kObjectIdentifier));
  const auto* const row =
      std::ranges::find_if(kSchemeNames, [&](const SchemeName& name) { return SameBytes(name.oid, oid); });
  if (row == kSchemeNames.end()) {
    return Unexpected(ParseError::kBadValue);
  }
  if (row->scheme == SignatureScheme::kRsaSha256) {
    SR_TRY(const ByteView nothing, ReadTagged(reader, kNull));
    if (!nothing.empty()) {
      return Unexpected(ParseError::kBadLength);
    }
  }
  if (!reader.empty()) {
    return Unexpected(ParseError::kTrailingBytes);
  }
  return row->scheme;
}

void PutSignatureBits(const PublicKey& key, ByteView signature, DocumentSink& out) {
  constexpr std::array<std::uint8_t, 1> kNoUnusedBits{0};
  FixedBytes<iotsafe::kMaxDerSignatureSize> der;
  ByteView bits = signature;
  if (key.curve) {
    der = iotsafe::RawSignatureToDer(signature, crypto::ScalarSize(*key.curve));
    bits = der.view();
  }
  PutHead(kBitString, 1 + bits.size(), out);
  out.Put(kNoUnusedBits);
  out.Put(bits);
}

}  // namespace simroot::card
