// SPDX-License-Identifier: Apache-2.0
#include "device/pkcs11/certificate.hpp"

#include <gtest/gtest.h>

#include "common/host/hex.hpp"

namespace simroot::pkcs11 {
namespace {

// Made with `openssl req -x509 -newkey ec -subj /CN=a -set_serial 0x0102`.
constexpr std::string_view kCertificate =
    "3082015C30820103A00302010202020102300A06082A8648CE3D040302300C310A300806035504030C01613020170D32363131323232303138"
    "31"
    "305A180F32313236313032393230313831305A300C310A300806035504030C01613059301306072A8648CE3D020106082A8648CE3D03010703"
    "42"
    "0004A8FE11947266A1B0A3E2C7572F1A62099C5F557B4B690D75C182B92E854F2DA384219826D09F87D76855F91BE8D1F3C621C090DC02668F"
    "58"
    "A34B97CA10C3F3EAA3533051301D0603551D0E04160414137874670B62873A8062F66EFEDFA39DCD25D325301F0603551D2304183016801413"
    "78"
    "74670B62873A8062F66EFEDFA39DCD25D325300F0603551D130101FF040530030101FF300A06082A8648CE3D040302034700304402202A5E88"
    "65"
    "3167DC60FF9959B1AD5C01B78EB1EEE229740F0412EE2099CBE42DBA02200F07B90CE88503C8948CEC5D848A053F39D7565564BF8322A1BAB8"
    "0D"
    "646A5158";
constexpr std::string_view kName = "300C310A300806035504030C0161";

// Version 1, with an RSA key of modulus C1C2: only what the parser looks at is there.
constexpr std::string_view kRsaSkeleton =
    "303730350201053000300C310A300806035504030C016130003000301C300D06092A864886F70D0101010500030B003008020300C1C202"
    "0103";

[[nodiscard]] Bytes Certificate() {
  return FromHex(kCertificate).value_or(Bytes());
}

TEST(Pkcs11Certificate, FindsTheFields) {
  const Bytes der = Certificate();
  const auto fields = ParseCertificate(der);
  ASSERT_TRUE(fields);
  EXPECT_EQ(ToHex(fields->serial_number), "02020102");
  EXPECT_EQ(ToHex(fields->issuer), kName);
  EXPECT_EQ(ToHex(fields->subject), kName);
  ASSERT_EQ(fields->public_key.size(), 65U);
  EXPECT_EQ(ToHex(fields->public_key.first(5)), "04A8FE1194");
  EXPECT_TRUE(fields->modulus.empty());
}

TEST(Pkcs11Certificate, FindsAModulusWithoutItsLeadingZero) {
  const Bytes der = FromHex(kRsaSkeleton).value_or(Bytes());
  const auto fields = ParseCertificate(der);
  ASSERT_TRUE(fields);
  EXPECT_EQ(ToHex(fields->modulus), "C1C2");
  EXPECT_EQ(ToHex(fields->serial_number), "020105");
  EXPECT_EQ(ToHex(fields->subject), "3000");
}

TEST(Pkcs11Certificate, RefusesEveryShorterAndLongerOne) {
  const Bytes der = Certificate();
  for (std::size_t size = 0; size < der.size(); ++size) {
    EXPECT_FALSE(ParseCertificate(ByteView(der).first(size))) << size;
  }
  Bytes longer = der;
  longer.push_back(0);
  EXPECT_FALSE(ParseCertificate(longer));
}

TEST(Pkcs11Certificate, SurvivesEveryFlippedByte) {
  const Bytes der = Certificate();
  std::size_t refused = 0;
  for (std::size_t at = 0; at < der.size(); ++at) {
    Bytes changed = der;
    changed[at] ^= 0xFF;
    refused += ParseCertificate(changed) ? 0U : 1U;
  }
  EXPECT_GT(refused, 20U);  // tags and lengths on the way to the key
}

}  // namespace
}  // namespace simroot::pkcs11
