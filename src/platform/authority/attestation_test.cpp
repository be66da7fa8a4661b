// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/attestation.hpp"

#include "common/iotsafe/objects.hpp"
#include "common/iotsafe/personalisation.hpp"
#include "common/wire/tlv.hpp"
#include "platform/authority/authority_test_support.hpp"
#include "platform/authority/public_key.hpp"
#include "vectors/vec_reader.hpp"

namespace simroot::platform {
namespace {

using ::testing::HasSubstr;
using testing::Must;
using testing::NewKey;

const Bytes kNonce = Hex("00112233445566778899AABBCCDDEEFF");

Bytes Tlv(std::uint16_t tag, const Bytes& value) {
  Bytes memory(value.size() + 8);
  ByteWriter writer(memory);
  wire::PutBerTlv(tag, value, writer);
  const ByteView written = writer.written();
  return {written.begin(), written.end()};
}

/// Makes documents that no card would make, signed all the same.
class AttestationTest : public ::testing::Test {
 protected:
  struct Facts {
    Bytes version = Hex("01");
    Bytes origin = Hex("01");
    Bytes nonce = kNonce;
    Bytes type = Hex("13");
    Bytes before{};  ///< elements in front of all others
    Bytes csr{};
    bool leave_out_aid = false;
  };
  [[nodiscard]] Bytes Statement(const Facts& facts) const {
    const Bytes key = Tlv(0x49, Tlv(0x86, point_));
    Bytes all = Join(facts.before, Tlv(0x40, facts.version), Tlv(0x5A, Hex("98880000000000000011")),
                     facts.leave_out_aid ? Bytes() : Tlv(0x4F, Hex("A0000005590010")), Tlv(0x84, Hex("01")),
                     Tlv(0x4B, facts.type), Tlv(0x48, facts.origin), Tlv(0x4D, Hex("0A")), Tlv(0x53, facts.nonce),
                     Tlv(0x34, key));
    if (!facts.csr.empty()) {
      all = Join(all, Tlv(0x52, facts.csr));
    }
    return Tlv(0x70, all);
  }
  [[nodiscard]] Bytes Signed(const Bytes& statement, bool prefix = true) const {
    const Bytes message =
        prefix ? Join(Bytes(iotsafe::kAttestationPrefix.begin(), iotsafe::kAttestationPrefix.end()), statement)
               : statement;
    const crypto::EvpMdCtx context(EVP_MD_CTX_new());
    Bytes der(80);
    std::size_t size = der.size();
    SR_CHECK(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, signer_.get()) == 1 &&
             EVP_DigestSign(context.get(), der.data(), &size, message.data(), message.size()) == 1);
    const auto raw = iotsafe::DerSignatureToRaw(ByteView(der).first(size));
    SR_CHECK(raw.has_value());
    const ByteView view = raw->view();
    return Join(statement, Tlv(0x33, {view.begin(), view.end()}));
  }
  [[nodiscard]] std::string ErrorOf(const Bytes& document, const Bytes& nonce = kNonce) const {
    const auto checked = CheckAttestationDocument(document, signer_point_, nonce);
    if (checked) {
      return "no error";
    }
    EXPECT_EQ(checked.error().kind, FailureKind::kInvalid);
    return checked.error().message;
  }

