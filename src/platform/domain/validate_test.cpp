// SPDX-License-Identifier: Apache-2.0
#include "platform/domain/validate.hpp"

#include <gtest/gtest.h>

namespace simroot::platform {
namespace {

using Texts = std::initializer_list<std::string_view>;

/// What is allowed is told by success, what is not by kInvalid and a sentence that does not repeat the text.
void ExpectAllowed(const Outcome<void>& outcome, std::string_view text) {
  EXPECT_TRUE(outcome) << text << ": " << outcome.error().Text();
}
void ExpectRefused(const Outcome<void>& outcome, std::string_view text) {
  ASSERT_FALSE(outcome) << text;
  EXPECT_EQ(outcome.error().kind, FailureKind::kInvalid);
  EXPECT_FALSE(outcome.error().message.ends_with('.'));
  if (text.size() > 2) {
    EXPECT_EQ(outcome.error().Text().find(text), std::string::npos) << outcome.error().Text();
  }
}

TEST(Iccid, Has18To20Digits) {
  for (const std::string_view right : {"898821100000000001", "8988211000000000017", "89882110000000000170"}) {
    ExpectAllowed(CheckIccid(right), right);
  }
  for (const std::string_view wrong : {"", "89882110000000000", "898821100000000001701", "898821100000000001F",
                                       "8988211000000000 17", "+988211000000000017", "89882110000000000\xD9\xA1"}) {
    ExpectRefused(CheckIccid(wrong), wrong);
  }
}

TEST(Luhn, FindsOneWrongDigitAndTwoThatChangedPlaces) {
  EXPECT_TRUE(HasLuhnDigit("8988211000000000011"));
  EXPECT_TRUE(HasLuhnDigit("79927398713"));  // ISO/IEC 7812-1 in every textbook
  for (const char last : {'0', '1', '2', '4', '5', '6', '7', '8', '9'}) {
    EXPECT_FALSE(HasLuhnDigit(std::string("7992739871") + last));
  }
  EXPECT_FALSE(HasLuhnDigit("79927398731"));
  EXPECT_FALSE(HasLuhnDigit(""));
  EXPECT_FALSE(HasLuhnDigit("0"));
  EXPECT_FALSE(HasLuhnDigit("7992739871A"));
}

TEST(Eid, Has32DigitsWithTheirCheck) {
  ExpectAllowed(CheckEid(""), "");
  ExpectAllowed(CheckEid("89049032123451234512345678901235"), "SGP.29's example");
  for (const std::string_view wrong :
       {"8904903212345123451234567890123", "890490321234512345123456789012350", "89049032123451234512345678901236",
        "98049032123451234512345678901235", "8904903212345123451234567890123A"}) {
    ExpectRefused(CheckEid(wrong), wrong);
  }
}

TEST(Imsi, Has6To15Digits) {
  for (const std::string_view right : {"", "001010", "001010000000001"}) {
    ExpectAllowed(CheckImsi(right), right);
  }
  for (const std::string_view wrong : {"00101", "0010100000000011", "00101000000000A"}) {
    ExpectRefused(CheckImsi(wrong), wrong);
  }
}

TEST(TenantName, IsAWordForUrlsAndFiles) {
  const std::string longest(64, 'a');
  for (const std::string_view right : Texts{"a", "0", "acme-1.test_2", std::string_view(longest)}) {
    ExpectAllowed(CheckTenantName(right), right);
  }
  const std::string too_long(65, 'a');
  for (const std::string_view wrong : Texts{"", "Acme", "a b", "a/b", ".", "..", "-a", "_a", "a\n", "\xC3\xA4",
                                            std::string_view("a\0b", 3), std::string_view(too_long)}) {
    ExpectRefused(CheckTenantName(wrong), wrong);
  }
}

TEST(DeviceName, IsPrintableAscii) {
  const std::string longest(64, '~');
  for (const std::string_view right : Texts{"x", "Pump 7 (north) / 'a'", std::string_view(longest)}) {
    ExpectAllowed(CheckDeviceName(right), right);
  }
  const std::string too_long(65, '~');
  for (const std::string_view wrong :
       Texts{"", " ", " a", "a ", "a\tb", "a\x7F", "a\x80z", "\xC3\xA4", std::string_view(too_long)}) {
    ExpectRefused(CheckDeviceName(wrong), wrong);
  }
}

TEST(PskIdentity, Has1To128PrintableCharacters) {
  ExpectAllowed(CheckPskIdentity("8988211000000000017@acme"), "");
  ExpectAllowed(CheckPskIdentity(std::string(128, 'i')), "");
  ExpectRefused(CheckPskIdentity(std::string(129, 'i')), "");
  ExpectRefused(CheckPskIdentity(""), "");
  ExpectRefused(CheckPskIdentity("a\nb"), "a\nb");
}

Policy RightPolicy() {
  Policy policy;
  policy.tenant = 1;
  policy.name = "default";
  return policy;
}

TEST(PolicyRules, DefaultsAreAllowed) {
  ExpectAllowed(CheckPolicy(RightPolicy()), "");
}

TEST(PolicyRules, EachFieldHasItsBorders) {
  const auto with = [](auto change) {
    Policy policy = RightPolicy();
    change(policy);
    return CheckPolicy(policy);
  };
  for (const char* type : {"p256", "brainpoolP256r1", "p384", "rsa2048"}) {
    ExpectAllowed(with([&](Policy& p) { p.key_type = type; }), type);
  }
  for (const char* type : {"", "P256", "rsa1024", "p256 "}) {
    ExpectRefused(with([&](Policy& p) { p.key_type = type; }), "");
  }
  ExpectRefused(with([](Policy& p) { p.name = "Default"; }), "");
  ExpectRefused(with([](Policy& p) { p.certificate_profile = "../device"; }), "../device");
  ExpectRefused(with([](Policy& p) { p.lifetime_s = 0; }), "");
  ExpectRefused(with([](Policy& p) { p.lifetime_s = INT64_MAX; }), "");
  ExpectRefused(with([](Policy& p) { p.renew_before_s = -1; }), "");
  ExpectRefused(with([](Policy& p) { p.renew_before_s = p.lifetime_s; }), "");
  ExpectAllowed(with([](Policy& p) { p.renew_before_s = p.lifetime_s - 1; }), "");
  for (const int size : {0, 15, 65, 255}) {
    ExpectRefused(with([&](Policy& p) { p.psk_size = static_cast<std::uint8_t>(size); }), "");
  }
  for (const int size : {16, 64}) {
    ExpectAllowed(with([&](Policy& p) { p.psk_size = static_cast<std::uint8_t>(size); }), "");
  }
  ExpectRefused(with([](Policy& p) { p.label = ""; }), "");
  ExpectAllowed(with([](Policy& p) { p.label = std::string(20, 'l'); }), "");
  ExpectRefused(with([](Policy& p) { p.label = std::string(21, 'l'); }), "");
  ExpectAllowed(with([](Policy& p) { p.attesting_key = "0a"; }), "");
  ExpectRefused(with([](Policy& p) { p.attesting_key = "0"; }), "");
  ExpectRefused(with([](Policy& p) { p.attesting_key = "0x"; }), "");
  ExpectRefused(with([](Policy& p) { p.attesting_key = std::string(42, '0'); }), "");
}

}  // namespace
}  // namespace simroot::platform
