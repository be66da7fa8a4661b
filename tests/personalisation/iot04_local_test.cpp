// SPDX-License-Identifier: Apache-2.0
// IoT.04 H1 to H3, provisioning by the device: a test or a few for each.
#include "personalisation/iot04_fixture.hpp"

namespace simroot::card::testing {
namespace {

TEST_F(Iot04, H1TheDeviceHasKeysMadeAndGetsARequest) {
  for (const Kind& kind : kKinds) {
    SCOPED_TRACE(kind.openssl);
    Personalise({CreatePair("01", kind.key_type)});
    ASSERT_TRUE(IsOk(card_->SendAll("81B9000003840101")));
    const Bytes csr = DeviceCsr("01", Element(0x50, ToHex(x509::Name("device0.local"))));
    const x509::Request request = x509::ParseRequest(csr);
    ASSERT_NE(request, nullptr);
    EXPECT_EQ(card_->SendAll("81CD000003850101"),
              ToHex(x509::PublicKeyData(X509_REQ_get0_pubkey(request.get()))) + "9000");
    Personalise({"E903840101", "E903850101"});
  }
}

TEST_F(Iot04, H1RequestsThatAreNoneAreRefused) {
  Personalise({CreatePair("01"),
               Element(0xE3, PrivateKey("02", "13", "06") + "850102") + Element(0xE3, PublicKeyTemplate("02"))});
  const std::string subject = Element(0x50, ToHex(x509::Name("device0.local")));
  const auto send = [&](const std::string& p1p2, const std::string& data) {
    return card_->Send("8158" + p1p2 + ToHex(Bytes{LowByte(data.size() / 2)}) + data);
  };
  EXPECT_EQ(send("0000", "840101" + subject), "6985") << "no key yet";
  ASSERT_TRUE(IsOk(card_->SendAll("81B9000003840101")));
  ASSERT_TRUE(IsOk(card_->SendAll("81B9000003840102")));
  EXPECT_EQ(send("0000", "840102" + subject), "6985") << "a key that may not sign";
  EXPECT_EQ(send("0001", "840101" + subject), "6985") << "no first piece";
  EXPECT_EQ(send("0000", "840101"), "6A80");
  EXPECT_EQ(send("0000", subject), "6A80");
  EXPECT_EQ(send("0000",
                 "840101"
                 "5003300100"),
            "6A80");
  EXPECT_EQ(send("0000", "840177" + subject), "6A80");
  ASSERT_TRUE(send("0000", "840101" + subject).starts_with("61"));
  EXPECT_EQ(send("0400", "840101" + subject), "6A86");
}

TEST_F(Iot04, H2TheDeviceStoresReplacesAndDeletesItsOwnCredentials) {
  const Bytes certificate = Counting(555);
  Personalise({CreatePair("01"), CreateFile("01"), CreateFile("02", "03")});
  Personalise(WriteFile("02", Counting(50)));
  ASSERT_TRUE(IsOk(card_->SendAll("81B9000003840101")));
  EXPECT_EQ(DeviceWrites("01", certificate), "9000");
  EXPECT_EQ(FileOf("01"), certificate);
  EXPECT_EQ(DeviceWrites("01", Counting(77)), "9000");
  EXPECT_EQ(FileOf("01"), Counting(77));
  EXPECT_EQ(card_->Send("815C000003830102"), "6985") << "the issuer's";
  EXPECT_EQ(card_->Send("815C000003840101"), "9000");
  EXPECT_EQ(card_->Send("815C000003830101"), "9000");
  EXPECT_EQ(FileOf("01"), Bytes());
  EXPECT_EQ(card_->Send("81CD000003850101"), "6985") << "the public half goes with the private one";
  EXPECT_EQ(card_->Send("815C000003840101"), "6985") << "twice";
  EXPECT_TRUE(IsOk(card_->SendAll("81B9000003840101"))) << "the container stays";
  EXPECT_EQ(card_->Send("815C000006840101830101"), "6A80");
  EXPECT_EQ(card_->Send("815C000003830177"), "6A82");
  EXPECT_EQ(card_->Send("815C0000"), "6700");
  EXPECT_EQ(card_->Send("815C000103830101"), "6A86");
}

TEST_F(Iot04, H2AHalfWrittenFileIsNeverVisible) {
  Personalise({CreateFile("01"), CreatePair("03"), CreateFile("04", "01")});
  ASSERT_EQ(DeviceWrites("01", Counting(50)), "9000");
  const std::string first =
      "815A00000D"
      "830101"
      "20020008"
      "9B04"
      "AAAAAAAA";
  const auto expect_old = [&] { EXPECT_EQ(FileOf("01"), Counting(50)); };
  ASSERT_EQ(card_->Send(first), "9000");
  expect_old();
  EXPECT_EQ(card_->Send("815A000509"
                        "830101"
                        "9B04"
                        "BBBBBBBB"),
            "6985");
  EXPECT_EQ(card_->Send("815A000409"
                        "830101"
                        "9B04"
                        "BBBBBBBB"),
            "6985")
      << "the write has ended";
  ASSERT_EQ(card_->Send(first), "9000");
  EXPECT_EQ(card_->Send("815A00040A"
                        "830101"
                        "9B05"
                        "BBBBBBBBBB"),
            "6A80");
  ASSERT_EQ(card_->Send(first), "9000");
  ASSERT_TRUE(IsOk(card_->SendAll("81B9000003840103"))) << "a command that commits";
  expect_old();
  EXPECT_EQ(card_->Send("815A000409"
                        "830101"
                        "9B04"
                        "BBBBBBBB"),
            "6985");
  ASSERT_EQ(card_->Send(first), "9000");
  Personalise({Element(0xE8, "830101" + Element(0x43, ToHex(Counting(50))))});
  EXPECT_EQ(card_->Send("815A000409"
                        "830101"
                        "9B04"
                        "BBBBBBBB"),
            "6985")
      << "management has taken over";
  expect_old();
  ASSERT_EQ(card_->Send(first), "9000");
  ASSERT_EQ(card_->Send("01A4040007A0000005590010"), "9000");
  EXPECT_EQ(card_->Send("815A000409"
                        "830101"
                        "9B04"
                        "BBBBBBBB"),
            "6985");
  expect_old();
  ASSERT_EQ(card_->Send(first), "9000");
  EXPECT_EQ(card_->Send("815A000409"
                        "830101"
                        "9B04"
                        "BBBBBBBB"),
            "9000");
  EXPECT_EQ(FileOf("01"), Hex("AAAAAAAABBBBBBBB"));
  EXPECT_EQ(card_->Send("815A00000B"
                        "830104"
                        "20020002"
                        "9B02"
                        "AAAA"),
            "6985")
      << "no update access";
  EXPECT_EQ(card_->Send("815A000007"
                        "830101"
                        "9B02"
                        "AAAA"),
            "6A80")
      << "no size";
}

TEST_F(Iot04, H2ExtensionsAreOffInTheStrictProfile) {
  CompatibilityConfig config;
  config.extensions = false;
  card_ = std::make_unique<AdminCard>(image_, config);
  card_->SelectOnChannel1();
  for (const char* command : {"8158000003840101", "815A000003830101", "815C000003830101"}) {
    EXPECT_EQ(card_->Send(command), "6D00");
  }
}

TEST_F(Iot04, H2ExtensionsAreAnnounced) {
  const auto extensions = [&] {
    const Bytes answer = Hex(card_->SendAll("81CB000000"));
    const auto info = iotsafe::ParseApplicationInfo(ByteView(answer).first(answer.size() - 2));
    return iotsafe::ParseIdentifier(info->proprietary_identifier.view())->extensions;
  };
  EXPECT_EQ(extensions() & 0x00C0U, 0x00C0U);
}

TEST_F(Iot04, H3TheDeviceStoresOnlyCertificatesOfTheTrustedCa) {
  for (const Kind& kind : kKinds) {
    SCOPED_TRACE(kind.openssl);
    const x509::Key ca = x509::NewKey(kind.openssl);
    const x509::Key stranger = x509::NewKey(kind.openssl);
    const Bytes ca_key = x509::PublicKeyData(ca.get());
    std::vector<std::string> blocks{CreatePair("01"), Element(0xE3, PublicKeyTemplate("0C", kind.key_type)),
                                    CreateFile("01", "03", "0C")};
    for (std::size_t offset = 0; offset < ca_key.size(); offset += 200) {
      const ByteView piece = ByteView(ca_key).subspan(offset, std::min<std::size_t>(200, ca_key.size() - offset));
      blocks.push_back(Element(0xE6, "85010C" + Element(0x42, Word(offset)) +
                                         (offset == 0 ? Element(0x44, Word(ca_key.size())) : "") +
                                         Element(0x43, ToHex(piece))));
    }
    Personalise(blocks);
    ASSERT_TRUE(IsOk(card_->SendAll("81B9000003840101")));
    const x509::Request request = x509::ParseRequest(DeviceCsr("01", Element(0x50, ToHex(x509::Name("d")))));
    ASSERT_NE(request, nullptr);
    EVP_PKEY* const own = X509_REQ_get0_pubkey(request.get());
    const Bytes good = x509::MakeCertificate(own, ca.get(), kind.digest());
    ASSERT_EQ(DeviceWrites("01", good), "9000");
    EXPECT_EQ(FileOf("01"), good);
    Bytes flipped = good;
    flipped[40] = LowByte(flipped[40] ^ 1U);
    Bytes short_by_one(good.begin(), good.end() - 1);
    for (const Bytes& bad : {x509::MakeCertificate(own, stranger.get(), kind.digest()),
                             x509::MakeCertificate(stranger.get(), ca.get(), kind.digest()), flipped, short_by_one,
                             Join(good, Bytes(1)), Counting(300)}) {
      EXPECT_EQ(DeviceWrites("01", bad), "6A80");
      EXPECT_EQ(FileOf("01"), good);
    }
    EXPECT_EQ(card_->Send("815A000007"
                          "830101"
                          "20020000"),
              "6A80")
        << "empty is no certificate";
    Personalise({"EA0385010C"});
    EXPECT_EQ(DeviceWrites("01", good), "6985") << "no CA";
    Personalise({"E903840101", "E903850101", "E90385010C", "E903830101"});
  }
}

TEST_F(Iot04, H3WaitsForAChangeOfTheTrustedCa) {
  const x509::Key ca = x509::NewKey("P-256");
  Personalise({Element(0xE3, PublicKeyTemplate("0C")), CreateFile("01", "03", "0C"),
               Element(0xE6, "85010C" + Element(0x43, ToHex(x509::PublicKeyData(ca.get()))))});
  const Bytes certificate = x509::MakeCertificate(ca.get(), ca.get());
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put("EA0385010C"), "9000");
  EXPECT_EQ(DeviceWrites("01", certificate), "6984");
  ASSERT_EQ(card_->Put("E200"), "9000");
  EXPECT_EQ(DeviceWrites("01", certificate), "9000");
}

}  // namespace
}  // namespace simroot::card::testing
