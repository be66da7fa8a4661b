// SPDX-License-Identifier: Apache-2.0
#include "common/host/test_hex.hpp"
#include "device/client/fake_transport.hpp"

namespace simroot::device::client {
namespace {

using iotsafe::HashAlgorithm;
using testing::ApplicationAnswer;
using testing::MakeCard;
using testing::PrivateKey;
using testing::Script;

const std::string kGetApplication = "81CB000000";
const std::string kSecret48 = std::string(96, '5');
const std::string kSecret32 = std::string(64, '7');
constexpr std::uint16_t kAnnounced = 0x0600;

ObjectName SecretKey(std::string_view name) {
  return ParseObjectName(iotsafe::ObjectClass::kSecretKey, name).value();
}

class KeyDerivation : public ::testing::Test {
 protected:
  KeyDerivation() { script_->ThenOpened(); }
  void TearDown() override {
    EXPECT_TRUE(script_->Done());
    script_->Otherwise([](const std::string&) { return ""; });
  }
  Script& Announcing(std::uint16_t extensions) {
    return script_->Then(kGetApplication,
                         ApplicationAnswer(iotsafe::EncodeIdentifier({.extensions = extensions}).view()));
  }
  Result<void> Prf(ByteView other = {}, HashAlgorithm hash = HashAlgorithm::kSha256) {
    return card_->ComputePrf(SecretKey("06"), other, Hex("6C6162656C"), out_, hash);
  }
  Result<void> EarlySecret() {
    return card_->ComputeEarlySecret(SecretKey("06"), HashAlgorithm::kSha256, ByteSpan(out_).first(32));
  }

  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  std::shared_ptr<Card> card_ = MakeCard(script_);
  Bytes out_ = Bytes(48);
};

TEST_F(KeyDerivation, PrfOfAPskAlone) {
  script_->Then("814801000D860106D2056C6162656CD3013000", "6130").Then("01C0000030", kSecret48 + "9000");
  ASSERT_TRUE(Prf());
  EXPECT_EQ(ToHex(out_), kSecret48);
}

TEST_F(KeyDerivation, PrfWithAnotherSecret) {
  script_->Then(
      "8148020011860106D40211"
      "22D2056C6162656CD3013000",
      kSecret48 + "9000");
  ASSERT_TRUE(Prf(Hex("1122")));
  EXPECT_EQ(ToHex(out_), kSecret48);
}

TEST_F(KeyDerivation, PrfByLabel) {
  script_->Then(
      "814801000F760370736B"
      "D2056C6162656CD3013000",
      kSecret48 + "9000");
  EXPECT_TRUE(card_->ComputePrf(SecretKey("label=psk"), {}, Hex("6C6162656C"), out_));
}

TEST_F(KeyDerivation, PrfWithSha384OnlyWhereItIsAnnounced) {
  Announcing(kAnnounced).Then("8148010011860106D2056C6162656CD301309102000200", kSecret48 + "9000");
  EXPECT_TRUE(Prf({}, HashAlgorithm::kSha384));
  EXPECT_EQ(Prf({}, HashAlgorithm::kSha512).error().domain, ErrorDomain::kUsage);
}

TEST_F(KeyDerivation, PrfWithSha384IsRefusedByOtherCards) {
  Announcing(0x003F);
  const auto refused = Prf({}, HashAlgorithm::kSha384);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "the card on at:/dev/fake does not offer the TLS 1.2 PRF with SHA-384");
}

TEST_F(KeyDerivation, WhatDoesNotFitACommandIsNotSent) {
  for (const std::size_t size : {std::size_t{241}, std::size_t{256}, std::size_t{512}}) {
    const auto refused = Prf(Bytes(size));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().domain, ErrorDomain::kUsage);
    EXPECT_NE(refused.error().Text().find("instead of DHE-PSK"), std::string::npos) << refused.error().Text();
  }
}

