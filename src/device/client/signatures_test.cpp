// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "device/client/fake_transport.hpp"

namespace simroot::device::client {
namespace {

using iotsafe::HashAlgorithm;
using testing::MakeCard;
using testing::PrivateKey;
using testing::PublicKey;
using testing::Script;

// A real card's signature (public trace of quantag/iotsafetool): SHA-256 of 01..08.
constexpr std::string_view kDigest = "66840DDA154E8A113C31DD0AD32F7F3A366A80E8136979D8F5A101D3D29D6F72";
constexpr std::string_view kSignature =
    "343A117BF21D74315B9D7C4EB3EAF0CAD125AD98FF0E14A02D9554C6274A663C"
    "E3C0E9E19BEBFF3454694E95D7E1DA7AB79A9242FEE41F063245A2C6B2C91A9B";
constexpr std::string_view kPoint =
    "04D569954216F62264F01B78ED599898D12C436A4633505DA18B008D5529E09AF2"
    "83ED5E453EDC8B5492704C1B8D48895857442057335B39078AF27A9008DC1401";

constexpr std::string_view kInit = "812A00010D840101A1010391020001920104";
constexpr std::string_view kClose = "812A010100";

std::string Update(std::string_view digest = kDigest) {
  return "812B8001229E20" + std::string(digest) + "00";
}
std::string Two(std::string_view signature = kSignature) {
  return "330040" + std::string(signature) + "9000";
}

class SignatureTest : public ::testing::Test {
 protected:
  Result<RawSignature> Sign(const Point* expected = nullptr) {
    return card_->Sign(PrivateKey("01"), HashAlgorithm::kSha256, *FromHex(kDigest), expected);
  }
  void TearDown() override {
    card_.reset();
    EXPECT_TRUE(script_->Done());
  }
  static Point RealPoint() {
    Point point{};
    EXPECT_TRUE(CopyBytes(*FromHex(kPoint), point));
    return point;
  }
  /// A signature answer in any coding, its status word not included.
  void ExpectSignature(const std::string& answer) {
    script_->Then(std::string(kInit), "9000").Then(Update(), answer + "9000");
    const auto signature = Sign();
    ASSERT_TRUE(signature) << signature.error().Text();
    EXPECT_EQ(ToHex(*signature), kSignature);
  }
  void ExpectBadAnswer(const std::string& answer) {
    script_->Then(std::string(kInit), "9000").Then(Update(), answer + "9000");
    const auto signature = Sign();
    ASSERT_FALSE(signature) << answer;
    EXPECT_EQ(signature.error().domain, ErrorDomain::kProtocol);
    EXPECT_NE(signature.error().message.find("private key 01"), std::string::npos);
  }

  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  std::shared_ptr<Card> card_ = MakeCard(script_);
};

TEST_F(SignatureTest, CreateTouchesNothing) {
  EXPECT_TRUE(script_->seen().empty());
}

// The budget of a cold process on T=0: MANAGE CHANNEL and SELECT are inside "channel", so 2 + 3 + 1 APDUs.
TEST_F(SignatureTest, ColdSignatureOnT0TakesNothingBeyondItsBudget) {
  script_->ThenOpened()
      .Then(std::string(kInit), "9000")
      .Then(Update(), "6143")
      .Then("01C0000043", Two())
      .Then("close 1", "");
  ASSERT_TRUE(Sign());
  EXPECT_EQ(script_->Apdus(), 3U);
  card_.reset();
  EXPECT_TRUE(script_->Done());
}

TEST_F(SignatureTest, WarmSignatureTakesTwoExchangesOnT1) {
  script_->ThenOpened().Then(std::string(kInit), "9000").Then(Update(), Two());
  ASSERT_TRUE(Sign());
  script_->ForgetSeen();
  script_->Then(std::string(kInit), "9000").Then(Update(), Two());
  ASSERT_TRUE(Sign());
  EXPECT_EQ(script_->seen().size(), 2U);
  script_->Then("close 1", "");
}

TEST_F(SignatureTest, TakesEveryCodingOfTheSignature) {
  script_->ThenOpened();
  ExpectSignature("3340" + std::string(kSignature));
  ExpectSignature("330040" + std::string(kSignature));
  const auto der = ToHex(iotsafe::RawSignatureToDer(*FromHex(kSignature)).view());
  const std::array length{LowByte(der.size() / 2)};
  ExpectSignature("33" + ToHex(length) + der);
  script_->Then("close 1", "");
}

TEST_F(SignatureTest, RefusesEveryOtherAnswer) {
  script_->ThenOpened();
  ExpectBadAnswer("");
  ExpectBadAnswer("33");
  ExpectBadAnswer("3340");
  ExpectBadAnswer("333F" + std::string(kSignature.substr(2)));       // r and s of 63 bytes together
  ExpectBadAnswer("3341" + std::string(kSignature) + "00");          // one byte more
  ExpectBadAnswer("3440" + std::string(kSignature));                 // another tag
  ExpectBadAnswer("3340" + std::string(kSignature) + "00");          // something after it
  ExpectBadAnswer("3340" + std::string(kSignature.substr(0, 126)));  // truncated
  ExpectBadAnswer(std::string(kSignature));                          // no tag
  script_->Then("close 1", "");
}

TEST_F(SignatureTest, ProvesTheKeyOnceForEveryChannel) {
  const Point point = RealPoint();
  script_->ThenOpened().Then(std::string(kInit), "9000").Then(Update(), Two());
  ASSERT_TRUE(Sign(&point));
  // The second one is not checked again: a wrong signature passes.
  const std::string wrong = std::string(126, '1') + "11";
  script_->Then(std::string(kInit), "9000").Then(Update(), Two(wrong));
  EXPECT_TRUE(Sign(&point));
  // After the channel was opened again it is.
  script_->Then("close 1", "");
  card_->Close();
  script_->ThenOpened().Then(std::string(kInit), "9000").Then(Update(), Two(wrong));
  const auto signature = Sign(&point);
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().domain, ErrorDomain::kCrypto);
  EXPECT_NE(signature.error().message.find("another SIM"), std::string::npos);
  script_->Then("close 1", "");
}

TEST_F(SignatureTest, ChecksAgainForAnotherExpectedPoint) {
  const Point point = RealPoint();
  script_->ThenOpened().Then(std::string(kInit), "9000").Then(Update(), Two());
  ASSERT_TRUE(Sign(&point));
  const auto crypto = crypto::OpenSslCrypto::Create();
  std::array<std::uint8_t, 32> scalar{};
  Point other{};
  ASSERT_TRUE(crypto->GenerateKeyPair(crypto::Curve::kP256, scalar, other));
  script_->Then(std::string(kInit), "9000").Then(Update(), Two());
  const auto signature = Sign(&other);
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().domain, ErrorDomain::kCrypto);
  script_->Then("close 1", "");
}

