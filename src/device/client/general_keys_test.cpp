// SPDX-License-Identifier: Apache-2.0
/// Keys of every kind: RSA-2048, P-384, brainpoolP256r1; and the user PIN that guards them.
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "device/client/fake_transport.hpp"

namespace simroot::device::client {
namespace {

using iotsafe::HashAlgorithm;
using iotsafe::KeyType;
using testing::InfoAnswer;
using testing::KeyInfo;
using testing::MakeCard;
using testing::PrivateKey;
using testing::Script;

const std::string kHello(testing::kHelloHex);
const std::string kSignInitEcdsa = "812A00010D840101A1010391020001920104";
const std::string kSignUpdate = "812B8001229E20" + kHello + "00";
const std::string kRead = "81CD00000385010100";
const std::string kReadInfo = "81CBC2000385010100";

ObjectName Public01() {
  return testing::PublicKey("01");
}
std::string Sha384Digest() {
  return std::string(96, 'A');
}

class GeneralKeysTest : public ::testing::Test {
 protected:
  GeneralKeysTest() { script_->ThenOpened(); }
  void TearDown() override {
    EXPECT_TRUE(script_->Done());
    script_->Otherwise([](const std::string&) { return ""; });
  }
  Result<Bytes> Sign(SignatureScheme scheme) {
    return card_->SignDigest(PrivateKey("01"), scheme, HashAlgorithm::kSha256, testing::HelloDigest());
  }
  void ExpectNotUnderstood(SignatureScheme scheme, const std::string& init, const std::string& answer) {
    script_->Then(init, "9000").Then(kSignUpdate, answer + "9000");
    const auto signature = Sign(scheme);
    ASSERT_FALSE(signature) << answer;
    EXPECT_EQ(signature.error().domain, ErrorDomain::kProtocol) << answer;
  }

  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  std::shared_ptr<Card> card_ = MakeCard(script_);
};

TEST_F(GeneralKeysTest, SignsWithEverySchemeAndTakesEverySize) {
  const std::string r64(128, '1');
  const std::string r96(192, '2');
  const std::string r256(512, '3');
  script_->Then(kSignInitEcdsa, "9000").Then(kSignUpdate, "330040" + r64 + "9000");
  EXPECT_EQ(ToHex(Sign(SignatureScheme::kEcdsa).value()), r64);
  script_->Then(kSignInitEcdsa, "9000").Then(kSignUpdate, "330060" + r96 + "9000");
  EXPECT_EQ(ToHex(Sign(SignatureScheme::kEcdsa).value()), r96);
  script_->Then("812A00010D840101A1010391020001920101", "9000").Then(kSignUpdate, "330100" + r256 + "9000");
  EXPECT_EQ(ToHex(Sign(SignatureScheme::kRsaPkcs1).value()), r256);
  script_->Then("812A00010D840101A1010391020001920102", "9000").Then(kSignUpdate, "33820100" + r256 + "9000");
  EXPECT_EQ(ToHex(Sign(SignatureScheme::kRsaPss).value()), r256);
}

TEST_F(GeneralKeysTest, TakesDerOfBothCurves) {
  const Bytes r64(64, 0x91);
  const Bytes r96(96, 0x91);
  for (const auto& [raw, scalar] : {std::pair(r64, 32U), {r96, 48U}}) {
    const auto der = iotsafe::RawSignatureToDer(raw, scalar);
    const std::array length{LowByte(der.size())};
    script_->Then(kSignInitEcdsa, "9000").Then(kSignUpdate, "33" + ToHex(length) + ToHex(der.view()) + "9000");
    EXPECT_EQ(Sign(SignatureScheme::kEcdsa).value(), raw);
  }
}

TEST_F(GeneralKeysTest, RefusesSignaturesOfWrongSize) {
  const std::string rsa = "812A00010D840101A1010391020001920101";
  ExpectNotUnderstood(SignatureScheme::kRsaPkcs1, rsa, "3300FF" + std::string(510, '3'));
  ExpectNotUnderstood(SignatureScheme::kRsaPkcs1, rsa, "330101" + std::string(514, '3'));
  ExpectNotUnderstood(SignatureScheme::kRsaPkcs1, rsa, "330100" + std::string(512, '3') + "00");
  ExpectNotUnderstood(SignatureScheme::kRsaPkcs1, rsa, "340100" + std::string(512, '3'));
  ExpectNotUnderstood(SignatureScheme::kRsaPkcs1, rsa, "");
  ExpectNotUnderstood(SignatureScheme::kEcdsa, kSignInitEcdsa, "33005F" + std::string(190, '2'));
  ExpectNotUnderstood(SignatureScheme::kEcdsa, kSignInitEcdsa, "330061" + std::string(194, '2'));
  ExpectNotUnderstood(SignatureScheme::kEcdsa, kSignInitEcdsa, "330100" + std::string(512, '2'));
}

TEST_F(GeneralKeysTest, SignChecksItsArgumentsBeforeTheCardIsTouched) {
  script_ = std::make_shared<Script>();
  card_ = MakeCard(script_);
  EXPECT_EQ(card_->SignDigest(Public01(), SignatureScheme::kEcdsa, HashAlgorithm::kSha256, testing::HelloDigest())
                .error()
                .domain,
            ErrorDomain::kUsage);
  EXPECT_EQ(card_->SignDigest(PrivateKey("01"), SignatureScheme::kRsaPss, HashAlgorithm::kSha384, Bytes(47, 1))
                .error()
                .domain,
            ErrorDomain::kUsage);
  for (const std::size_t size : {0U, 63U, 65U, 95U, 97U, 256U}) {
    EXPECT_EQ(card_
                  ->VerifyDigest(Public01(), SignatureScheme::kEcdsa, HashAlgorithm::kSha256, testing::HelloDigest(),
                                 Bytes(size, 1))
                  .error()
                  .domain,
              ErrorDomain::kUsage);
  }
  EXPECT_EQ(card_
                ->VerifyDigest(Public01(), SignatureScheme::kRsaPss, HashAlgorithm::kSha256, testing::HelloDigest(),
                               Bytes(64, 1))
                .error()
                .domain,
            ErrorDomain::kUsage);
  EXPECT_EQ(card_->PutPublicPoint(Public01(), Bytes(64, 4)).error().domain, ErrorDomain::kUsage);
  EXPECT_TRUE(script_->seen().empty());
}

TEST_F(GeneralKeysTest, VerifiesAP384SignatureInOneCommand) {
  const std::string init = "812C00020D850101A1010391020002920104";
  const std::string update = "812D8002959E30" + Sha384Digest() + "330060" + std::string(192, '2');
  const auto verify = [&] {
    return card_->VerifyDigest(Public01(), SignatureScheme::kEcdsa, HashAlgorithm::kSha384, *FromHex(Sha384Digest()),
                               Bytes(96, 0x22));
  };
  script_->Then(init, "9000").Then(update, "9000").Then(init, "9000").Then(update, "6D01");
  EXPECT_EQ(verify().value(), true);
  EXPECT_EQ(verify().value(), false);
}

TEST_F(GeneralKeysTest, VerifiesAnRsaSignatureInTwoCommands) {
  const std::string init = "812C00020D850101A1010391020001920102";
  const std::string half = std::string(256, '3');
  const std::string first = "812D0002A59E20" + kHello + "338180" + half;
  const std::string second = "812D800283338180" + half;
  const auto verify = [&] {
    return card_->VerifyDigest(Public01(), SignatureScheme::kRsaPss, HashAlgorithm::kSha256, testing::HelloDigest(),
                               Bytes(256, 0x33));
  };
  script_->Then(init, "9000").Then(first, "9000").Then(second, "9000");
  EXPECT_EQ(verify().value(), true);
  script_->Then(init, "9000").Then(first, "9000").Then(second, "6D01");
  EXPECT_EQ(verify().value(), false);
  script_->Then(init, "9000").Then(first, "6A80").Then("812C010200", "9000");
  EXPECT_EQ(verify().error().sw, wire::StatusWord::kIncorrectData);
  script_->Then(init, "9000").Then(first, "9000").Then(second, "6985").Then("812C010200", "9000");
  EXPECT_EQ(verify().error().sw, wire::StatusWord::kConditionsNotSatisfied);
}

TEST_F(GeneralKeysTest, ReadsKeysOfEveryKind) {
  const auto crypto = crypto::OpenSslCrypto::Create();
  Point brainpool{};
  std::array<std::uint8_t, 32> scalar{};
  ASSERT_TRUE(crypto->GenerateKeyPair(crypto::Curve::kBrainpoolP256r1, scalar, brainpool));
  script_->Then(kRead, "344549438641" + ToHex(brainpool) + "9000").Then(kReadInfo, "6A80");
  const auto unnamed = card_->ReadAnyPublicKey(Public01());
  ASSERT_TRUE(unnamed) << unnamed.error().Text();
  EXPECT_EQ(unnamed->type, KeyType::kBrainpoolP256Persistent);
  EXPECT_TRUE(SameBytes(unnamed->point, brainpool));

  const std::string p384 = "04" + std::string(192, '5');
  script_->Then(kRead, "346549638661" + p384 + "9000")
      .Then(kReadInfo, InfoAnswer(KeyInfo(Public01(), KeyType::kP384Volatile)));
  const auto volatile_key = card_->ReadAnyPublicKey(Public01());
  ASSERT_TRUE(volatile_key);
  EXPECT_EQ(volatile_key->type, KeyType::kP384Volatile);
  EXPECT_EQ(ToHex(volatile_key->point), p384);

  const std::string modulus = "91" + std::string(510, '6');
  script_->Then(kRead, "3482010D4982010981820100" + modulus + "8203010001" + "9000");
  const auto rsa = card_->ReadAnyPublicKey(Public01());
  ASSERT_TRUE(rsa) << rsa.error().Text();
  EXPECT_EQ(rsa->type, KeyType::kRsa2048);
  EXPECT_EQ(ToHex(rsa->modulus), modulus);
  EXPECT_EQ(ToHex(rsa->exponent), "010001");
  EXPECT_TRUE(rsa->point.empty());
}

TEST_F(GeneralKeysTest, RefusesPublicKeysItDoesNotUnderstand) {
  for (const std::string answer : {"", "34", "3403490186", "33450405", "34454943864103"}) {
    script_->Then(kRead, answer + "9000");
    const auto key = card_->ReadAnyPublicKey(Public01());
    ASSERT_FALSE(key) << answer;
    EXPECT_EQ(key.error().domain, ErrorDomain::kProtocol);
  }
}

TEST_F(GeneralKeysTest, RefusesATypeThatIsNotThePoints) {
  const std::string p256 =
      "344549438641"
      "04" +
      std::string(128, '5');
  const std::string p384 =
      "346549638661"
      "04" +
      std::string(192, '5');
  for (const auto& [answer, type] : {std::pair(p384, KeyType::kP256Persistent),
                                     {p384, KeyType::kBrainpoolP256Volatile},
                                     {p256, KeyType::kP384Persistent},
                                     {p256, KeyType::kRsa2048},
                                     {p256, KeyType::kHmac}}) {
    script_->Then(kRead, answer + "9000").Then(kReadInfo, InfoAnswer(KeyInfo(Public01(), type)));
    const auto key = card_->ReadAnyPublicKey(Public01());
    ASSERT_FALSE(key) << static_cast<int>(type);
    EXPECT_EQ(key.error().domain, ErrorDomain::kProtocol);
  }
}

TEST_F(GeneralKeysTest, GeneratesAnyPairAndReadsItBack) {
  const std::string p384 = "04" + std::string(192, '5');
  script_->Then("81B900000384010400", "84010485010A9000")
      .Then("81CD00000385010A00", "346549638661" + p384 + "9000")
      .Then("81CBC2000385010A00", "6A80");
  const auto pair = card_->GenerateAnyKeyPair(PrivateKey("04"));
  ASSERT_TRUE(pair) << pair.error().Text();
  EXPECT_EQ(ToHex(pair->private_id), "04");
  EXPECT_EQ(ToHex(pair->public_id), "0A");
  EXPECT_EQ(pair->key.type, KeyType::kP384Persistent);
  script_->Then("81B900000384010400", "!transport");
  EXPECT_NE(card_->GenerateAnyKeyPair(PrivateKey("04")).error().message.find("is unknown"), std::string::npos);
}

TEST_F(GeneralKeysTest, PutsAndAgreesOnP384) {
  const std::string p384 = "04" + std::string(192, '5');
  script_->Then("8124000303850101", "9000").Then("81D8800367346549638661" + p384, "9000");
  EXPECT_TRUE(card_->PutPublicPoint(Public01(), *FromHex(p384)));
  const std::string x(96, '7');
  script_->Then("814600000684010485010100", x + "9000");
  EXPECT_EQ(ToHex(card_->ComputeSharedSecret(PrivateKey("04"), Public01()).value()), x);
  script_->Then("8124000303850101", "9000")
      .Then("81D8800367346549638661" + p384, "9000")
      .Then("814600000684010485010100", x + "9000");
  EXPECT_EQ(ToHex(card_->ComputeSharedSecret(PrivateKey("04"), Public01(), *FromHex(p384)).value()), x);
  EXPECT_EQ(card_->ComputeSharedSecret(PrivateKey("04"), Public01(), Bytes(96, 4)).error().domain, ErrorDomain::kUsage);
  script_->Then("8124000303850101", "6985");
  EXPECT_FALSE(card_->ComputeSharedSecret(PrivateKey("04"), Public01(), *FromHex(p384)));
  for (const std::string& wrong : {std::string(), x.substr(2), x + "00", std::string(66, '7')}) {
    script_->Then("814600000684010485010100", wrong + "9000");
    EXPECT_EQ(card_->ComputeSharedSecret(PrivateKey("04"), Public01()).error().domain, ErrorDomain::kProtocol);
  }
}

TEST_F(GeneralKeysTest, TellsTheStatesOfTheUserPin) {
  const std::string ask = "81200001";
  script_->Then(ask, "6A88").Then(ask, "63C2").Then(ask, "9000").Then(ask, "6983");
  EXPECT_FALSE(card_->UserPin().value().exists);
  const auto waiting = card_->UserPin().value();
  EXPECT_TRUE(waiting.exists && !waiting.verified);
  EXPECT_EQ(waiting.tries_left, 2U);
  EXPECT_TRUE(card_->UserPin().value().verified);
  const auto blocked = card_->UserPin().value();
  EXPECT_TRUE(blocked.exists && !blocked.verified);
  EXPECT_EQ(blocked.tries_left, 0U);
}

TEST_F(GeneralKeysTest, TakesAPinThatCannotBeAskedAboutForOne) {
  script_->Then("81200001", "6700").Then("812000010831323334FFFFFFFF", "6700").Then("81200001", "6985");
  const auto untold = card_->UserPin();
  ASSERT_TRUE(untold) << untold.error().Text();
  EXPECT_TRUE(untold->exists && !untold->verified);
  EXPECT_EQ(untold->tries_left, 15U);
  EXPECT_EQ(card_->VerifyUserPin(AsBytes("1234")).error().domain, ErrorDomain::kCard);
  EXPECT_EQ(card_->UserPin().error().domain, ErrorDomain::kCard);
}

TEST_F(GeneralKeysTest, GivesThePinOnceAndFillsTheField) {
  const std::string give = "812000010831323334FFFFFFFF";
  script_->Then(give, "9000").Then(give, "63C1");
  EXPECT_TRUE(card_->VerifyUserPin(AsBytes("1234")).value().verified);
  const auto wrong = card_->VerifyUserPin(AsBytes("1234")).value();
  EXPECT_FALSE(wrong.verified);
  EXPECT_EQ(wrong.tries_left, 1U);
  script_->Then(
      "812000010831323334353637"
      "38",
      "!transport");
  EXPECT_EQ(card_->VerifyUserPin(AsBytes("12345678")).error().domain, ErrorDomain::kTransport);
  EXPECT_EQ(card_->VerifyUserPin(AsBytes("123456789")).error().domain, ErrorDomain::kUsage);
  EXPECT_EQ(card_->VerifyUserPin({}).error().domain, ErrorDomain::kUsage);
}

}  // namespace
}  // namespace simroot::device::client
