// SPDX-License-Identifier: Apache-2.0
#include "device/pkcs11/mechanism.hpp"

#include <gtest/gtest.h>

#include <set>

#include "device/pkcs11/signing.hpp"

namespace simroot::pkcs11 {
namespace {

[[nodiscard]] std::size_t CountOffered(const TokenContent& token) {
  return static_cast<std::size_t>(
      std::ranges::count_if(AllMechanisms(), [&](const MechanismRow& row) { return IsOffered(row, token); }));
}

TEST(Pkcs11Mechanisms, AreDifferentAndEachHasAUse) {
  std::set<CK_MECHANISM_TYPE> types;
  for (const MechanismRow& row : AllMechanisms()) {
    types.insert(row.type);
    EXPECT_NE(row.flags, 0U);
    EXPECT_LE(row.min_key_size, row.max_key_size);
  }
  EXPECT_EQ(types.size(), AllMechanisms().size());
}

TEST(Pkcs11Mechanisms, ACardThatAnnouncesNothingHasDigestsOnly) {
  EXPECT_EQ(CountOffered(TokenContent{}), 3U);
}

TEST(Pkcs11Mechanisms, FollowWhatTheCardAnnounces) {
  TokenContent token;
  token.application.signature_algorithms = static_cast<std::uint8_t>(iotsafe::SignatureAlgorithm::kEcdsa);
  EXPECT_EQ(CountOffered(token), 7U);
  token.application.functions = static_cast<std::uint8_t>(iotsafe::Function::kKeyAgreement);
  EXPECT_EQ(CountOffered(token), 8U);
  const auto identifier =
      iotsafe::EncodeIdentifier({.extensions = static_cast<std::uint16_t>(iotsafe::Extension::kAesGcm)});
  ASSERT_TRUE(token.application.proprietary_identifier.Assign(identifier.view()));
  EXPECT_EQ(CountOffered(token), 9U);
}

TEST(Pkcs11Mechanisms, AreForTheirUseOnly) {
  CK_MECHANISM mechanism{CKM_SHA256, nullptr, 0};
  EXPECT_TRUE(ParseMechanism(&mechanism, CKF_DIGEST, nullptr));
  EXPECT_EQ(ParseMechanism(&mechanism, CKF_SIGN, nullptr).error(), CKR_MECHANISM_INVALID);
  EXPECT_EQ(ParseMechanism(nullptr, CKF_SIGN, nullptr).error(), CKR_ARGUMENTS_BAD);
  mechanism.mechanism = CKM_ECDSA;
  EXPECT_TRUE(ParseMechanism(&mechanism, CKF_SIGN, nullptr));
  const TokenContent nothing;
  EXPECT_EQ(ParseMechanism(&mechanism, CKF_SIGN, &nothing).error(), CKR_MECHANISM_INVALID);
}

TEST(Pkcs11Objects, MatchByEveryAttributeAndNeverBySecretOnes) {
  Object object;
  object.object_class = CKO_PRIVATE_KEY;
  object.AddBool(CKA_SIGN, true);
  object.Add(CKA_ID, Bytes{1});
  object.Add(CKA_VALUE, Bytes{7});
  EXPECT_TRUE(Matches(object, {}));
  EXPECT_TRUE(Matches(object, {{CKA_ID, Bytes{1}}, {CKA_SIGN, Bytes{CK_TRUE}}}));
  EXPECT_FALSE(Matches(object, {{CKA_ID, Bytes{1}}, {CKA_SIGN, Bytes{CK_FALSE}}}));
  EXPECT_FALSE(Matches(object, {{CKA_ID, Bytes{1, 0}}}));
  EXPECT_FALSE(Matches(object, {{CKA_LABEL, Bytes{}}}));
  EXPECT_FALSE(Matches(object, {{CKA_VALUE, Bytes{7}}}));
}

TEST(Pkcs11Results, AreGivenByTheConvention) {
  const Bytes bytes{1, 2, 3};
  std::array<std::uint8_t, 3> out{};
  CK_ULONG size = 99;
  EXPECT_TRUE(GiveBack(bytes, nullptr, &size));
  EXPECT_EQ(size, 3U);
  size = 2;
  EXPECT_EQ(GiveBack(bytes, out.data(), &size).error(), CKR_BUFFER_TOO_SMALL);
  EXPECT_EQ(size, 3U);
  EXPECT_EQ(out.front(), 0);
  EXPECT_TRUE(GiveBack(bytes, out.data(), &size));
  EXPECT_TRUE(SameBytes(bytes, out));
}

TEST(Pkcs11Results, EveryErrorOfTheCardHasItsNumber) {
  const auto rv_of = [](std::uint16_t sw) {
    return ToRv(Error{ErrorDomain::kCard, "", "", static_cast<wire::StatusWord>(sw)});
  };
  EXPECT_EQ(rv_of(0x6982), CKR_USER_NOT_LOGGED_IN);
  EXPECT_EQ(rv_of(0x6983), CKR_PIN_LOCKED);
  EXPECT_EQ(rv_of(0x6985), CKR_KEY_FUNCTION_NOT_PERMITTED);
  EXPECT_EQ(rv_of(0x6A84), CKR_DEVICE_MEMORY);
  EXPECT_EQ(rv_of(0x6A80), CKR_KEY_CHANGED);
  EXPECT_EQ(rv_of(0x6D00), CKR_FUNCTION_NOT_SUPPORTED);
  EXPECT_EQ(rv_of(0x6F00), CKR_FUNCTION_FAILED);
  EXPECT_EQ(ToRv(Error{ErrorDomain::kTransport, "", ""}), CKR_DEVICE_ERROR);
}

}  // namespace
}  // namespace simroot::pkcs11
