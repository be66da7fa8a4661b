// SPDX-License-Identifier: Apache-2.0
#include "common/host/test_hex.hpp"
#include "device/client/fake_transport.hpp"

namespace simroot::device::client {
namespace {

using iotsafe::CipherMode;
using iotsafe::HashAlgorithm;
using testing::ApplicationAnswer;
using testing::MakeCard;
using testing::PrivateKey;
using testing::Script;

const std::string kGetApplication = "81CB000000";
const std::string kNonce12 = "0102030405060708090A0B0C";
const std::string kNonce16 = "000102030405060708090A0B0C0D0E0F";
const std::string kTag = std::string(32, 'D');
constexpr std::uint16_t kAll = 0x003F;

ObjectName SecretKey(std::string_view name) {
  return ParseObjectName(iotsafe::ObjectClass::kSecretKey, name).value();
}

class Services : public ::testing::Test {
 protected:
  Services() { script_->ThenOpened(); }
  void TearDown() override {
    EXPECT_TRUE(script_->Done());
    script_->Otherwise([](const std::string&) { return ""; });
  }
  Script& Announcing(std::uint16_t extensions) {
    return script_->Then(kGetApplication,
                         ApplicationAnswer(iotsafe::EncodeIdentifier({.extensions = extensions}).view()));
  }
  std::string MessageOf(const auto& result) { return result ? "" : result.error().message; }

  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  std::shared_ptr<Card> card_ = MakeCard(script_);
};

TEST_F(Services, HashInOneCommand) {
  Announcing(kAll).Then("8152C001079B0568656C6C6F00", "6120").Then("01C0000020", std::string(64, 'A') + "9000");
  EXPECT_EQ(ToHex(card_->Hash(HashAlgorithm::kSha256, Hex("68656C6C6F")).value()), std::string(64, 'A'));
}

TEST_F(Services, HashInPieces) {
  const Bytes text(449, 0x61);
  const std::string piece = "9B81E0" + ToHex(Bytes(224, 0x61));
  Announcing(kAll)
      .Then("81524002E3" + piece + "00", "9000")
      .Then("81520002E3" + piece + "00", "9000")
      .Then("81528002039B016100", std::string(96, 'B') + "9000");
  EXPECT_EQ(ToHex(card_->Hash(HashAlgorithm::kSha384, text).value()), std::string(96, 'B'));
}

TEST_F(Services, ApplicationIsAskedOnce) {
  Announcing(kAll).Then("8152C001029B0000", std::string(64, 'A') + "9000");
  script_->Then("8152C001029B0000", std::string(64, 'A') + "9000");
  EXPECT_TRUE(card_->Hash(HashAlgorithm::kSha256, {}));
  EXPECT_TRUE(card_->Hash(HashAlgorithm::kSha256, {}));
}

TEST_F(Services, DigestOfAnotherLengthIsNotUnderstood) {
  Announcing(kAll).Then("8152C001029B0000", std::string(62, 'A') + "9000");
  EXPECT_EQ(card_->Hash(HashAlgorithm::kSha256, {}).error().domain, ErrorDomain::kProtocol);
}

TEST_F(Services, AreNotUsedWhereTheyAreNotAnnounced) {
  Announcing(0);
  const auto hash = card_->Hash(HashAlgorithm::kSha256, {});
  ASSERT_FALSE(hash);
  EXPECT_EQ(hash.error().domain, ErrorDomain::kCard);
  EXPECT_EQ(hash.error().message, "the card on at:/dev/fake does not offer hashing");
  EXPECT_NE(MessageOf(card_->Encrypt(SecretKey("07"), CipherMode::kGcm, {})).find("AES-GCM"), std::string::npos);
  EXPECT_NE(MessageOf(card_->Decrypt(PrivateKey("02"), {CipherMode::kOaep, {}, Bytes(256), {}})).find("RSA-OAEP"),
            std::string::npos);
  EXPECT_NE(MessageOf(card_->Mac(SecretKey("08"), {})).find("AES-CMAC"), std::string::npos);
}

TEST_F(Services, MacAsThalesCodesIt) {
  Announcing(kAll)
      .Then("812A000109860108A10101920108", "9000")
      .Then("812B0001E29FE0" + ToHex(Bytes(224, 0x11)) + "00", "9000")
      .Then("812B8001039F011100", "6112")
      .Then("01C0000012", "3310" + std::string(32, 'C') + "9000");
  EXPECT_EQ(ToHex(card_->Mac(SecretKey("08"), Bytes(225, 0x11)).value()), std::string(32, 'C'));
}

TEST_F(Services, MacOfAnotherLengthIsNotUnderstood) {
  Announcing(kAll)
      .Then("812A000109860108A10101920108", "9000")
      .Then("812B8001029F0000", "330F" + std::string(30, 'C') + "9000");
  EXPECT_EQ(card_->Mac(SecretKey("08"), {}).error().domain, ErrorDomain::kProtocol);
}

TEST_F(Services, EncryptGcm) {
  Announcing(kAll)
      .Then("8154000409860107A20103A4015500", "A30C" + kNonce12 + "9000")
      .Then("81558004059B0361626300", "AABBCC" + kTag + "9000");
  const auto sealed = card_->Encrypt(SecretKey("07"), CipherMode::kGcm, Hex("616263"), Hex("55"));
  ASSERT_TRUE(sealed) << MessageOf(sealed);
  EXPECT_EQ(ToHex(sealed->nonce), kNonce12);
  EXPECT_EQ(ToHex(sealed->ciphertext), "AABBCC");
  EXPECT_EQ(ToHex(sealed->tag), kTag);
}

TEST_F(Services, EncryptCbcInPieces) {
  const std::string piece = "9B81E0" + ToHex(Bytes(224, 0x61));
  Announcing(kAll)
      .Then("8154000406860107A2010100", "A310" + kNonce16 + "9000")
      .Then("81550004E3" + piece + "00", ToHex(Bytes(224, 1)) + "9000")
      .Then("81558004039B016100", ToHex(Bytes(16, 2)) + "9000");
  const auto sealed = card_->Encrypt(SecretKey("07"), CipherMode::kCbc, Bytes(225, 0x61));
  ASSERT_TRUE(sealed) << MessageOf(sealed);
  EXPECT_EQ(ToHex(sealed->ciphertext), ToHex(Join(Bytes(224, 1), Bytes(16, 2))));
  EXPECT_TRUE(sealed->tag.empty());
}

TEST_F(Services, AnswersOfEncryptThatAreNotUnderstood) {
  Announcing(kAll).Then("8154000406860107A2010300", "A30B" + kNonce12.substr(2) + "9000");
  EXPECT_EQ(card_->Encrypt(SecretKey("07"), CipherMode::kGcm, Hex("61")).error().domain, ErrorDomain::kProtocol);
  script_->Then("8154000406860107A2010300", "A30C" + kNonce12 + "9000").Then("81558004039B016100", "AA9000");
  EXPECT_EQ(card_->Encrypt(SecretKey("07"), CipherMode::kGcm, Hex("61")).error().domain, ErrorDomain::kProtocol);
}

TEST_F(Services, DecryptGcm) {
  Announcing(kAll)
      .Then("8156000426860107A20103A30C" + kNonce12 + "A510" + kTag + "00", "9000")
      .Then("81578004059B03AABBCC00", "6162639000");
  const auto text = card_->Decrypt(SecretKey("07"), {CipherMode::kGcm, Hex(kNonce12), Hex("AABBCC"), Hex(kTag)});
  ASSERT_TRUE(text) << MessageOf(text);
  EXPECT_EQ(ToHex(*text), "616263");
}

TEST_F(Services, ChangedCiphertextIsAnErrorOfItsOwn) {
  Announcing(kAll)
      .Then("8156000426860107A20103A30C" + kNonce12 + "A510" + kTag + "00", "9000")
      .Then("81578004059B03AABBCC00", "6A80");
  const auto text = card_->Decrypt(SecretKey("07"), {CipherMode::kGcm, Hex(kNonce12), Hex("AABBCC"), Hex(kTag)});
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().domain, ErrorDomain::kCrypto);
  EXPECT_NE(text.error().message.find("authentication tag does not match"), std::string::npos);
}

TEST_F(Services, DecryptOaepInPieces) {
  Announcing(kAll)
      .Then("8156000406840102A2010400", "9000")
      .Then("81570004E39B81E0" + ToHex(Bytes(224, 5)) + "00", "9000")
      .Then("81578004229B20" + ToHex(Bytes(32, 5)) + "00", "61629000");
  EXPECT_EQ(ToHex(card_->Decrypt(PrivateKey("02"), {CipherMode::kOaep, {}, Bytes(256, 5), {}}).value()), "6162");
}

TEST_F(Services, RefusalsNameTheKey) {
  Announcing(kAll).Then("8154000406860107A2010300", "6985");
  const std::string message = MessageOf(card_->Encrypt(SecretKey("07"), CipherMode::kGcm, {}));
  EXPECT_NE(message.find("secret key 07"), std::string::npos) << message;
  EXPECT_NE(message.find("not allowed for encrypting"), std::string::npos) << message;
}

TEST(ServicesArguments, AreCheckedBeforeAnythingIsSent) {
  const auto card = MakeCard(std::make_shared<Script>());
  const auto is_usage = [](const auto& result) { return !result && result.error().domain == ErrorDomain::kUsage; };
  const ObjectName key = SecretKey("07");
  EXPECT_TRUE(is_usage(card->Mac(PrivateKey("01"), {})));
  EXPECT_TRUE(is_usage(card->Encrypt(PrivateKey("01"), CipherMode::kGcm, {})));
  EXPECT_TRUE(is_usage(card->Encrypt(key, CipherMode::kOaep, {})));
  EXPECT_TRUE(is_usage(card->Encrypt(key, CipherMode::kGcm, Bytes(kMaxGcmText + 1))));
  EXPECT_TRUE(is_usage(card->Encrypt(key, CipherMode::kGcm, {}, Bytes(iotsafe::kMaxAssociatedData + 1))));
  EXPECT_TRUE(is_usage(card->Encrypt(key, CipherMode::kCbc, {}, Bytes(1))));
  EXPECT_TRUE(is_usage(card->Decrypt(key, {CipherMode::kOaep, {}, Bytes(256), {}})));
  EXPECT_TRUE(is_usage(card->Decrypt(key, {CipherMode::kGcm, Bytes(11), {}, Bytes(16)})));
  EXPECT_TRUE(is_usage(card->Decrypt(key, {CipherMode::kGcm, Bytes(12), {}, Bytes(15)})));
  EXPECT_TRUE(is_usage(card->Decrypt(key, {CipherMode::kCbc, Bytes(16), {}, Bytes(16)})));
  EXPECT_TRUE(is_usage(card->Decrypt(key, {static_cast<CipherMode>(9), {}, {}, {}})));
}

}  // namespace
}  // namespace simroot::device::client
