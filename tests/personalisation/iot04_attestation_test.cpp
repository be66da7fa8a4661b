// SPDX-License-Identifier: Apache-2.0
// IoT.04 H4: requests and public keys signed by a dedicated key.
#include <map>

#include "personalisation/iot04_fixture.hpp"

namespace simroot::card::testing {
namespace {

/// The parts of an attestation document.
struct Attestation {
  Bytes statement;  ///< with tag and length
  Bytes signature;
  std::map<std::uint16_t, Bytes> fields;

  [[nodiscard]] Bytes Find(std::uint8_t tag) const {
    const auto found = fields.find(tag);
    return found == fields.end() ? Bytes() : found->second;
  }
};
Attestation Parse(const Bytes& document) {
  Attestation result;
  ByteReader reader(document);
  wire::Tlv statement;
  wire::Tlv signature;
  EXPECT_TRUE(wire::ReadBerTlv(reader, statement) && statement.tag == 0x70);
  const std::size_t size = document.size() - reader.remaining();
  EXPECT_TRUE(wire::ReadBerTlv(reader, signature) && signature.tag == 0x33 && reader.empty());
  result.statement = {document.begin(), document.begin() + static_cast<std::ptrdiff_t>(size)};
  result.signature = {signature.value.begin(), signature.value.end()};
  ByteReader fields(statement.value);
  wire::Tlv field;
  while (wire::ReadBerTlv(fields, field)) {
    EXPECT_TRUE(result.fields.emplace(field.tag, ToBytes(field.value)).second);
  }
  EXPECT_TRUE(fields.empty());
  return result;
}

/// A private key 0A that attests, of this kind.
std::string CreateAttester(std::string_view type) {
  return Element(0xE3, Element(0xC1, Element(0x84, "0A") + "600100" + Element(0x4B, type) +
                                         "4E0181"
                                         "610101"
                                         "920107"
                                         "91020007"));
}

class AttestationTest : public Iot04 {
 protected:
  const std::string nonce_ = Element(0x53, "00112233445566778899AABBCCDDEEFF");
  const Bytes prefix_{iotsafe::kAttestationPrefix.begin(), iotsafe::kAttestationPrefix.end()};
};
using Iot04Attestation = AttestationTest;

TEST_F(Iot04Attestation, H4ARequestIsSignedByADedicatedKeyToo) {
  constexpr std::array<std::uint8_t, 10> kIccid{0x98, 0x88, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xF1};
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    const Kind& kind = kKinds.at(i);
    const Kind& attester_kind = kKinds.at((i + 1) % kKinds.size());
    SCOPED_TRACE(std::string(kind.openssl) + " attested by " + attester_kind.openssl);
    image_ = BlankImage();
    card_ = std::make_unique<AdminCard>(image_);
    card_->applet().UseIccid(kIccid);
    card_->SelectOnChannel1();
    const x509::Key attester = x509::NewKey(attester_kind.openssl);
    std::vector<std::string> blocks{CreateAttester(attester_kind.key_type), CreatePair("01", kind.key_type),
                                    "E503840101"};
    const auto load = LoadPrivate("0A", x509::PrivateValue(attester.get()));
    blocks.insert(blocks.begin() + 1, load.begin(), load.end());
    Personalise(blocks);
    ASSERT_TRUE(IsOk(card_->Begin()));
    const std::string subject = Element(0x50, ToHex(x509::Name("attested")));
    const Attestation found = Parse(card_->Fetch(0xEE,
                                                 "840101"
                                                 "4D010A" +
                                                     nonce_ + subject));
    EXPECT_TRUE(
        x509::Verifies(attester.get(), Join(prefix_, found.statement), found.signature, attester_kind.digest()));
    EXPECT_FALSE(x509::Verifies(attester.get(), found.statement, found.signature, attester_kind.digest()));
    EXPECT_EQ(found.Find(0x40), Hex("01"));
    EXPECT_EQ(found.Find(0x5A), Bytes(kIccid.begin(), kIccid.end()));
    EXPECT_EQ(found.Find(0x4F), Hex("A0000005590010"));
    EXPECT_EQ(found.Find(0x84), Hex("01"));
    EXPECT_EQ(found.Find(0x4B), Hex(kind.key_type));
    EXPECT_EQ(found.Find(0x48), Hex("01"));
    EXPECT_EQ(found.Find(0x4D), Hex("0A"));
    EXPECT_EQ(found.Find(0x53), Hex("00112233445566778899AABBCCDDEEFF"));
    const x509::Request request = x509::ParseRequest(found.Find(0x52));
    ASSERT_NE(request, nullptr);
    const Bytes data = x509::PublicKeyData(X509_REQ_get0_pubkey(request.get()));
    EXPECT_EQ(found.Find(0x34), Bytes(data.end() - static_cast<std::ptrdiff_t>(found.Find(0x34).size()), data.end()));
  }
}

TEST_F(Iot04Attestation, H4APublicKeyIsAttestedInTheSessionThatMadeIt) {
  const x509::Key attester = x509::NewKey("P-256");
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_TRUE(IsOk(card_->Put(CreateAttester("13") + CreatePair("01"))));
  for (const std::string& block : LoadPrivate("0A", x509::PrivateValue(attester.get()))) {
    ASSERT_TRUE(IsOk(card_->Put(block)));
  }
  ASSERT_TRUE(IsOk(card_->Put("E503840101")));
  const Attestation found = Parse(card_->Fetch(0xEE,
                                               "840101"
                                               "4D010A" +
                                                   nonce_));
  EXPECT_TRUE(x509::Verifies(attester.get(), Join(prefix_, found.statement), found.signature));
  EXPECT_EQ(found.Find(0x52), Bytes());
  EXPECT_EQ(card_->Fetch(0xEB, "850101"), Join(Hex("3445"), found.Find(0x34)));
}

TEST_F(Iot04Attestation, H4WhatWasNotMadeOnTheCardIsNotAttested) {
  const x509::Key loaded = x509::NewKey("P-256");
  std::vector<std::string> blocks{CreateAttester("13"), CreatePair("01")};
  for (const auto& more : {LoadPrivate("0A", x509::PrivateValue(x509::NewKey("P-256").get())),
                           LoadPrivate("01", x509::PrivateValue(loaded.get()))}) {
    blocks.insert(blocks.end(), more.begin(), more.end());
  }
  Personalise(blocks);
  const std::string attest = Element(0xEE,
                                     "840101"
                                     "4D010A" +
                                         nonce_);
  ASSERT_TRUE(IsOk(card_->Begin()));
  EXPECT_EQ(card_->Put(attest), "6985");
  Personalise({"E503840101"});
  ASSERT_TRUE(IsOk(card_->Begin()));
  EXPECT_TRUE(IsOk(card_->Put(attest)));
  // A key of the device's making counts as made on the card, also after loss of power.
  ASSERT_EQ(card_->Put("E200"), "9000");
  ASSERT_TRUE(IsOk(card_->SendAll("81B9000003840101")));
  card_ = std::make_unique<AdminCard>(image_);
  ASSERT_TRUE(IsOk(card_->Begin()));
  EXPECT_TRUE(IsOk(card_->Put(attest)));
  const auto again = LoadPrivate("01", x509::PrivateValue(loaded.get()));
  ASSERT_TRUE(IsOk(card_->Put(again.front())));
  EXPECT_EQ(card_->Put(attest), "6985");
}

TEST_F(Iot04Attestation, H4AnAttestingKeySignsNothingElse) {
  std::vector<std::string> blocks{CreateAttester("13"), CreatePair("01"), "E503840101"};
  const auto load = LoadPrivate("0A", x509::PrivateValue(x509::NewKey("P-256").get()));
  blocks.insert(blocks.begin() + 1, load.begin(), load.end());
  Personalise(blocks);
  EXPECT_EQ(card_->Send("812A00010D84010AA1010391020001920104"), "6985");
  EXPECT_EQ(card_->Send("812A00010D84010AA1010191020001920104"), "6985");
  const std::string subject = Element(0x50, ToHex(x509::Name("x")));
  const std::string data = "84010A" + subject;
  EXPECT_EQ(card_->Send("81580000" + ToHex(Bytes{LowByte(data.size() / 2)}) + data), "6985");
  for (const std::string& command : {Element(0xED, data),
                                     Element(0xEE,
                                             "840101"
                                             "4D0101" +
                                                 nonce_),
                                     Element(0xEE,
                                             "84010A"
                                             "4D010A" +
                                                 nonce_ + subject)}) {
    ASSERT_TRUE(IsOk(card_->Begin()));
    EXPECT_EQ(card_->Put(command), "6985") << command;
  }
  for (const std::string& command : {Element(0xEE,
                                             "840101"
                                             "4D010A"),
                                     Element(0xEE, "840101" + nonce_),
                                     Element(0xEE,
                                             "840101"
                                             "4D0177" +
                                                 nonce_),
                                     Element(0xEE,
                                             "840101"
                                             "4D010A" +
                                                 Element(0x53, ToHex(Bytes(7)))),
                                     Element(0xEE,
                                             "840101"
                                             "4D010A" +
                                                 Element(0x53, ToHex(Bytes(33)))),
                                     Element(0xEE,
                                             "840101"
                                             "4D010A" +
                                                 nonce_ + Element(0x51, "A000"))}) {
    ASSERT_TRUE(IsOk(card_->Begin()));
    EXPECT_EQ(card_->Put(command), "6A80") << command;
  }
}

}  // namespace
}  // namespace simroot::card::testing
