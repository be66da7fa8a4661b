// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/der.hpp"

#include <chrono>

#include "common/base/check.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::platform::der {
namespace {

constexpr std::array<std::uint8_t, 1> kZero{0};
constexpr std::array<std::uint8_t, 3> kTrue{0x01, 0x01, 0xFF};

/// Bytes of a length field. Longer than wire's, which ends at three bytes of length: a list of half a million
/// revocations does not fit there.
[[nodiscard]] std::size_t LengthSize(std::size_t length) {
  return length <= 0xFFFFFF ? wire::BerLengthSize(length) : 5;
}

void PutLength(std::size_t length, ByteWriter& out) {
  if (length <= 0xFFFFFF) {
    wire::PutBerLength(length, out);
    return;
  }
  SR_CHECK(length <= 0xFFFFFFFF);
  out.PutU8(0x84);
  out.PutU32(static_cast<std::uint32_t>(length));
}

void PutDigits(unsigned value, std::size_t count, std::string& text) {
  const std::string digits = std::to_string(value);
  text.append(count - std::min(count, digits.size()), '0').append(digits);
}

}  // namespace

Bytes Element(std::uint8_t tag, std::initializer_list<ByteView> parts) {
  std::size_t length = 0;
  for (const ByteView part : parts) {
    length += part.size();
  }
  Bytes element(1 + LengthSize(length) + length);
  ByteWriter writer(element);
  writer.PutU8(tag);
  PutLength(length, writer);
  for (const ByteView part : parts) {
    writer.PutBytes(part);
  }
  SR_CHECK(writer.ok() && writer.free() == 0);
  return element;
}

Bytes Unsigned(ByteView big_endian) {
  while (!big_endian.empty() && big_endian.front() == 0) {
    big_endian = big_endian.subspan(1);
  }
  const bool needs_zero = big_endian.empty() || (big_endian.front() & 0x80U) != 0;
  return Element(kInteger, {needs_zero ? ByteView(kZero) : ByteView(), big_endian});
}

Bytes Unsigned(std::uint64_t value) {
  std::array<std::uint8_t, 8> memory{};
  ByteWriter writer(memory);
  writer.PutU32(static_cast<std::uint32_t>(value >> 32U));
  writer.PutU32(static_cast<std::uint32_t>(value & 0xFFFFFFFFU));
  return Unsigned(ByteView(memory));
}

Bytes BitString(ByteView bytes) {
  return Element(kBitString, {kZero, bytes});
}

Bytes Extension(ByteView oid, bool critical, ByteView value) {
  return Element(kSequence, {Element(kObjectIdentifier, {oid}), critical ? ByteView(kTrue) : ByteView(),
                             Element(kOctetString, {value})});
}

Bytes Time(UnixTime time) {
  using std::chrono::days;
  using std::chrono::seconds;
  SR_CHECK(IsTime(time));
  const std::chrono::sys_seconds moment{seconds(time)};
  const auto day = std::chrono::floor<days>(moment);
  const std::chrono::year_month_day date(day);
  const auto second = static_cast<unsigned>((moment - day).count());
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  const bool is_short = year < 2050;
  std::string text;
  PutDigits(is_short ? year % 100 : year, is_short ? 2 : 4, text);
  PutDigits(static_cast<unsigned>(date.month()), 2, text);
  PutDigits(static_cast<unsigned>(date.day()), 2, text);
  PutDigits(second / 3600, 2, text);
  PutDigits(second / 60 % 60, 2, text);
  PutDigits(second % 60, 2, text);
  text += 'Z';
  return Element(is_short ? kUtcTime : kGeneralizedTime, {AsBytes(text)});
}

bool Read(ByteReader& reader, std::uint8_t tag, ByteView& content) {
  ByteReader attempt = reader;
  wire::Tlv element;
  if (!wire::ReadBerTlv(attempt, element) || element.tag != tag) {
    return false;
  }
  content = element.value;
  reader = attempt;
  return true;
}

bool ReadWhole(ByteReader& reader, std::uint8_t tag, ByteView& whole, ByteView& content) {
  const ByteView before = reader.rest();
  if (!Read(reader, tag, content)) {
    return false;
  }
  whole = before.first(before.size() - reader.remaining());
  return true;
}

}  // namespace simroot::platform::der
