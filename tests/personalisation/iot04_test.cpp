// SPDX-License-Identifier: Apache-2.0
// IoT.04 G1 to G4, provisioning by the security service: a test or a few for each.
#include "personalisation/iot04_fixture.hpp"

namespace simroot::card::testing {
namespace {

TEST_F(Iot04, G1FactoryLoadsKeyPairsWithAndWithoutCertificates) {
  const x509::Key ca = x509::NewKey("P-256");
  const x509::Key first = x509::NewKey("P-256");
  const x509::Key second = x509::NewKey("P-256");
  const Bytes certificate = x509::MakeCertificate(first.get(), ca.get());
  ASSERT_TRUE(IsOk(card_->Begin()));
  std::vector<std::string> blocks{CreatePair("01"), CreateFile("01", "01"), CreatePair("02")};
  for (const auto& more : {LoadPrivate("01", x509::PrivateValue(first.get())), WriteFile("01", certificate),
                           LoadPrivate("02", x509::PrivateValue(second.get()))}) {
    blocks.insert(blocks.end(), more.begin(), more.end());
  }
  for (const std::string& block : blocks) {
    ASSERT_TRUE(IsOk(card_->Put(block))) << block;
  }
  ASSERT_TRUE(IsOk(card_->Commit()));
  EXPECT_TRUE(SignsAs("01", first.get()));
  EXPECT_TRUE(SignsAs("02", second.get()));
  EXPECT_EQ(FileOf("01"), certificate);
  EXPECT_EQ(card_->SendAll("81CD000003850102"), ToHex(x509::PublicKeyData(second.get())) + "9000");
}

TEST_F(Iot04, G1FactoryLoadsKeysOfEveryKind) {
  for (const Kind& kind : kKinds) {
    SCOPED_TRACE(kind.openssl);
    const x509::Key key = x509::NewKey(kind.openssl);
    std::vector<std::string> blocks{CreatePair("05", kind.key_type)};
    const auto load = LoadPrivate("05", x509::PrivateValue(key.get()));
    blocks.insert(blocks.end(), load.begin(), load.end());
    Personalise(blocks);
    EXPECT_EQ(card_->SendAll("81CD000003850105"), ToHex(x509::PublicKeyData(key.get())) + "9000");
    Personalise({"E903840105", "E903850105"});
  }
}

TEST_F(Iot04, G1RsaKeysThatAreNoneAreRefused) {
  const x509::Key small(EVP_RSA_gen(1024U));
  Bytes damaged = x509::PrivateValue(x509::NewKey("RSA").get());
  damaged[100] = LowByte(damaged[100] ^ 1U);
  for (const Bytes& value : {x509::PrivateValue(small.get()), damaged, Counting(1192)}) {
    ASSERT_TRUE(IsOk(card_->Begin()));
    ASSERT_EQ(card_->Put(CreatePair("05", "03")), "9000");
    std::string answer;
    for (const std::string& block : LoadPrivate("05", value)) {
      answer = card_->Put(block);
    }
    EXPECT_EQ(answer, "6A80");
  }
}

// T166 and T167.
TEST_F(Iot04, G2KeysAreMadeOnTheCardAndTheirPublicKeyComesBackInARequest) {
  for (const Kind& kind : kKinds) {
    SCOPED_TRACE(kind.openssl);
    ASSERT_TRUE(IsOk(card_->Begin()));
    ASSERT_TRUE(IsOk(card_->Put(CreatePair("01", kind.key_type))));
    ASSERT_TRUE(IsOk(card_->Put("E503840101")));
    const Bytes public_key = card_->Fetch(0xEB, "850101");
    const Bytes csr = card_->Fetch(0xED, "840101" + Element(0x50, ToHex(x509::Name("device0.local"))));
    const x509::Request request = x509::ParseRequest(csr);
    ASSERT_NE(request, nullptr);
    EXPECT_EQ(x509::CommonNameOf(request.get()), "device0.local");
    EXPECT_EQ(X509_REQ_get_attr_count(request.get()), 0);
    EXPECT_EQ(x509::PublicKeyData(X509_REQ_get0_pubkey(request.get())), public_key);
    ASSERT_TRUE(IsOk(card_->Commit()));
    EXPECT_EQ(card_->SendAll("81CD000003850101"), ToHex(public_key) + "9000");
    Personalise({"E903840101", "E903850101"});
  }
}

TEST_F(Iot04, G2ARequestCarriesAttributes) {
  // challengePassword "secret"
  const std::string attributes = "A0173015 06092A864886F70D010907 3108 0C06736563726574";
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_TRUE(IsOk(card_->Put(CreatePair("01") + "E503840101")));
  const std::string subject = Element(0x50, ToHex(x509::Name("with attributes")));
  const x509::Request request = x509::ParseRequest(card_->Fetch(0xED, "840101" + subject + Element(0x51, attributes)));
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(X509_REQ_get_attr_count(request.get()), 1);
  EXPECT_EQ(card_->Put(Element(0xED, "840101" + subject + Element(0x51, "A1" + attributes.substr(2)))), "6A80");
}

TEST_F(Iot04, G2ThePiecesOfARequestAreOfOneRequest) {
  Personalise({CreatePair("01"), "E503840101"});
  const std::string subject = Element(0x50, ToHex(x509::Name("device0.local")));
  ASSERT_TRUE(IsOk(card_->Begin()));
  EXPECT_EQ(card_->Put(Element(0xED, "840101" + subject + "42020064")), "6985") << "no first piece";
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_TRUE(IsOk(card_->Put(Element(0xED, "840101" + subject))));
  const std::string other = Element(0x50, ToHex(x509::Name("device1.local")));
  EXPECT_EQ(card_->Put(Element(0xED, "840101" + other + "42020064")), "6985");
}

TEST(Iot04TypeII, HasNoKeyPairs) {
  Bytes image = BlankImage();
  LargeRamStore parts(image);
  ASSERT_EQ(parts.store.Load(), StoreState::kIntact);
  const auto crypto = crypto::OpenSslCrypto::Create();
  const CompatibilityConfig config;
  Applet applet(parts.store, *crypto, config, AppletType::kTypeII);
  TestUnwrapper keys(*crypto, TestDataKey());
  const auto store = [&](const std::string& block) {
    Bytes memory(200);
    ByteWriter response(memory);
    return applet.StoreData({Hex(block), 0, true}, keys, response);
  };
  EXPECT_EQ(store("E003400101" + CreateSecret("06") + CreateFile("01") + "E100"), wire::StatusWord::kOk);
  EXPECT_EQ(store("E003400101" + Element(0xE3, PrivateKey("01"))), wire::StatusWord::kConditionsNotSatisfied);
  EXPECT_EQ(store("E003400101" + Element(0xE3, PublicKeyTemplate("01"))), wire::StatusWord::kConditionsNotSatisfied);
}

TEST_F(Iot04, G3CertificatesAreInjectedAndCredentialsDeleted) {
  const x509::Key key = x509::NewKey("P-256");
  const Bytes certificate = x509::MakeCertificate(key.get(), key.get());
  Personalise({CreatePair("01"), "E503840101", CreateFile("01", "01")});
  Personalise(WriteFile("01", certificate));
  EXPECT_EQ(FileOf("01"), certificate);
  Personalise({"EA03830101", "EA03840101", "EA03850101"});
  EXPECT_EQ(FileOf("01"), Bytes());
  EXPECT_EQ(card_->Send("812A00010D840101A1010391020001920104"), "6985");
  Personalise({"E903830101", "E903840101", "E903850101"});
  EXPECT_EQ(card_->store().objects().size(), 0U);
}

TEST_F(Iot04, G4ASessionDoesNotBlockTheDeviceAndIsReported) {
  CompatibilityConfig config;
  config.admin_report = AdminReport::kOn;
  card_ = std::make_unique<AdminCard>(image_, config);
  card_->SelectOnChannel1();
  Personalise({CreatePair("01"), "E503840101", CreatePair("02"), "E503840102"});
  ASSERT_TRUE(card_->Send("8184000008").ends_with("63CF"));
  // In the middle of what the device does ...
  ASSERT_EQ(card_->Send("812A00010D840102A1010391020001920104"), "9000");
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_TRUE(IsOk(card_->Put("E503840101")));
  // ... which goes on with other credentials, and is refused the one that is being changed.
  EXPECT_TRUE(IsOk(card_->SendAll("812B8001229E20" + ToHex(Bytes(32, 0x11)))));
  EXPECT_EQ(card_->Send("812A00010D840101A1010391020001920104"), "6984");
  ASSERT_TRUE(IsOk(card_->Commit()));
  EXPECT_EQ(card_->Send("812A00010D840101A1010391020001920104"), "63CF");
  EXPECT_TRUE(IsOk(card_->SendAll("812B8001229E20" + ToHex(Bytes(32, 0x11)))));
}

}  // namespace
}  // namespace simroot::card::testing
