// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/openssl/crypto_test_support.hpp"
#include "vectors/vec_reader.hpp"

namespace simroot::crypto {
namespace {

using SharedX = std::array<std::uint8_t, kP256ScalarSize>;

class KeyAgreement : public CryptoTest {
 protected:
  void CheckEcdhFile(Curve curve, const std::string& file) {
    std::uint32_t generation = 0;
    for (const auto& vec : Vectors(file)) {
      SCOPED_TRACE(vec.name());
      const Bytes scalar = vec.Get("Scalar");
      Point point{};
      ASSERT_TRUE(crypto->PublicPoint(curve, scalar, point));
      EXPECT_EQ(ToHex(point), ToHex(vec.Get("Point")));
      const bool good = vec.Get("Result") == Bytes{1};
      SharedX shared;
      shared.fill(0xEE);
      ++generation;
      EXPECT_EQ(crypto->Ecdh({curve, scalar, 1, generation}, vec.Get("Peer"), shared), good);
      EXPECT_EQ(ToHex(shared), good ? ToHex(vec.Get("Shared")) : ToHex(SharedX{}));
    }
  }

  void CheckPointFile(const std::string& file) {
    const Bytes scalar(32, 0x42);
    for (const auto& vec : Vectors(file)) {
      SCOPED_TRACE(vec.name());
      const bool good = vec.Get("Result") == Bytes{1};
      EXPECT_EQ(crypto->IsValidPoint(Curve::kP256, vec.Get("Point")), good);
      SharedX shared{};
      EXPECT_EQ(crypto->Ecdh({Curve::kP256, scalar, 2, 1}, vec.Get("Point"), shared), good);
      EXPECT_EQ(shared != SharedX{}, good);
    }
  }
};

TEST_F(KeyAgreement, AgreesWithNist) {
  CheckEcdhFile(Curve::kP256, "p256_ecdh_nist.vec");
}

TEST_F(KeyAgreement, KeepsLeadingZeroBytes) {
  CheckEcdhFile(Curve::kP256, "p256_ecdh_leading_zero.vec");
}

TEST_F(KeyAgreement, AgreesWithRfc7027) {
  CheckEcdhFile(Curve::kBrainpoolP256r1, "brainpool_ecdh_rfc7027.vec");
}

TEST_F(KeyAgreement, PointsOfNist) {
  CheckPointFile("p256_point_nist_pkv.vec");
}

TEST_F(KeyAgreement, PointsAtTheEdges) {
  CheckPointFile("p256_point_edges.vec");
}

TEST_F(KeyAgreement, BothSidesGetTheSame) {
  for (const Curve curve : {Curve::kP256, Curve::kBrainpoolP256r1}) {
    for (std::uint32_t i = 0; i < 20; ++i) {
      const KeyPair a = NewPair(curve);
      const KeyPair b = NewPair(curve);
      SharedX at_a{};
      SharedX at_b{};
      ASSERT_TRUE(crypto->Ecdh({curve, a.scalar, 1, i}, b.point, at_a));
      ASSERT_TRUE(crypto->Ecdh({curve, b.scalar, 2, i}, a.point, at_b));
      ASSERT_EQ(at_a, at_b);
      ASSERT_NE(at_a, SharedX{});
    }
  }
}

TEST_F(KeyAgreement, RefusesPeerOfAnotherCurve) {
  const KeyPair p256 = NewPair(Curve::kP256);
  const KeyPair brainpool = NewPair(Curve::kBrainpoolP256r1);
  SharedX shared{};
  EXPECT_FALSE(crypto->Ecdh({Curve::kP256, p256.scalar, 1, 1}, brainpool.point, shared));
  EXPECT_FALSE(crypto->Ecdh({Curve::kBrainpoolP256r1, brainpool.scalar, 2, 1}, p256.point, shared));
  EXPECT_FALSE(crypto->IsValidPoint(Curve::kP256, brainpool.point));
  EXPECT_FALSE(crypto->IsValidPoint(Curve::kBrainpoolP256r1, p256.point));
  EXPECT_TRUE(crypto->IsValidPoint(Curve::kBrainpoolP256r1, brainpool.point));
}

TEST_F(KeyAgreement, BadPeerDoesNotSpoilTheNextAgreement) {
  const KeyPair mine = NewPair(Curve::kP256);
  const KeyPair peer = NewPair(Curve::kP256);
  SharedX first{};
  SharedX second{};
  Point bad = peer.point;
  bad.back() ^= 1U;
  ASSERT_TRUE(crypto->Ecdh({Curve::kP256, mine.scalar, 1, 1}, peer.point, first));
  ASSERT_FALSE(crypto->Ecdh({Curve::kP256, mine.scalar, 1, 1}, bad, second));
  EXPECT_EQ(second, SharedX{});
  ASSERT_TRUE(crypto->Ecdh({Curve::kP256, mine.scalar, 1, 1}, peer.point, second));
  EXPECT_EQ(first, second);
}

TEST_F(KeyAgreement, SigningAndAgreementShareOnePreparedKey) {
  const KeyPair mine = NewPair(Curve::kP256);
  const KeyPair peer = NewPair(Curve::kP256);
  const PrivateKey key{Curve::kP256, mine.scalar, 1, 1};
  const Bytes digest(32, 9);
  SharedX shared{};
  Signature signature{};
  ASSERT_TRUE(crypto->Ecdh(key, peer.point, shared));
  ASSERT_TRUE(crypto->SignEcdsa(key, digest, signature));
  ASSERT_TRUE(crypto->Ecdh(key, peer.point, shared));
  EXPECT_EQ(crypto->VerifyEcdsa(Curve::kP256, mine.point, digest, signature), VerifyResult::kValid);
}

TEST_F(KeyAgreement, RefusesWrongLengths) {
  const KeyPair pair = NewPair(Curve::kP256);
  for (const std::size_t size : {0U, 31U, 33U}) {
    Bytes memory(size, 0xEE);
    EXPECT_FALSE(crypto->Ecdh({Curve::kP256, pair.scalar, 1, 1}, pair.point, memory));
    Point point{};
    EXPECT_FALSE(crypto->GenerateKeyPair(Curve::kP256, memory, point));
  }
  for (const std::size_t size : {0U, 64U, 66U}) {
    Bytes memory(size, 0xEE);
    Scalar scalar{};
    EXPECT_FALSE(crypto->GenerateKeyPair(Curve::kP256, scalar, memory));
    EXPECT_EQ(scalar, Scalar{});
    EXPECT_FALSE(crypto->PublicPoint(Curve::kP256, pair.scalar, memory));
    EXPECT_EQ(memory, Bytes(size, 0xEE));
  }
}

TEST_F(KeyAgreement, GeneratedPairsBelongTogetherAndDiffer) {
  for (const Curve curve : {Curve::kP256, Curve::kBrainpoolP256r1}) {
    Scalar last{};
    for (unsigned i = 0; i < 300; ++i) {
      const KeyPair pair = NewPair(curve);
      Point computed{};
      ASSERT_TRUE(crypto->PublicPoint(curve, pair.scalar, computed));
      ASSERT_EQ(computed, pair.point);
      ASSERT_NE(pair.scalar, last);
      last = pair.scalar;
    }
  }
}

}  // namespace
}  // namespace simroot::crypto
