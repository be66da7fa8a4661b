// SPDX-License-Identifier: Apache-2.0
// Just enough DER to find notAfter; the certificates are the platform's own.
#include <ctime>

#include "platform/api/describe.hpp"

namespace simroot::platform {
namespace {

constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kVersion = 0xA0;
constexpr std::uint8_t kUtcTime = 0x17;
constexpr std::uint8_t kGeneralizedTime = 0x18;

/// Takes one element. False if it does not fit into `reader`.
bool Take(ByteReader& reader, std::uint8_t& tag, ByteView& value) {
  std::uint8_t first = 0;
  if (!reader.ReadU8(tag) || !reader.ReadU8(first)) {
    return false;
  }
  std::size_t length = first;
  if (first >= 0x80) {
    ByteView digits;
    if (first > 0x84 || !reader.ReadBytes(first & 0x7FU, digits)) {
      return false;
    }
    length = 0;
    for (const std::uint8_t digit : digits) {
      length = length << 8U | digit;
    }
  }
  return reader.ReadBytes(length, value);
}

bool Enter(ByteReader& reader, ByteReader& inner) {
  std::uint8_t tag = 0;
  ByteView value;
  if (!Take(reader, tag, value) || tag != kSequence) {
    return false;
  }
  inner = ByteReader(value);
  return true;
}

UnixTime ReadTime(std::uint8_t tag, ByteView value) {
  std::tm parts{};
  std::string text(AsText(value));
  if (tag == kUtcTime && text.size() == 13) {
    text.insert(0, text.front() < '5' ? "20" : "19");  // RFC 5280 4.1.2.5.1
  } else if (tag != kGeneralizedTime || text.size() != 15) {
    return 0;
  }
  const char* const end = ::strptime(text.c_str(), "%Y%m%d%H%M%SZ", &parts);
  return end == nullptr || *end != '\0' ? 0 : ::timegm(&parts);
}

}  // namespace

UnixTime EndOfCertificate(ByteView der) {
  ByteReader reader(der);
  ByteReader certificate;
  ByteReader tbs;
  ByteReader validity;
  std::uint8_t tag = 0;
  ByteView value;
  if (!Enter(reader, certificate) || !Enter(certificate, tbs)) {
    return 0;
  }
  if (tbs.PeekU8(tag) && tag == kVersion && !Take(tbs, tag, value)) {
    return 0;
  }
  // Serial number, signature algorithm, issuer.
  for (int skipped = 0; skipped < 3; ++skipped) {
    if (!Take(tbs, tag, value)) {
      return 0;
    }
  }
  if (!Enter(tbs, validity) || !Take(validity, tag, value) || !Take(validity, tag, value)) {
    return 0;
  }
  return ReadTime(tag, value);
}

}  // namespace simroot::platform
