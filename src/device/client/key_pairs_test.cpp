// SPDX-License-Identifier: Apache-2.0
#include "device/client/fake_transport.hpp"

namespace simroot::device::client {
namespace {

using iotsafe::KeyType;
using testing::InfoAnswer;
using testing::KeyInfo;
using testing::MakeCard;
using testing::PrivateKey;
using testing::PublicKey;
using testing::Script;

const std::string kPoint = "04" + std::string(128, '2');
const std::string kPublicKeyData = "344549438641" + kPoint;
const std::string kGenerate = "81B900000384010400";

class KeyPairTest : public ::testing::Test {
 protected:
  KeyPairTest() { script_->ThenOpened(); }
  void TearDown() override {
    EXPECT_TRUE(script_->Done());
    script_->Otherwise([](const std::string&) { return ""; });
  }
  Result<NewKeyPair> Generate() { return card_->GenerateKeyPair(PrivateKey("04")); }
  static Point PointOf(const std::string& hex) {
    Point point{};
    EXPECT_TRUE(CopyBytes(*FromHex(hex), point));
    return point;
  }
  static std::string List(std::initializer_list<iotsafe::ObjectInfo> objects) {
    std::string list;
    for (const auto& object : objects) {
      const std::string answer = InfoAnswer(object);
      list += answer.substr(0, answer.size() - 4);
    }
    return list + "9000";
  }

  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  std::shared_ptr<Card> card_ = MakeCard(script_);
};

TEST_F(KeyPairTest, TakesIdentifiersAndPointFromTheAnswer) {
  script_->Then(kGenerate, "614F")
      .Then("01C000004F",
            "84020044"
            "85020045" +
                kPublicKeyData + "9000");
  const auto pair = Generate();
  ASSERT_TRUE(pair);
  EXPECT_EQ(ToHex(pair->private_id), "0044");
  EXPECT_EQ(ToHex(pair->public_id), "0045");
  EXPECT_EQ(ToHex(pair->point), kPoint);
}

TEST_F(KeyPairTest, TakesAnswersWithoutIdentifiers) {
  script_->Then(kGenerate, kPublicKeyData + "9000");
  const auto pair = Generate();
  ASSERT_TRUE(pair);
  EXPECT_EQ(ToHex(pair->private_id), "04");
  EXPECT_EQ(ToHex(pair->public_id), "04");
}

TEST_F(KeyPairTest, ReadsThePointIfTheAnswerHasNone) {
  script_->Then(kGenerate, "8401048501059000").Then("81CD00000385010500", kPublicKeyData + "9000");
  EXPECT_EQ(ToHex(Generate().value().point), kPoint);
}

TEST_F(KeyPairTest, IsNeverRepeatedOnceItMayHaveReachedTheCard) {
  script_->Then(kGenerate, "!transport");
  const auto lost = Generate();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().domain, ErrorDomain::kTransport);
  EXPECT_NE(lost.error().message.find("private key 04 on at:/dev/fake was generated anew is unknown"),
            std::string::npos);
  script_->ThenOpened().Then(kGenerate, "614D").Then("01C000004D", "6881");
  EXPECT_NE(Generate().error().message.find("is unknown"), std::string::npos);
}

TEST_F(KeyPairTest, IsRepeatedWhenTheCardHasNotTakenIt) {
  script_->Then(kGenerate, "6881").Then("channel A0000005590010", "1").Then(kGenerate, kPublicKeyData + "9000");
  EXPECT_TRUE(Generate());
  script_->Then(kGenerate, "6989").Then(kGenerate, kPublicKeyData + "9000");
  EXPECT_TRUE(Generate());
}

TEST_F(KeyPairTest, SaysWhyItWasRefused) {
  script_->Then(kGenerate, "6985");
  EXPECT_NE(Generate().error().message.find("not allowed for generating a key pair"), std::string::npos);
}

TEST_F(KeyPairTest, PutsAPublicKeyInItsOwnSession) {
  script_->Then("8124000303850105", "9000").Then("81D8800347" + kPublicKeyData, "9000");
  EXPECT_TRUE(card_->PutPublicKey(PublicKey("05"), PointOf(kPoint)));
}

TEST_F(KeyPairTest, ClosesTheSessionOfARefusedPoint) {
  script_->Then("8124000303850105", "9000").Then("81D8800347" + kPublicKeyData, "6A80").Then("8124010300", "9000");
  const auto put = card_->PutPublicKey(PublicKey("05"), PointOf(kPoint));
  ASSERT_FALSE(put);
  EXPECT_NE(put.error().message.find("not on the curve"), std::string::npos);
}

TEST_F(KeyPairTest, ComputesDh) {
  const std::string x(64, '7');
  script_
      ->Then(
          "8146000006840104"
          "85010500",
          "6120")
      .Then("01C0000020", x + "9000");
  EXPECT_EQ(ToHex(card_->ComputeDh(PrivateKey("04"), PublicKey("05")).value()), x);
  for (const std::string& wrong : {std::string(), x.substr(2), x + "00"}) {
    script_->Then("814600000684010485010500", wrong + "9000");
    EXPECT_EQ(card_->ComputeDh(PrivateKey("04"), PublicKey("05")).error().domain, ErrorDomain::kProtocol);
  }
}

TEST_F(KeyPairTest, KeyFindsItsPublicHalfByIdentifierAndReadsItOnce) {
  Key key(card_, PrivateKey("04"));
  script_->Then("81CD00000385010400", kPublicKeyData + "9000");
  EXPECT_EQ(ToHex(key.PublicKey().value()), kPoint);
  EXPECT_EQ(ToHex(key.PublicKey().value()), kPoint);
}

TEST_F(KeyPairTest, KeysOfOtherKindsAreRefusedByName) {
  const std::string p384 = "346549638661" + std::string("04") + ToHex(Bytes(96, 0x11));
  const std::string rsa = "3482010D498201098182010091" + ToHex(Bytes(255, 0x11)) + "8203010001";
  for (const auto& [data, name] : {std::pair(p384, "a P-384 key"), {rsa, "an RSA key"}}) {
    Key key(card_, PrivateKey("04"));
    script_->Then("81CD00000385010400", data + "9000");
    const auto point = key.PublicKey();
    ASSERT_FALSE(point);
    EXPECT_EQ(point.error().domain, ErrorDomain::kCard);
    EXPECT_NE(point.error().Text().find(name), std::string::npos) << point.error().Text();
  }
}

TEST_F(KeyPairTest, KeyFindsItsPublicHalfByLabel) {
  Key key(card_, PrivateKey("303031"));
  script_
      ->Then(
          "81CD0000058503303031"
          "00",
          "6A80")
      .Then("81CB010000", List({KeyInfo(PrivateKey("303031"), KeyType::kP256Persistent, "sig"),
                                KeyInfo(PrivateKey("09"), KeyType::kP256Persistent, "x"),
                                KeyInfo(PublicKey("09"), KeyType::kP256Persistent, "x"),
                                KeyInfo(PublicKey("303032"), KeyType::kP256Persistent, "sig")}))
      .Then(
          "81CD0000058503303032"
          "00",
          kPublicKeyData + "9000");
  EXPECT_TRUE(key.PublicKey());
}

TEST_F(KeyPairTest, KeyFindsItsPublicHalfByPlace) {
  Key key(card_, PrivateKey("11"));
  script_->Then("81CD00000385011100", "6A80")
      .Then("81CB010000", List({KeyInfo(PrivateKey("10"), KeyType::kP256Persistent),
                                KeyInfo(PrivateKey("11"), KeyType::kP256Persistent),
                                KeyInfo(PublicKey("20"), KeyType::kP256Persistent),
                                KeyInfo(PublicKey("21"), KeyType::kP256Persistent)}))
      .Then("81CD00000385012100", kPublicKeyData + "9000");
  EXPECT_TRUE(key.PublicKey());
}

TEST_F(KeyPairTest, KeySaysThatItHasNoPublicHalf) {
  Key key(card_, PrivateKey("11"));
  script_->Then("81CD00000385011100", "6A80")
      .Then("81CB010000", List({KeyInfo(PrivateKey("11"), KeyType::kP256Persistent)}));
  EXPECT_EQ(key.PublicKey().error().domain, ErrorDomain::kUsage);
}

TEST_F(KeyPairTest, KeySignsAgainstItsPublicHalf) {
  Key key(card_, PrivateKey("04"));
  script_->Then("81CD00000385010400", kPublicKeyData + "9000");
  ASSERT_TRUE(key.PublicKey());
  script_->Then("812A00010D840104A1010391020001920104", "9000")
      .Then("812B8001229E20" + std::string(testing::kHelloHex) + "00", "3340" + std::string(128, '1') + "9000");
  const auto signature = key.Sign(iotsafe::HashAlgorithm::kSha256, testing::HelloDigest());
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().domain, ErrorDomain::kCrypto);
}

}  // namespace
}  // namespace simroot::device::client
