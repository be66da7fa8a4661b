// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/subject.hpp"

#include "platform/authority/der.hpp"

namespace simroot::platform {
namespace {

constexpr std::size_t kMaxCharacters = 64;  ///< ub-common-name, ub-organization-name, ub-serial-number

constexpr std::array<std::uint8_t, 3> kOrganizationName{0x55, 0x04, 0x0A};
constexpr std::array<std::uint8_t, 3> kCommonName{0x55, 0x04, 0x03};
constexpr std::array<std::uint8_t, 3> kSerialNumber{0x55, 0x04, 0x05};

/// One character of UTF-8: how many bytes follow its first, and the least value that needs so many.
struct Utf8Form {
  std::uint8_t mask;
  std::uint8_t mark;
  unsigned following;
  std::uint32_t least;
};
constexpr std::array kUtf8Forms{Utf8Form{0x80, 0x00, 0, 0}, Utf8Form{0xE0, 0xC0, 1, 0x80},
                                Utf8Form{0xF0, 0xE0, 2, 0x800}, Utf8Form{0xF8, 0xF0, 3, 0x10000}};

bool ReadUtf8(ByteReader& reader) {
  std::uint8_t first = 0;
  if (!reader.ReadU8(first)) {
    return false;
  }
  const auto* const form =
      std::ranges::find_if(kUtf8Forms, [&](const Utf8Form& row) { return (first & row.mask) == row.mark; });
  if (form == kUtf8Forms.end()) {
    return false;
  }
  std::uint32_t value = first & LowByte(~form->mask);
  for (unsigned i = 0; i < form->following; ++i) {
    std::uint8_t next = 0;
    if (!reader.ReadU8(next) || (next & 0xC0U) != 0x80) {
      return false;
    }
    value = (value << 6U) | (next & 0x3FU);
  }
  const bool is_surrogate = value >= 0xD800 && value <= 0xDFFF;
  return value >= form->least && value <= 0x10FFFF && !is_surrogate;
}

Outcome<Bytes> EncodePart(ByteView oid, const char* what, const std::string& text, bool printable) {
  if (text.empty()) {
    return Bytes();
  }
  const auto count = CountUtf8(AsBytes(text));
  if (!count) {
    return Refuse(FailureKind::kInvalid, std::string("the ") + what + " of the subject is not UTF-8");
  }
  if (*count > kMaxCharacters) {
    return Refuse(FailureKind::kInvalid,
                  std::string("the ") + what + " of the subject has " + std::to_string(*count) + " characters",
                  "X.509 allows " + std::to_string(kMaxCharacters));
  }
  const bool has_control = std::ranges::any_of(AsBytes(text), [](std::uint8_t c) { return c < 0x20 || c == 0x7F; });
  if (has_control || (printable && !IsPrintableString(AsBytes(text)))) {
    return Refuse(FailureKind::kInvalid,
                  std::string("the ") + what + " of the subject has characters that are not allowed there");
  }
  const std::uint8_t tag = printable ? der::kPrintableString : der::kUtf8String;
  return der::Element(der::kSet, {der::Element(der::kSequence, {der::Element(der::kObjectIdentifier, {oid}),
                                                                der::Element(tag, {AsBytes(text)})})});
}

}  // namespace

std::optional<std::size_t> CountUtf8(ByteView text) {
  ByteReader reader(text);
  std::size_t count = 0;
  while (!reader.empty()) {
    if (!ReadUtf8(reader)) {
      return std::nullopt;
    }
    ++count;
  }
  return count;
}

bool IsPrintableString(ByteView text) {
  constexpr std::string_view kOther = " '()+,-./:=?";
  return std::ranges::all_of(AsText(text), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOther.find(c) != std::string_view::npos;
  });
}

Outcome<Bytes> EncodeSubject(const Subject& subject) {
  SR_TRY(const Bytes organization, EncodePart(kOrganizationName, "organization", subject.organization, false));
  SR_TRY(const Bytes name, EncodePart(kCommonName, "common name", subject.common_name, false));
  SR_TRY(const Bytes serial, EncodePart(kSerialNumber, "serial number", subject.serial_number, true));
  if (organization.empty() && name.empty() && serial.empty()) {
    return Refuse(FailureKind::kInvalid, "the subject of a certificate is empty", "give it a name");
  }
  return der::Element(der::kSequence, {organization, name, serial});
}

}  // namespace simroot::platform