TEST_F(SignatureTest, SaysWhenTheExpectedPointIsNone) {
  Point point = RealPoint();
  point.back() ^= 1;
  script_->ThenOpened().Then(std::string(kInit), "9000").Then(Update(), Two());
  const auto signature = Sign(&point);
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().domain, ErrorDomain::kCrypto);
  EXPECT_NE(signature.error().message.find("not a point"), std::string::npos);
  script_->Then("close 1", "");
}

TEST_F(SignatureTest, ClosesTheSessionOnlyAfterAFailedUpdate) {
  script_->ThenOpened().Then(std::string(kInit), "9000").Then(Update(), "6F00").Then(std::string(kClose), "9000");
  const auto signature = Sign();
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().domain, ErrorDomain::kCard);
  EXPECT_EQ(signature.error().sw, wire::StatusWord::kOtherError);
  EXPECT_TRUE(script_->Done());
  script_->Then("close 1", "");
}

TEST_F(SignatureTest, ClearsAStaleSession) {
  script_->ThenOpened()
      .Then(std::string(kInit), "6A86")
      .Then(std::string(kClose), "9000")
      .Then(std::string(kInit), "9000")
      .Then(Update(), Two());
  EXPECT_TRUE(Sign());
  script_->Then("close 1", "");
}

TEST_F(SignatureTest, NamesTheMissingKeyAndThePort) {
  script_->ThenOpened().Then("812A00010D840107A1010391020001920104", "6A80");
  const auto signature = card_->Sign(PrivateKey("07"), HashAlgorithm::kSha256, *FromHex(kDigest));
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().message, "private key 07 does not exist on at:/dev/fake (6A80)");
  EXPECT_EQ(signature.error().next_step, "list the objects with `simroot device list`");
  script_->Then("close 1", "");
}

