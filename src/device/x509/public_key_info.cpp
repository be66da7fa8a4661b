// SPDX-License-Identifier: Apache-2.0
#include "device/x509/public_key_info.hpp"

#include "common/wire/tlv.hpp"

namespace simroot::device::x509 {
namespace {

using crypto::Curve;
using iotsafe::KeyType;

constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kBitString = 0x03;

/// AlgorithmIdentifiers: id-ecPublicKey with the curve's identifier (RFC 5480), rsaEncryption with NULL (RFC 3279).
constexpr std::array<std::uint8_t, 21> kP256{0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
                                             0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
constexpr std::array<std::uint8_t, 22> kBrainpoolP256{0x30, 0x14, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
                                                      0x06, 0x09, 0x2B, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07};
constexpr std::array<std::uint8_t, 18> kP384{0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D,
                                             0x02, 0x01, 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22};
constexpr std::array<std::uint8_t, 15> kRsa{0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
                                            0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00};

struct CurveRow {
  Curve curve;
  ByteView algorithm;
};
constexpr std::array kCurves{CurveRow{Curve::kP256, kP256}, CurveRow{Curve::kBrainpoolP256r1, kBrainpoolP256},
                             CurveRow{Curve::kP384, kP384}};

constexpr std::size_t kMaxPublicKeyInfo = 320;  // RSA-2048 with the longest exponent needs 299

/// INTEGER of an unsigned number: a zero goes in front of a high first bit.
void PutUnsigned(ByteView number, ByteWriter& out) {
  std::array<std::uint8_t, 1 + iotsafe::kRsaModulusSize> memory{};
  ByteWriter value(memory);
  if (!number.empty() && number.front() >= 0x80) {
    value.PutU8(0);
  }
  value.PutBytes(number);
  wire::PutBerTlv(kInteger, value.written(), out);
}

[[nodiscard]] Bytes Info(ByteView algorithm, ByteView key) {
  std::array<std::uint8_t, kMaxPublicKeyInfo> bits_memory{};
  ByteWriter bits(bits_memory);
  bits.PutU8(0);  // no unused bits
  bits.PutBytes(key);
  std::array<std::uint8_t, kMaxPublicKeyInfo> content_memory{};
  ByteWriter content(content_memory);
  content.PutBytes(algorithm);
  wire::PutBerTlv(kBitString, bits.written(), content);
  std::array<std::uint8_t, kMaxPublicKeyInfo> memory{};
  ByteWriter info(memory);
  wire::PutBerTlv(kSequence, content.written(), info);
  return bits.ok() && content.ok() && info.ok() ? Bytes(info.written().begin(), info.written().end()) : Bytes();
}

}  // namespace

std::optional<Curve> CurveOf(KeyType type) {
  switch (type) {
    case KeyType::kP256Persistent:
    case KeyType::kP256Volatile:
      return Curve::kP256;
    case KeyType::kBrainpoolP256Persistent:
    case KeyType::kBrainpoolP256Volatile:
      return Curve::kBrainpoolP256r1;
    case KeyType::kP384Persistent:
    case KeyType::kP384Volatile:
      return Curve::kP384;
    default:
      return std::nullopt;
  }
}

Bytes EncodePublicKeyInfo(const PublicKey& key) {
  if (const auto curve = CurveOf(key.type)) {
    const auto* const row = std::ranges::find(kCurves, *curve, &CurveRow::curve);
    return key.point.size() == crypto::PointSize(*curve) ? Info(row->algorithm, key.point) : Bytes();
  }
  if (key.modulus.size() != iotsafe::kRsaModulusSize || key.exponent.empty() ||
      key.exponent.size() > iotsafe::kMaxRsaExponentSize) {
    return {};
  }
  std::array<std::uint8_t, kMaxPublicKeyInfo> numbers_memory{};
  ByteWriter numbers(numbers_memory);
  PutUnsigned(key.modulus, numbers);
  PutUnsigned(key.exponent, numbers);
  std::array<std::uint8_t, kMaxPublicKeyInfo> memory{};
  ByteWriter rsa_public_key(memory);
  wire::PutBerTlv(kSequence, numbers.written(), rsa_public_key);
  return Info(kRsa, rsa_public_key.written());
}

std::optional<ByteView> PointInPublicKeyInfo(ByteView der) {
  ByteReader outer(der);
  wire::Tlv info;
  if (!wire::ReadBerTlv(outer, info) || info.tag != kSequence || !outer.empty()) {
    return std::nullopt;
  }
  for (const CurveRow& row : kCurves) {
    ByteReader reader(info.value);
    ByteView algorithm;
    wire::Tlv bits;
    if (!reader.ReadBytes(row.algorithm.size(), algorithm) || !SameBytes(algorithm, row.algorithm) ||
        !wire::ReadBerTlv(reader, bits) || bits.tag != kBitString || !reader.empty()) {
      continue;
    }
    ByteReader value(bits.value);
    std::uint8_t unused_bits = 0;
    std::uint8_t form = 0;
    if (value.ReadU8(unused_bits) && unused_bits == 0 && value.PeekU8(form) && form == 0x04 &&
        value.remaining() == crypto::PointSize(row.curve)) {
      return value.rest();
    }
  }
  return std::nullopt;
}

}  // namespace simroot::device::x509
