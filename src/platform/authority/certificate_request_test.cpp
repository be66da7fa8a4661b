// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/certificate_request.hpp"

#include "platform/authority/authority_test_support.hpp"
#include "platform/authority/der.hpp"
#include "vectors/vec_reader.hpp"

namespace simroot::platform {
namespace {

using ::testing::HasSubstr;
using testing::MakeRequest;
using testing::Must;
using testing::NewKey;

std::string NameText(ByteView der) {
  const auto name = DecodeDer<NamePtr>(der, d2i_X509_NAME);
  const BioPtr memory(BIO_new(BIO_s_mem()));
  SR_CHECK(name && X509_NAME_print_ex(memory.get(), name.get(), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0);
  return std::string(AsText(WrittenTo(memory.get())));
}

class RequestTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string ErrorOf(ByteView csr) {
    const auto checked = checker_.Check(csr);
    if (checked) {
      return "no error";
    }
    EXPECT_EQ(checked.error().kind, FailureKind::kInvalid);
    return checked.error().Text();
  }

  RequestChecker checker_;
  const EvpPkey key_ = NewKey("P-256");
  const Bytes request_ = MakeRequest(key_.get(), {"CN", "meter-17", "O", "Example", "serialNumber", "8988"});
};

TEST_F(RequestTest, RequestsOfCards) {
  const auto cases = simroot::testing::ReadVecFile(SIMROOT_VECTORS "/platform/card_request.vec");
  ASSERT_TRUE(cases);
  EXPECT_EQ(cases->size(), 6U);
  for (const auto& one : *cases) {
    SCOPED_TRACE(one.name());
    const Bytes csr = one.Get("Csr");
    const auto checked = checker_.Check(csr);
    ASSERT_TRUE(checked) << checked.error().Text();
    EXPECT_EQ(checked->key_type, AsText(one.Get("KeyType")));
    EXPECT_EQ(NameText(checked->subject), AsText(one.Get("Subject")));
    EXPECT_EQ(ParseP256Request(csr).has_value(), checked->key_type == "p256") << "the fast way is taken";
    const auto slow = CheckRequestWithOpenSsl(csr);
    ASSERT_TRUE(slow) << slow.error().Text();
    EXPECT_EQ(slow->public_key, checked->public_key);
    EXPECT_EQ(slow->subject, checked->subject);
    EXPECT_EQ(slow->key_type, checked->key_type);
  }
}

TEST_F(RequestTest, RequestsOfOpenSsl) {
  const auto checked = checker_.Check(request_);
  ASSERT_TRUE(checked) << checked.error().Text();
  EXPECT_TRUE(ParseP256Request(request_));
  EXPECT_EQ(checked->public_key, testing::PublicKeyOf(key_.get()));
  for (const auto& [kind, type] : std::vector<std::pair<const char*, const char*>>{
           {"brainpoolP256r1", "brainpoolP256r1"}, {"P-384", "p384"}, {"P-521", "p521"}, {"RSA:2048", "rsa2048"}}) {
    const EvpPkey key = NewKey(kind);
    const auto other = checker_.Check(MakeRequest(key.get(), {"CN", "x"}));
    ASSERT_TRUE(other) << kind << other.error().Text();
    EXPECT_EQ(other->key_type, type);
    EXPECT_EQ(other->public_key, testing::PublicKeyOf(key.get()));
  }
  const EvpPkey edwards = NewKey("ED25519");
  EXPECT_EQ(checker_.Check(MakeRequest(edwards.get(), {"CN", "x"}, nullptr))->key_type, "ed25519");
}

TEST_F(RequestTest, OtherFormsGoToOpenSsl) {
  // Digest, no subject, several parts of a name in one set, another string type.
  EXPECT_TRUE(checker_.Check(MakeRequest(key_.get(), {"CN", "x"}, EVP_sha384())));
  EXPECT_TRUE(checker_.Check(MakeRequest(key_.get(), {})));
  EXPECT_TRUE(checker_.Check(MakeRequest(key_.get(), {"DC", "example", "CN", "x"})));
  EXPECT_FALSE(ParseP256Request(MakeRequest(key_.get(), {"DC", "example"}))) << "an attribute that is not of X.520";
  const RequestPtr request = DecodeDer<RequestPtr>(request_, d2i_X509_REQ);
  ASSERT_EQ(X509_REQ_add1_attr_by_txt(request.get(), "challengePassword", MBSTRING_ASC,
                                      reinterpret_cast<const unsigned char*>("x"), 1),
            1);
  ASSERT_GT(X509_REQ_sign(request.get(), key_.get(), EVP_sha256()), 0);
  const Bytes with_attribute = EncodeDer(request.get(), i2d_X509_REQ);
  EXPECT_FALSE(ParseP256Request(with_attribute));
  EXPECT_EQ(checker_.Check(with_attribute)->public_key, testing::PublicKeyOf(key_.get()));
}

TEST_F(RequestTest, CompressedPointsBecomeUncompressed) {
  const EvpPkey key = NewKey("P-256");
  ASSERT_EQ(EVP_PKEY_set_utf8_string_param(key.get(), "point-format", "compressed"), 1);
  const Bytes request = MakeRequest(key.get(), {"CN", "x"});
  EXPECT_FALSE(ParseP256Request(request));
  const auto checked = checker_.Check(request);
  ASSERT_TRUE(checked) << checked.error().Text();
  EXPECT_EQ(checked->public_key.size(), 65U);
  EXPECT_EQ(checked->key_type, "p256");
}

TEST_F(RequestTest, EveryFlippedBitIsFound) {
  for (std::size_t i = 0; i < request_.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      Bytes damaged = request_;
      damaged.at(i) = LowByte(damaged.at(i) ^ (1U << bit));
      EXPECT_FALSE(checker_.Check(damaged)) << "byte " << i << " bit " << bit;
    }
  }
}

TEST_F(RequestTest, EveryOtherLengthIsFound) {
  for (std::size_t size = 0; size < request_.size(); ++size) {
    EXPECT_THAT(ErrorOf(ByteView(request_).first(size)), HasSubstr("not PKCS#10")) << size;
  }
  EXPECT_THAT(ErrorOf(Join(request_, Hex("00"))), HasSubstr("not PKCS#10"));
  EXPECT_THAT(ErrorOf(Join(Hex("00"), request_)), HasSubstr("not PKCS#10"));
  EXPECT_THAT(ErrorOf(Bytes(16 * 1024 + 1)), HasSubstr("more than 16384"));
}

TEST_F(RequestTest, AnothersSignatureIsFound) {
  const Bytes other = MakeRequest(NewKey("P-256").get(), {"CN", "meter-17", "O", "Example", "serialNumber", "8988"});
  const auto mine = ParseP256Request(request_);
  const auto theirs = ParseP256Request(other);
  ASSERT_TRUE(mine && theirs);
  const Bytes mixed =
      der::Element(der::kSequence, {mine->signed_part, der::kEcdsaSha256, der::BitString(theirs->signature)});
  ASSERT_TRUE(ParseP256Request(mixed));
  EXPECT_THAT(ErrorOf(mixed), HasSubstr("not signed with its own key"));
}

TEST_F(RequestTest, PointsOffTheCurveAreFound) {
  const auto parsed = ParseP256Request(request_);
  ASSERT_TRUE(parsed);
  Bytes off = request_;
  const auto point = static_cast<std::size_t>(parsed->point.data() - request_.data());
  off.at(point + 64) ^= 1;
  EXPECT_THAT(ErrorOf(off), HasSubstr("not on P-256"));
}

TEST_F(RequestTest, AVerifierForgetsItsLastKey) {
  const auto verifier = P256Verifier::Make();
  ASSERT_TRUE(verifier);
  const EvpPkey other_key = NewKey("P-256");
  const Bytes other = MakeRequest(other_key.get(), {"CN", "x"});
  const auto one = ParseP256Request(request_);
  const auto two = ParseP256Request(other);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(verifier->UseKey(one->point));
    EXPECT_TRUE(verifier->Verify(one->signed_part, one->signature));
    EXPECT_FALSE(verifier->Verify(two->signed_part, two->signature));
    ASSERT_TRUE(verifier->UseKey(two->point));
    EXPECT_TRUE(verifier->Verify(two->signed_part, two->signature));
    EXPECT_FALSE(verifier->Verify(one->signed_part, one->signature));
    EXPECT_FALSE(verifier->UseKey(Bytes(65, 0x04)));
  }
}

