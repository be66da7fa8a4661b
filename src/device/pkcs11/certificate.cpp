// SPDX-License-Identifier: Apache-2.0
#include "device/pkcs11/certificate.hpp"

#include "common/wire/tlv.hpp"

namespace simroot::pkcs11 {
namespace {

constexpr std::uint16_t kInteger = 0x02;
constexpr std::uint16_t kBitString = 0x03;
constexpr std::uint16_t kSequence = 0x30;
constexpr std::uint16_t kExplicitVersion = 0xA0;

/// Reads one element of `tag`: its content, and all of it. On failure the reader has not moved.
[[nodiscard]] bool ReadElement(ByteReader& reader, std::uint16_t tag, ByteView& content, ByteView& whole) {
  ByteReader attempt = reader;
  wire::Tlv tlv;
  if (!wire::ReadBerTlv(attempt, tlv) || tlv.tag != tag) {
    return false;
  }
  content = tlv.value;
  whole = reader.rest().first(reader.remaining() - attempt.remaining());
  reader = attempt;
  return true;
}

[[nodiscard]] bool ReadContent(ByteReader& reader, std::uint16_t tag, ByteView& content) {
  ByteView whole;
  return ReadElement(reader, tag, content, whole);
}

[[nodiscard]] bool ReadWhole(ByteReader& reader, std::uint16_t tag, ByteView& whole) {
  ByteView content;
  return ReadElement(reader, tag, content, whole);
}

[[nodiscard]] ByteView ModulusOf(ByteView public_key) {
  ByteReader outer(public_key);
  ByteView content;
  if (!ReadContent(outer, kSequence, content) || !outer.empty()) {
    return {};
  }
  ByteReader inner(content);
  ByteView modulus;
  if (!ReadContent(inner, kInteger, modulus)) {
    return {};
  }
  while (!modulus.empty() && modulus.front() == 0) {
    modulus = modulus.subspan(1);
  }
  return modulus;
}

[[nodiscard]] bool ReadPublicKey(ByteReader& tbs, ByteView& public_key) {
  ByteView info;
  ByteView algorithm;
  ByteView bits;
  if (!ReadContent(tbs, kSequence, info)) {
    return false;
  }
  ByteReader reader(info);
  if (!ReadContent(reader, kSequence, algorithm) || !ReadContent(reader, kBitString, bits) || bits.empty() ||
      bits.front() != 0) {
    return false;
  }
  public_key = bits.subspan(1);
  return true;
}

}  // namespace

std::optional<CertificateFields> ParseCertificate(ByteView der) {
  ByteReader outer(der);
  ByteView certificate;
  ByteView tbs;
  if (!ReadContent(outer, kSequence, certificate) || !outer.empty()) {
    return std::nullopt;
  }
  ByteReader parts(certificate);
  if (!ReadContent(parts, kSequence, tbs)) {
    return std::nullopt;
  }
  ByteReader reader(tbs);
  ByteView ignored;
  static_cast<void>(ReadContent(reader, kExplicitVersion, ignored));  // version 1 has none
  CertificateFields fields;
  if (!ReadWhole(reader, kInteger, fields.serial_number) || !ReadContent(reader, kSequence, ignored) ||
      !ReadWhole(reader, kSequence, fields.issuer) || !ReadContent(reader, kSequence, ignored) ||
      !ReadWhole(reader, kSequence, fields.subject) || !ReadPublicKey(reader, fields.public_key)) {
    return std::nullopt;
  }
  fields.modulus = ModulusOf(fields.public_key);
  return fields;
}

}  // namespace simroot::pkcs11