TEST_F(KeyDerivation, SizesOfTheOutputAreChecked) {
  EXPECT_EQ(card_->ComputePrf(SecretKey("06"), {}, Hex("00"), {}).error().domain, ErrorDomain::kUsage);
  Bytes large(256);
  EXPECT_EQ(card_->ComputePrf(SecretKey("06"), {}, Hex("00"), large).error().domain, ErrorDomain::kUsage);
  EXPECT_EQ(card_->ComputeEarlySecret(SecretKey("06"), HashAlgorithm::kSha256, out_).error().domain,
            ErrorDomain::kUsage);
  EXPECT_EQ(card_->ComputePrf(PrivateKey("06"), {}, Hex("00"), out_).error().domain, ErrorDomain::kUsage);
}

TEST_F(KeyDerivation, AnswersOfAnotherLengthAreNotUnderstoodAndNotGiven) {
  for (const std::string& wrong : {std::string(), kSecret48.substr(2), kSecret48 + "00"}) {
    script_->Then("814801000D860106D2056C6162656CD3013000", wrong + "9000");
    const auto result = Prf();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().domain, ErrorDomain::kProtocol);
    EXPECT_EQ(result.error().Text().find("5555"), std::string::npos) << "no secret in an error";
    EXPECT_EQ(out_, Bytes(48));
  }
}

TEST_F(KeyDerivation, EarlySecret) {
  script_
      ->Then(
          "814A01000786010691020001"
          "00",
          "6120")
      .Then("01C0000020", kSecret32 + "9000");
  ASSERT_TRUE(EarlySecret());
  EXPECT_EQ(ToHex(ByteView(out_).first(32)), kSecret32);
}

TEST_F(KeyDerivation, RefusalsInWords) {
  const std::pair<const char*, const char*> kWords[] = {
      {"6D00", "the applet on at:/dev/fake does not know COMPUTE HKDF"},
      {"6985", "secret key 06 on at:/dev/fake is deactivated (empty), or not allowed for key derivation with HKDF"},
      {"6A80", "secret key 06 does not exist"},
      {"6982", "user PIN has not been given"},
      {"6984", "being updated by a remote session"},
  };
  for (const auto& [sw, words] : kWords) {
    script_->Then("814A0100078601069102000100", sw);
    const auto refused = EarlySecret();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().domain, ErrorDomain::kCard);
    EXPECT_NE(refused.error().message.find(words), std::string::npos) << refused.error().message;
  }
}

TEST_F(KeyDerivation, BinderAndHandshakeSecret) {
  Announcing(kAnnounced)
      .Then("815E010029860106910200019E20" + std::string(64, 'A') + "00", kSecret32 + "9000")
      .Then("815E02000A86010691020001D4011100", kSecret32 + "9000");
  const ByteSpan out = ByteSpan(out_).first(32);
  EXPECT_TRUE(card_->ComputePskBinder(SecretKey("06"), HashAlgorithm::kSha256, Bytes(32, 0xAA), out));
  EXPECT_EQ(ToHex(out), kSecret32);
  EXPECT_TRUE(card_->ComputePskHandshakeSecret(SecretKey("06"), HashAlgorithm::kSha256, Hex("11"), out));
}

TEST_F(KeyDerivation, AConstantIsNeverAskedFor) {
  Announcing(kAnnounced);
  for (const Bytes& nothing : {Bytes(), Bytes(1), Bytes(32)}) {
    const auto refused =
        card_->ComputePskHandshakeSecret(SecretKey("06"), HashAlgorithm::kSha256, nothing, ByteSpan(out_).first(32));
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("psk_ke"), std::string::npos);
  }
}

TEST_F(KeyDerivation, DeepStepsNeedTheExtension) {
  Announcing(0x01FF);
  const auto refused =
      card_->ComputePskBinder(SecretKey("06"), HashAlgorithm::kSha256, Bytes(32, 1), ByteSpan(out_).first(32));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("does not offer TLS 1.3 steps"), std::string::npos);
  EXPECT_EQ(card_->ComputePskBinder(SecretKey("06"), HashAlgorithm::kSha384, Bytes(32, 1), out_).error().domain,
            ErrorDomain::kUsage);
}

}  // namespace
}  // namespace simroot::device::client