TEST_F(RequestTest, WeakKeysAndDigestsAreRefused) {
  EXPECT_THAT(ErrorOf(MakeRequest(NewKey("RSA:1024").get(), {"CN", "x"})), HasSubstr("1024 bits"));
  EXPECT_THAT(ErrorOf(MakeRequest(NewKey("P-224").get(), {"CN", "x"})), HasSubstr("secp224r1"));
  EXPECT_THAT(ErrorOf(MakeRequest(NewKey("secp256k1").get(), {"CN", "x"})), HasSubstr("secp256k1"));
  EXPECT_THAT(ErrorOf(MakeRequest(key_.get(), {"CN", "x"}, EVP_sha1())), HasSubstr("algorithm"));
  const EvpPkey explicit_parameters = NewKey("P-256");
  ASSERT_EQ(EVP_PKEY_set_utf8_string_param(explicit_parameters.get(), "encoding", "explicit"), 1);
  EXPECT_FALSE(checker_.Check(MakeRequest(explicit_parameters.get(), {"CN", "x"})));
}

TEST_F(RequestTest, LongFormsOfLengthsAreRefused) {
  // The same request with the outer length in one byte more than needed: BER, not DER.
  ByteReader reader(request_);
  ByteView content;
  ASSERT_TRUE(der::Read(reader, der::kSequence, content));
  Bytes longer = Join(Hex("3083"), Bytes{0, LowByte(content.size() >> 8U), LowByte(content.size())}, content);
  EXPECT_THAT(ErrorOf(longer), HasSubstr("not PKCS#10"));
  EXPECT_FALSE(checker_.Check(Join(Hex("3080"), content, Hex("0000"))));
}

}  // namespace
}  // namespace simroot::platform
