// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/crl.hpp"

#include <algorithm>
#include <tuple>

#include "common/base/check.hpp"

#include "platform/authority/der.hpp"

namespace simroot::platform {
namespace {

constexpr std::array<std::uint8_t, 3> kCrlNumber{0x55, 0x1D, 0x14};
constexpr std::array<std::uint8_t, 3> kReasonCode{0x55, 0x1D, 0x15};
constexpr std::array<std::uint8_t, 3> kAuthorityKeyIdentifier{0x55, 0x1D, 0x23};
constexpr std::array<std::uint8_t, 3> kVersion2{der::kInteger, 0x01, 0x01};
constexpr std::size_t kMaxSerialSize = 20;  ///< RFC 5280 4.1.2.2

struct ReasonName {
  std::string_view name;
  std::uint8_t code;
};
/// CRLReason (RFC 5280 5.3.1). "unspecified" is said by leaving the reason out; removeFromCRL is for delta CRLs.
constexpr std::array kReasons{ReasonName{"keyCompromise", 1},        ReasonName{"cACompromise", 2},
                              ReasonName{"affiliationChanged", 3},   ReasonName{"superseded", 4},
                              ReasonName{"cessationOfOperation", 5}, ReasonName{"certificateHold", 6},
                              ReasonName{"privilegeWithdrawn", 9},   ReasonName{"aACompromise", 10}};

/// A serial number with zeros in front: numbers of one size are in order when their bytes are.
using Serial = std::array<std::uint8_t, kMaxSerialSize>;

struct Entry {
  Serial serial{};
  UnixTime time = 0;
  std::uint8_t reason = 0;  ///< 0: none

  [[nodiscard]] bool operator<(const Entry& other) const {
    return std::tie(serial, time) < std::tie(other.serial, other.time);
  }
};

/// The number without the zeros in front.
ByteView DigitsOf(const Serial& serial) {
  const auto* const first = std::ranges::find_if(serial, [](std::uint8_t digit) { return digit != 0; });
  return {first, serial.end()};
}

bool ReadSerial(std::string_view hex, Serial& out) {
  ByteWriter writer(out);
  if (hex.empty() || hex.size() > 2 * kMaxSerialSize || !ParseHex(hex, writer)) {
    return false;
  }
  std::rotate(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(writer.size()), out.end());
  return true;
}

Outcome<Entry> ReadEntry(const RevokedEntry& revoked) {
  Entry entry;
  if (!ReadSerial(revoked.serial, entry.serial)) {
    return Refuse(FailureKind::kInvalid, "\"" + revoked.serial + "\" is no serial number of a certificate");
  }
  if (!der::IsTime(revoked.time)) {
    return Refuse(FailureKind::kInvalid, "the time of the revocation of " + revoked.serial + " is impossible");
  }
  entry.time = revoked.time;
  if (!revoked.reason.empty() && revoked.reason != "unspecified") {
    const auto* const reason = std::ranges::find(kReasons, revoked.reason, &ReasonName::name);
    if (reason == kReasons.end()) {
      return Refuse(FailureKind::kInvalid, "\"" + revoked.reason + "\" is no reason for a revocation",
                    "use keyCompromise, superseded, cessationOfOperation or another name of RFC 5280 5.3.1");
    }
    entry.reason = reason->code;
  }
  return entry;
}

/// All reasons as extensions, made once: most of an entry's bytes.
class ReasonExtensions {
 public:
  ReasonExtensions() {
    for (const ReasonName& reason : kReasons) {
      const std::array<std::uint8_t, 3> value{der::kEnumerated, 0x01, reason.code};
      made_.at(reason.code) = der::Element(der::kSequence, {der::Extension(kReasonCode, false, value)});
    }
  }
  [[nodiscard]] ByteView Of(std::uint8_t code) const { return made_.at(code); }

 private:
  std::array<Bytes, 11> made_;  ///< number 0 is empty
};

/// One entry. The lengths are below 80: they take one byte.
void PutEntry(ByteView digits, ByteView time, ByteView reason, ByteWriter& out) {
  const bool needs_zero = digits.empty() || (digits.front() & 0x80U) != 0;
  const std::size_t serial_size = digits.size() + (needs_zero ? 1 : 0);
  out.PutU8(der::kSequence);
  out.PutU8(LowByte(2 + serial_size + time.size() + reason.size()));
  out.PutU8(der::kInteger);
  out.PutU8(LowByte(serial_size));
  if (needs_zero) {
    out.PutU8(0);
  }
  out.PutBytes(digits);
  out.PutBytes(time);
  out.PutBytes(reason);
}

/// The entries one after the other, in order, without repetition. Written in place: a list of a hundred thousand is
/// made anew with every revocation.
Bytes EncodeEntries(std::vector<Entry>& entries) {
  constexpr std::size_t kMaxEntrySize = 64;
  std::ranges::sort(entries, std::less());
  const auto repeated =
      std::unique(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.serial == b.serial; });
  entries.erase(repeated, entries.end());
  const ReasonExtensions reasons;
  Bytes all(entries.size() * kMaxEntrySize);
  ByteWriter writer(all);
  UnixTime last_time = -1;
  Bytes time;
  for (const Entry& entry : entries) {
    if (entry.time != last_time) {
      time = der::Time(entry.time);
      last_time = entry.time;
    }
    PutEntry(DigitsOf(entry.serial), time, reasons.Of(entry.reason), writer);
  }
  SR_CHECK(writer.ok());
  all.resize(writer.size());
  return all;
}

}  // namespace

Outcome<Bytes> MakeCrlOf(LoadedCa& authority, const std::vector<RevokedEntry>& entries, std::int64_t number,
                         UnixTime now, std::int64_t lifetime_s) {
  if (number < 0 || lifetime_s <= 0 || !der::IsTime(now) || lifetime_s > der::kMaxTime - now) {
    return Refuse(FailureKind::kInvalid, "the number or the times of a CRL are impossible");
  }
  std::vector<Entry> sorted;
  sorted.reserve(entries.size());
  for (const RevokedEntry& revoked : entries) {
    SR_TRY(Entry entry, ReadEntry(revoked));
    sorted.push_back(entry);
  }
  const Bytes list = EncodeEntries(sorted);
  Bytes key_identifier;
  if (!authority.key_identifier.empty()) {
    const Bytes identifier = der::Element(der::Primitive(0), {authority.key_identifier});
    key_identifier = der::Extension(kAuthorityKeyIdentifier, false, der::Element(der::kSequence, {identifier}));
  }
  const Bytes crl_number = der::Extension(kCrlNumber, false, der::Unsigned(static_cast<std::uint64_t>(number)));
  const Bytes extensions = der::Element(der::kSequence, {key_identifier, crl_number});
  // RFC 5280 5.1.2.6: without revoked certificates the list is absent, not empty.
  const Bytes to_be_signed = der::Element(
      der::kSequence,
      {kVersion2, authority.key->algorithm(), authority.subject, der::Time(now), der::Time(now + lifetime_s),
       list.empty() ? Bytes() : der::Element(der::kSequence, {list}), der::Element(der::Constructed(0), {extensions})});
  return authority.key->SignDocument(to_be_signed);
}

}  // namespace simroot::platform
