// SPDX-License-Identifier: Apache-2.0
/// P-384 through every EC function; its scalars are longer than those of the other curves.
#include "common/crypto/openssl/crypto_test_support.hpp"
#include "vectors/vec_reader.hpp"

namespace simroot::crypto {
namespace {

// FIPS 186-4 D.1.2.4.
constexpr std::string_view kOrder =
    "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973";

class P384 : public CryptoTest {
 protected:
  static constexpr Curve kCurve = Curve::kP384;

  struct Pair {
    Bytes scalar = Bytes(48);
    Bytes point = Bytes(97);
  };

  [[nodiscard]] Pair NewP384Pair() {
    Pair pair;
    EXPECT_TRUE(crypto->GenerateKeyPair(kCurve, pair.scalar, pair.point));
    return pair;
  }
};

TEST_F(P384, SizesAreThoseOfTheCurve) {
  EXPECT_EQ(ScalarSize(kCurve), 48U);
  EXPECT_EQ(PointSize(kCurve), 97U);
  EXPECT_EQ(SignatureSize(kCurve), 96U);
}

TEST_F(P384, VerifiesRfc6979) {
  for (const auto& vec : Vectors("p384_ecdsa_rfc6979.vec")) {
    SCOPED_TRACE(vec.name());
    Bytes digest = Digest(static_cast<HashAlgorithm>(vec.Get("Hash").back()), vec.Get("Message"));
    const Bytes point = vec.Get("Point");
    Bytes signature = vec.Get("Signature");
    EXPECT_EQ(crypto->VerifyEcdsa(kCurve, point, digest, signature), VerifyResult::kValid);
    EXPECT_EQ(crypto->VerifyEcdsa(kCurve, point, digest, ByteView(signature).first(95)), VerifyResult::kInvalid);
    EXPECT_EQ(crypto->VerifyEcdsa(kCurve, ByteView(point).first(96), digest, signature), VerifyResult::kError);
    signature.front() ^= 1U;
    EXPECT_EQ(crypto->VerifyEcdsa(kCurve, point, digest, signature), VerifyResult::kInvalid);
    signature.front() ^= 1U;
    digest.back() ^= 1U;
    EXPECT_EQ(crypto->VerifyEcdsa(kCurve, point, digest, signature), VerifyResult::kInvalid);
  }
}

TEST_F(P384, AgreesWithRfc5903) {
  std::uint32_t generation = 0;
  for (const auto& vec : Vectors("p384_ecdh_rfc5903.vec")) {
    SCOPED_TRACE(vec.name());
    const Bytes scalar = vec.Get("Scalar");
    Bytes point(97);
    ASSERT_TRUE(crypto->PublicPoint(kCurve, scalar, point));
    EXPECT_EQ(ToHex(point), ToHex(vec.Get("Point")));
    Bytes shared(48);
    Bytes peer = vec.Get("Peer");
    ASSERT_TRUE(crypto->Ecdh({kCurve, scalar, 1, ++generation}, peer, shared));
    EXPECT_EQ(ToHex(shared), ToHex(vec.Get("Shared")));
    EXPECT_TRUE(crypto->IsValidPoint(kCurve, peer));
    peer.back() ^= 1U;
    EXPECT_FALSE(crypto->IsValidPoint(kCurve, peer));
    EXPECT_FALSE(crypto->Ecdh({kCurve, scalar, 1, generation}, peer, shared));
    EXPECT_EQ(shared, Bytes(48));
  }
}

TEST_F(P384, SignaturesAreAlwaysFullLengthAndValid) {
  const Pair pair = NewP384Pair();
  for (unsigned i = 0; i < 100; ++i) {
    const Bytes digest = Digest(HashAlgorithm::kSha384, Bytes(i, LowByte(i)));
    Bytes signature(96);
    ASSERT_TRUE(crypto->SignEcdsa({kCurve, pair.scalar, 1, 1}, digest, signature));
    ASSERT_EQ(crypto->VerifyEcdsa(kCurve, pair.point, digest, signature), VerifyResult::kValid) << i;
  }
}

TEST_F(P384, RefusesScalarsThatAreNoKeys) {
  const Bytes digest(48, 1);
  const Bytes order = FromHex(kOrder).value_or(Bytes{});
  for (const Bytes& scalar : {Bytes(48, 0), order, Bytes(48, 0xFF), Bytes(47, 1), Bytes(49, 1), Bytes(32, 1)}) {
    SCOPED_TRACE(ToHex(scalar));
    Bytes signature(96);
    Bytes point(97);
    EXPECT_FALSE(crypto->SignEcdsa({kCurve, scalar, 9, 1}, digest, signature));
    EXPECT_FALSE(crypto->PublicPoint(kCurve, scalar, point));
    EXPECT_EQ(signature, Bytes(96));
    EXPECT_EQ(point, Bytes(97));
  }
  Bytes largest = order;
  --largest.back();
  Bytes signature(96);
  EXPECT_TRUE(crypto->SignEcdsa({kCurve, largest, 9, 2}, digest, signature));
}

TEST_F(P384, RefusesSizesOfTheOtherCurves) {
  const Pair pair = NewP384Pair();
  const KeyPair small = NewPair(Curve::kP256);
  const Bytes digest(32, 1);
  for (const std::size_t size : {0U, 64U, 95U, 97U}) {
    Bytes signature(size);
    EXPECT_FALSE(crypto->SignEcdsa({kCurve, pair.scalar, 1, 1}, digest, signature)) << size;
  }
  Signature small_signature{};
  ASSERT_TRUE(crypto->SignEcdsa({Curve::kP256, small.scalar, 2, 1}, digest, small_signature));
  EXPECT_EQ(crypto->VerifyEcdsa(kCurve, pair.point, digest, small_signature), VerifyResult::kInvalid);
  Bytes long_signature(96);
  EXPECT_FALSE(crypto->SignEcdsa({Curve::kP256, small.scalar, 2, 1}, digest, long_signature));
  for (const std::size_t size : {32U, 47U, 49U}) {
    Bytes memory(size, 0xEE);
    Bytes point(97);
    EXPECT_FALSE(crypto->Ecdh({kCurve, pair.scalar, 1, 1}, pair.point, memory)) << size;
    EXPECT_FALSE(crypto->GenerateKeyPair(kCurve, memory, point)) << size;
  }
  Bytes shared(48);
  EXPECT_FALSE(crypto->Ecdh({kCurve, pair.scalar, 1, 1}, small.point, shared));
  EXPECT_FALSE(crypto->IsValidPoint(Curve::kP256, pair.point));
  EXPECT_FALSE(crypto->IsValidPoint(kCurve, small.point));
}

TEST_F(P384, BothSidesGetTheSame) {
  const Pair a = NewP384Pair();
  const Pair b = NewP384Pair();
  EXPECT_NE(a.scalar, b.scalar);
  Bytes at_a(48);
  Bytes at_b(48);
  ASSERT_TRUE(crypto->Ecdh({kCurve, a.scalar, 1, 1}, b.point, at_a));
  ASSERT_TRUE(crypto->Ecdh({kCurve, b.scalar, 2, 1}, a.point, at_b));
  EXPECT_EQ(at_a, at_b);
  EXPECT_NE(at_a, Bytes(48));
}

}  // namespace
}  // namespace simroot::crypto