TEST_F(SignatureTest, SaysBothCausesOfA6985AndWhatA6984Is) {
  script_->ThenOpened().Then(std::string(kInit), "6985");
  const auto refused = Sign();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("deactivated"), std::string::npos);
  EXPECT_NE(refused.error().message.find("not allowed for signing"), std::string::npos);
  script_->Then(std::string(kInit), "6984");
  const auto updated = Sign();
  ASSERT_FALSE(updated);
  EXPECT_NE(updated.error().message.find("being updated by a remote session"), std::string::npos);
  EXPECT_EQ(updated.error().next_step, "try again later");
  script_->Then("close 1", "");
}

TEST_F(SignatureTest, TakesDigestsOfTheRightSizeOnly) {
  const Bytes digest(48, 0xAB);
  EXPECT_EQ(card_->Sign(PrivateKey("01"), HashAlgorithm::kSha256, digest).error().domain, ErrorDomain::kUsage);
  EXPECT_EQ(card_->Sign(PrivateKey("01"), HashAlgorithm::kSha384, ByteView(digest).first(47)).error().domain,
            ErrorDomain::kUsage);
  EXPECT_EQ(card_->Sign(PrivateKey("01"), HashAlgorithm::kSha512, digest).error().domain, ErrorDomain::kUsage);
  EXPECT_TRUE(script_->seen().empty());
  script_->ThenOpened()
      .Then("812A00010D840101A1010391020002920104", "9000")
      .Then("812B8001329E30" + ToHex(digest) + "00", Two());
  EXPECT_TRUE(card_->Sign(PrivateKey("01"), HashAlgorithm::kSha384, digest));
  script_->Then("812A00010D840101A1010391020004920104", "6A80");
  const auto signature = card_->Sign(PrivateKey("01"), HashAlgorithm::kSha512, Bytes(64, 1));
  EXPECT_NE(signature.error().message.find("does not take SHA-512"), std::string::npos);
  script_->Then("close 1", "");
}

TEST_F(SignatureTest, RefusesAnObjectOfAnotherClass) {
  EXPECT_EQ(card_->Sign(PublicKey("01"), HashAlgorithm::kSha256, *FromHex(kDigest)).error().domain,
            ErrorDomain::kUsage);
  EXPECT_TRUE(script_->seen().empty());
}

class VerifyTest : public SignatureTest {
 protected:
  Result<bool> Verify() {
    RawSignature signature{};
    EXPECT_TRUE(CopyBytes(*FromHex(kSignature), signature));
    return card_->Verify(PublicKey("07"), HashAlgorithm::kSha256, *FromHex(kDigest), signature);
  }
  const std::string init_ = "812C00020D850107A1010391020001920104";
  const std::string close_ = "812C010200";
  const std::string two_ = "812D8002659E20" + std::string(kDigest) + "330040" + std::string(kSignature);
  const std::string one_ = "812D8002649E20" + std::string(kDigest) + "3340" + std::string(kSignature);
};

TEST_F(VerifyTest, TellsValidFromInvalid) {
  script_->ThenOpened().Then(init_, "9000").Then(two_, "9000").Then(init_, "9000").Then(two_, "6D01");
  EXPECT_EQ(Verify().value(), true);
  EXPECT_EQ(Verify().value(), false);
  EXPECT_TRUE(script_->Done());
  script_->Then("close 1", "");
}

TEST_F(VerifyTest, TriesTheOtherLengthFormAndRemembersIt) {
  script_->ThenOpened()
      .Then(init_, "9000")
      .Then(two_, "6A80")
      .Then(close_, "9000")
      .Then(init_, "9000")
      .Then(one_, "9000")
      .Then(init_, "9000")
      .Then(one_, "6D01");
  EXPECT_EQ(Verify().value(), true);
  EXPECT_EQ(Verify().value(), false);
  EXPECT_TRUE(script_->Done());
  script_->Then("close 1", "");
}

TEST_F(VerifyTest, AnyOtherStatusWordIsAnError) {
  script_->ThenOpened().Then(init_, "9000").Then(two_, "6D00").Then(close_, "9000");
  const auto valid = Verify();
  ASSERT_FALSE(valid);
  EXPECT_EQ(valid.error().domain, ErrorDomain::kCard);
  script_->Then("close 1", "");
}

}  // namespace
}  // namespace simroot::device::client
