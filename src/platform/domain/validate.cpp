// SPDX-License-Identifier: Apache-2.0
#include "platform/domain/validate.hpp"

namespace simroot::platform {
namespace {

constexpr std::size_t kMinIccidDigits = 18;
constexpr std::size_t kMaxIccidDigits = 20;
constexpr std::size_t kEidDigits = 32;
constexpr std::size_t kMinImsiDigits = 6;
constexpr std::size_t kMaxImsiDigits = 15;
constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxIdentity = 128;
constexpr std::size_t kMaxLabel = 20;
constexpr std::size_t kMaxKeyId = 20;
constexpr std::uint8_t kMinPsk = 16;
constexpr std::uint8_t kMaxPsk = 64;
constexpr std::int64_t kMaxLifetime = std::int64_t{100} * 366 * 86400;
constexpr std::array<std::string_view, 4> kKeyTypes{"p256", "brainpoolP256r1", "p384", "rsa2048"};

// Characters are compared as ASCII: what the locale calls a letter or digit is of no interest.
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsLowerOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || IsDigit(c);
}
bool IsPrintable(char c) {
  return c >= ' ' && c <= '~';
}
bool IsHexDigit(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
unsigned DigitOf(char c) {
  return static_cast<unsigned>(c - '0');
}

Outcome<void> Require(bool rule, std::string_view sentence) {
  if (rule) {
    return {};
  }
  return Refuse(FailureKind::kInvalid, std::string(sentence));
}

bool IsToken(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && IsLowerOrDigit(name.front()) &&
         std::ranges::all_of(name, [](char c) { return IsLowerOrDigit(c) || c == '.' || c == '_' || c == '-'; });
}

bool IsText(std::string_view text, std::size_t max_size) {
  return !text.empty() && text.size() <= max_size && std::ranges::all_of(text, IsPrintable) && text.front() != ' ' &&
         text.back() != ' ';
}

unsigned Modulo97(std::string_view digits) {
  unsigned rest = 0;
  for (const char c : digits) {
    rest = (rest * 10 + DigitOf(c)) % 97;
  }
  return rest;
}

}  // namespace

Outcome<void> CheckIccid(std::string_view iccid) {
  return Require(
      iccid.size() >= kMinIccidDigits && iccid.size() <= kMaxIccidDigits && std::ranges::all_of(iccid, IsDigit),
      "an ICCID has 18 to 20 digits");
}

bool HasLuhnDigit(std::string_view digits) {
  if (digits.size() < 2 || !std::ranges::all_of(digits, IsDigit)) {
    return false;
  }
  unsigned sum = 0;
  bool doubled = false;  // every second digit, beginning in front of the check digit
  for (auto place = digits.rbegin(); place != digits.rend(); ++place, doubled = !doubled) {
    const unsigned value = DigitOf(*place) * (doubled ? 2 : 1);
    sum += value / 10 + value % 10;
  }
  return sum % 10 == 0;
}

Outcome<void> CheckEid(std::string_view eid) {
  if (eid.empty()) {
    return {};
  }
  SR_TRY_VOID(Require(eid.size() == kEidDigits && std::ranges::all_of(eid, IsDigit), "an EID has 32 digits"));
  return Require(Modulo97(eid) == 1, "the check digits of the EID are wrong");
}

Outcome<void> CheckImsi(std::string_view imsi) {
  return Require(imsi.empty() || (imsi.size() >= kMinImsiDigits && imsi.size() <= kMaxImsiDigits &&
                                  std::ranges::all_of(imsi, IsDigit)),
                 "an IMSI has 6 to 15 digits");
}

Outcome<void> CheckTenantName(std::string_view name) {
  return Require(IsToken(name), "a name has 1 to 64 of the characters a-z 0-9 . _ - and begins with a letter or digit");
}

Outcome<void> CheckDeviceName(std::string_view name) {
  return Require(IsText(name, kMaxName), "a name has 1 to 64 printable ASCII characters and no space at its ends");
}

Outcome<void> CheckPskIdentity(std::string_view identity) {
  return Require(IsText(identity, kMaxIdentity),
                 "a PSK identity has 1 to 128 printable ASCII characters and no space at its ends");
}

Outcome<void> CheckPolicy(const Policy& policy) {
  SR_TRY_VOID(CheckTenantName(policy.name));
  SR_TRY_VOID(Require(IsToken(policy.certificate_profile),
                      "the name of a certificate profile has 1 to 64 of the "
                      "characters a-z 0-9 . _ -"));
  SR_TRY_VOID(Require(std::ranges::find(kKeyTypes, policy.key_type) != kKeyTypes.end(),
                      "the key type is one of p256, brainpoolP256r1, p384, rsa2048"));
  SR_TRY_VOID(
      Require(policy.lifetime_s > 0 && policy.lifetime_s <= kMaxLifetime, "the lifetime is 1 second to 100 years"));
  SR_TRY_VOID(Require(policy.renew_before_s >= 0 && policy.renew_before_s < policy.lifetime_s,
                      "the time of renewal before the end must be less than the lifetime, and not negative"));
  SR_TRY_VOID(Require(policy.psk_size >= kMinPsk && policy.psk_size <= kMaxPsk, "a PSK has 16 to 64 bytes"));
  SR_TRY_VOID(Require(IsText(policy.label, kMaxLabel),
                      "a label has 1 to 20 printable ASCII characters and no space at its ends"));
  return Require(policy.attesting_key.size() % 2 == 0 && policy.attesting_key.size() <= 2 * kMaxKeyId &&
                     std::ranges::all_of(policy.attesting_key, IsHexDigit),
                 "the identifier of an attesting key has up to 20 bytes in hexadecimal");
}

}  // namespace simroot::platform