  const EvpPkey signer_ = NewKey("P-256");
  const Bytes signer_point_ = testing::PublicKeyOf(signer_.get());
  const EvpPkey key_ = NewKey("P-256");
  const Bytes point_ = testing::PublicKeyOf(key_.get());
};

TEST_F(AttestationTest, DocumentsOfCards) {
  const auto cases = simroot::testing::ReadVecFile(SIMROOT_VECTORS "/platform/attestation.vec");
  ASSERT_TRUE(cases);
  EXPECT_EQ(cases->size(), 4U);
  for (const auto& one : *cases) {
    SCOPED_TRACE(one.name());
    const Bytes document = one.Get("Document");
    const auto checked = CheckAttestationDocument(document, one.Get("AttestingKey"), kNonce);
    ASSERT_TRUE(checked) << checked.error().Text();
    EXPECT_EQ(ToHex(checked->key_id), "01");
    EXPECT_EQ(ToHex(checked->iccid), one.name().find("no ICCID") == std::string::npos ? "988800000000000000F1" : "");
    EXPECT_EQ(Must(ImportPublicKey(checked->public_key)).type, AsText(one.Get("KeyType")));
    // What comes from another card, key or question is found; the byte in the middle stands for all others.
    EXPECT_FALSE(CheckAttestationDocument(document, signer_point_, kNonce));
    EXPECT_FALSE(CheckAttestationDocument(document, one.Get("AttestingKey"), Hex("00112233445566778899AABBCCDDEEFE")));
    Bytes damaged = document;
    damaged.at(damaged.size() / 2) ^= 1;
    EXPECT_FALSE(CheckAttestationDocument(damaged, one.Get("AttestingKey"), kNonce));
  }
}

TEST_F(AttestationTest, SaysWhatTheCardSaid) {
  const auto checked = CheckAttestationDocument(Signed(Statement({})), signer_point_, kNonce);
  ASSERT_TRUE(checked) << checked.error().Text();
  EXPECT_EQ(checked->public_key, point_);
  EXPECT_EQ(ToHex(checked->iccid), "98880000000000000011");
  EXPECT_TRUE(CheckAttestationDocument(Signed(Statement({})), testing::PublicKeyInfoOf(signer_.get()), kNonce));
}

TEST_F(AttestationTest, EveryFlippedBitIsFound) {
  const Bytes document = Signed(Statement({}));
  for (std::size_t i = 0; i < document.size(); ++i) {
    Bytes damaged = document;
    damaged.at(i) = LowByte(damaged.at(i) ^ (1U << (i % 8)));
    EXPECT_FALSE(CheckAttestationDocument(damaged, signer_point_, kNonce)) << i;
  }
}

TEST_F(AttestationTest, EveryOtherLengthIsFound) {
  const Bytes document = Signed(Statement({}));
  for (std::size_t size = 0; size < document.size(); ++size) {
    EXPECT_FALSE(CheckAttestationDocument(ByteView(document).first(size), signer_point_, kNonce)) << size;
  }
  EXPECT_THAT(ErrorOf(Join(document, Hex("00"))), HasSubstr("signature at its end"));
}

TEST_F(AttestationTest, WhatIsSignedIsCheckedToo) {
  EXPECT_THAT(ErrorOf(Signed(Statement({}), false)), HasSubstr("not signed with the attesting key"));
  EXPECT_THAT(ErrorOf(Signed(Statement({.version = Hex("02")}))), HasSubstr("unknown version"));
  EXPECT_THAT(ErrorOf(Signed(Statement({.origin = Hex("00")}))), HasSubstr("not made on the card"));
  EXPECT_THAT(ErrorOf(Signed(Statement({.nonce = Hex("0011223344556677")}))), HasSubstr("nonce"));
  EXPECT_THAT(ErrorOf(Signed(Statement({.nonce = Hex("")})), Bytes()), HasSubstr("nonce")) << "an empty question";
  EXPECT_THAT(ErrorOf(Signed(Statement({.leave_out_aid = true}))), HasSubstr("unknown version or form"));
  EXPECT_THAT(ErrorOf(Signed(Statement({.before = Tlv(0x77, {})}))), HasSubstr("unknown version or form"));
  EXPECT_THAT(ErrorOf(Signed(Statement({.before = Tlv(0x40, Hex("01"))}))), HasSubstr("cannot be understood"));
  EXPECT_THAT(ErrorOf(Signed(Statement({.type = Hex("14")}))), HasSubstr("of a kind")) << "a volatile key";
  EXPECT_THAT(ErrorOf(Signed(Statement({.type = Hex("23")}))), HasSubstr("not right")) << "not on that curve";
  EXPECT_THAT(ErrorOf(Signed(Statement({.type = Hex("03")}))), HasSubstr("not right")) << "a point is no RSA key";
  EXPECT_THAT(ErrorOf(Signed(Statement({.type = Hex("")}))), HasSubstr("no public key"));
}

TEST_F(AttestationTest, TheRequestIsForTheSameKey) {
  EXPECT_EQ(ErrorOf(Signed(Statement({.csr = testing::MakeRequest(key_.get(), {"CN", "x"})}))), "no error");
  const Bytes other = testing::MakeRequest(NewKey("P-256").get(), {"CN", "x"});
  EXPECT_THAT(ErrorOf(Signed(Statement({.csr = other}))), HasSubstr("another key"));
  EXPECT_THAT(ErrorOf(Signed(Statement({.csr = Hex("3000")}))), HasSubstr("another key"));
}

TEST_F(AttestationTest, ADerSignatureIsNone) {
  const Bytes statement = Statement({});
  const Bytes document = Signed(statement);
  const ByteView raw = ByteView(document).last(64);
  const auto converted = iotsafe::RawSignatureToDer(raw);
  const ByteView der = converted.view();
  EXPECT_FALSE(CheckAttestationDocument(Join(statement, Tlv(0x33, {der.begin(), der.end()})), signer_point_, kNonce));
  EXPECT_FALSE(CheckAttestationDocument(Join(statement, Tlv(0x33, {})), signer_point_, kNonce));
}

}  // namespace
}  // namespace simroot::platform
