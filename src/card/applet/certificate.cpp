// SPDX-License-Identifier: Apache-2.0
#include "card/applet/certificate.hpp"

#include "common/iotsafe/objects.hpp"

namespace simroot::card {
namespace {

using crypto::HashAlgorithm;
using wire::Tlv;

constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kBitString = 0x03;
constexpr std::uint8_t kSequence = 0x30;

/// Reads the next element if it has this tag.
[[nodiscard]] bool TakeTagged(ByteReader& reader, std::uint8_t tag, ByteView& value) {
  ByteReader attempt = reader;
  Tlv element;
  if (!wire::ReadBerTlv(attempt, element) || element.tag != tag) {
    return false;
  }
  reader = attempt;
  value = element.value;
  return true;
}

/// One part of tbsCertificate (RFC 5280 4.1).
struct Part {
  std::uint8_t tag;
  bool optional;
};
constexpr std::array kBeforeAlgorithm{Part{0xA0, true}, Part{kInteger, false}};  // version, serial
constexpr std::array kBeforeKey{Part{kSequence, false}, Part{kSequence, false},
                                Part{kSequence, false}};  // names, times
constexpr std::array kAfterKey{Part{0x81, true}, Part{0x82, true}, Part{0xA3, true}};

[[nodiscard]] bool SkipParts(ByteReader& reader, std::span<const Part> parts) {
  return std::ranges::all_of(parts, [&](const Part& part) {
    ByteView ignored;
    return TakeTagged(reader, part.tag, ignored) || part.optional;
  });
}

/// The bytes that a reader has passed since `before`.
[[nodiscard]] ByteView Passed(const ByteReader& before, const ByteReader& after) {
  return before.rest().first(before.remaining() - after.remaining());
}

}  // namespace

Expected<Certificate, ParseError> ParseCertificate(ByteView der) {
  ByteReader whole(der);
  ByteView sequence;
  if (!TakeTagged(whole, kSequence, sequence)) {
    return Unexpected(ParseError::kTruncated);
  }
  if (!whole.empty()) {
    return Unexpected(ParseError::kTrailingBytes);
  }
  Certificate certificate;
  ByteReader outer(sequence);
  const ByteReader start = outer;
  ByteView tbs;
  ByteView outer_algorithm;
  ByteView bits;
  if (!TakeTagged(outer, kSequence, tbs)) {
    return Unexpected(ParseError::kTruncated);
  }
  certificate.to_be_signed = Passed(start, outer);
  if (!TakeTagged(outer, kSequence, outer_algorithm) || !TakeTagged(outer, kBitString, bits) || !outer.empty()) {
    return Unexpected(ParseError::kTruncated);
  }
  SR_TRY(certificate.scheme, ParseSignatureAlgorithm(outer_algorithm));
  if (bits.size() < 2 || bits.front() != 0) {  // whole bytes only
    return Unexpected(ParseError::kBadValue);
  }
  certificate.signature = bits.subspan(1);

  ByteReader inner(tbs);
  ByteView inner_algorithm;
  ByteView key;
  if (!SkipParts(inner, kBeforeAlgorithm) || !TakeTagged(inner, kSequence, inner_algorithm) ||
      !SkipParts(inner, kBeforeKey) || !TakeTagged(inner, kSequence, key) || !SkipParts(inner, kAfterKey) ||
      !inner.empty()) {
    return Unexpected(ParseError::kUnexpectedTag);
  }
  if (!SameBytes(inner_algorithm, outer_algorithm)) {  // RFC 5280 4.1.1.2
    return Unexpected(ParseError::kBadValue);
  }
  const auto parsed = ParseSubjectPublicKeyInfo(key);
  if (parsed) {
    certificate.key = *parsed;
  } else if (parsed.error() != ParseError::kBadValue) {
    return Unexpected(parsed.error());
  }
  return certificate;
}

bool IsSignedBy(const Certificate& certificate, const PublicKey& issuer, crypto::Crypto& crypto) {
  const bool by_rsa = certificate.scheme == SignatureScheme::kRsaSha256;
  if (by_rsa == issuer.curve.has_value()) {
    return false;
  }
  const HashAlgorithm hash = HashOf(certificate.scheme);
  crypto::HashState state;
  std::array<std::uint8_t, crypto::kMaxDigestSize> memory{};
  const ByteSpan digest = ByteSpan(memory).first(DigestSize(hash));
  if (!crypto.HashBegin(hash, state)) {
    return false;
  }
  if (!crypto.HashUpdate(state, certificate.to_be_signed)) {
    crypto.HashAbort(state);
    return false;
  }
  if (!crypto.HashFinish(state, digest)) {
    return false;
  }
  if (by_rsa) {
    return crypto.VerifyRsa(issuer.rsa, crypto::RsaPadding::kPkcs1, hash, digest, certificate.signature) ==
           crypto::VerifyResult::kValid;
  }
  const auto raw = iotsafe::DerSignatureToRaw(certificate.signature, crypto::ScalarSize(*issuer.curve));
  return raw && crypto.VerifyEcdsa(*issuer.curve, issuer.point, digest, raw->view()) == crypto::VerifyResult::kValid;
}

}  // namespace simroot::card
