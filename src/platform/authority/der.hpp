// SPDX-License-Identifier: Apache-2.0
/// A small DER writer, a strict reader of one element, and the constants of X.509 that this folder writes itself.
#pragma once

#include <initializer_list>

#include "common/host/hex.hpp"
#include "platform/domain/clock.hpp"

namespace simroot::platform::der {

inline constexpr std::uint8_t kInteger = 0x02;
inline constexpr std::uint8_t kBitString = 0x03;
inline constexpr std::uint8_t kOctetString = 0x04;
inline constexpr std::uint8_t kObjectIdentifier = 0x06;
inline constexpr std::uint8_t kEnumerated = 0x0A;
inline constexpr std::uint8_t kUtf8String = 0x0C;
inline constexpr std::uint8_t kPrintableString = 0x13;
inline constexpr std::uint8_t kUtcTime = 0x17;
inline constexpr std::uint8_t kGeneralizedTime = 0x18;
inline constexpr std::uint8_t kSequence = 0x30;
inline constexpr std::uint8_t kSet = 0x31;
/// Context tag `number`, constructed or primitive.
[[nodiscard]] constexpr std::uint8_t Constructed(unsigned number) {
  return LowByte(0xA0U | number);
}
[[nodiscard]] constexpr std::uint8_t Primitive(unsigned number) {
  return LowByte(0x80U | number);
}

/// SubjectPublicKeyInfo of P-256 up to the point (RFC 5480): the only form it has in DER.
inline constexpr std::array<std::uint8_t, 26> kP256KeyPrefix{0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48,
                                                             0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
                                                             0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
/// An uncompressed point of P-256.
inline constexpr std::size_t kP256PointSize = 65;
[[nodiscard]] constexpr bool LooksLikeP256Point(ByteView bytes) {
  return bytes.size() == kP256PointSize && bytes.front() == 0x04;
}

/// AlgorithmIdentifier of ecdsa-with-SHA256, ecdsa-with-SHA384 (RFC 5758) and sha256WithRSAEncryption (RFC 4055).
inline constexpr std::array<std::uint8_t, 12> kEcdsaSha256{0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86,
                                                           0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02};
inline constexpr std::array<std::uint8_t, 12> kEcdsaSha384{0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86,
                                                           0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03};
inline constexpr std::array<std::uint8_t, 15> kRsaSha256{0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
                                                         0xF7, 0x0D, 0x01, 0x01, 0x0B, 0x05, 0x00};

/// One element whose content is these parts, one after the other.
[[nodiscard]] Bytes Element(std::uint8_t tag, std::initializer_list<ByteView> parts);
/// INTEGER of a number without sign, given big endian in any number of bytes.
[[nodiscard]] Bytes Unsigned(ByteView big_endian);
[[nodiscard]] Bytes Unsigned(std::uint64_t value);
/// BIT STRING of whole bytes.
[[nodiscard]] Bytes BitString(ByteView bytes);
/// Extension (RFC 5280 4.1): `oid` is the content of the identifier, `value` what its OCTET STRING holds.
[[nodiscard]] Bytes Extension(ByteView oid, bool critical, ByteView value);

/// The times that a certificate can say: from 1970 to the end of 9999.
inline constexpr UnixTime kMaxTime = 253'402'300'799;
[[nodiscard]] constexpr bool IsTime(UnixTime time) {
  return time >= 0 && time <= kMaxTime;
}
/// UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5280 4.1.2.5). `time` passes IsTime.
[[nodiscard]] Bytes Time(UnixTime time);

/// Reads the next element if it has this tag, which has one byte. Lengths are in the shortest form. On failure the
/// reader has not moved.
[[nodiscard]] bool Read(ByteReader& reader, std::uint8_t tag, ByteView& content);
/// The same; `whole` is the element with its tag and length.
[[nodiscard]] bool ReadWhole(ByteReader& reader, std::uint8_t tag, ByteView& whole, ByteView& content);

}  // namespace simroot::platform::der
