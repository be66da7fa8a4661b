// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/openssl/crypto_test_support.hpp"
#include "vectors/vec_reader.hpp"

namespace simroot::crypto {
namespace {

constexpr std::array<Curve, 2> kCurves{Curve::kP256, Curve::kBrainpoolP256r1};

// Orders: FIPS 186-4 D.1.2.3 and RFC 5639 3.4.
constexpr std::string_view kP256Order = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";
constexpr std::string_view kBrainpoolOrder = "A9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7";

Bytes Order(Curve curve) {
  return FromHex(curve == Curve::kP256 ? kP256Order : kBrainpoolOrder).value_or(Bytes{});
}

Bytes Joined(ByteView a, ByteView b) {
  Bytes joined(a.begin(), a.end());
  joined.insert(joined.end(), b.begin(), b.end());
  return joined;
}

class Ecdsa : public CryptoTest {
 protected:
  void CheckVerifyFile(Curve curve, const std::string& file) {
    for (const auto& vec : Vectors(file)) {
      SCOPED_TRACE(vec.name());
      const Bytes code = vec.Get("Hash");
      ASSERT_EQ(code.size(), 2U);
      const Bytes digest = Digest(static_cast<HashAlgorithm>(code.back()), vec.Get("Message"));
      const bool valid = vec.Get("Result") == Bytes{1};
      EXPECT_EQ(crypto->VerifyEcdsa(curve, vec.Get("Point"), digest, vec.Get("Signature")),
                valid ? VerifyResult::kValid : VerifyResult::kInvalid);
      if (valid) {  // NIST made some of the wrong ones by just this flip
        Bytes flipped = vec.Get("Signature");
        flipped.back() ^= 1U;
        EXPECT_EQ(crypto->VerifyEcdsa(curve, vec.Get("Point"), digest, flipped), VerifyResult::kInvalid);
      }
    }
  }
};

TEST_F(Ecdsa, VerifiesRfc6979) {
  CheckVerifyFile(Curve::kP256, "p256_ecdsa_rfc6979.vec");
}

TEST_F(Ecdsa, AgreesWithNistSigVer) {
  CheckVerifyFile(Curve::kP256, "p256_ecdsa_nist_sigver.vec");
}

TEST_F(Ecdsa, VerifiesSignatureOfRealCard) {
  CheckVerifyFile(Curve::kP256, "p256_ecdsa_real_card.vec");
}

TEST_F(Ecdsa, VerifiesBrainpool) {
  CheckVerifyFile(Curve::kBrainpoolP256r1, "brainpool_ecdsa.vec");
}

TEST_F(Ecdsa, ThreeHundredSignaturesAreAlwaysFullLengthAndValid) {
  for (const Curve curve : kCurves) {
    const KeyPair pair = NewPair(curve);
    unsigned short_halves = 0;
    for (unsigned i = 0; i < 300; ++i) {
      const Bytes digest = Digest(HashAlgorithm::kSha256, Bytes(1 + i, LowByte(i)));
      Signature signature{};
      ASSERT_TRUE(crypto->SignEcdsa({curve, pair.scalar, 1, 1}, digest, signature));
      ASSERT_EQ(crypto->VerifyEcdsa(curve, pair.point, digest, signature), VerifyResult::kValid) << i;
      short_halves += signature.front() == 0 ? 1U : 0U;
    }
    // Nothing to expect of it: about one in 256 begins with a zero byte, which is what the loop is for.
    RecordProperty(curve == Curve::kP256 ? "p256_short_r" : "brainpool_short_r", static_cast<int>(short_halves));
  }
}

TEST_F(Ecdsa, SignsDigestsOfAnyLength) {
  const KeyPair pair = NewPair(Curve::kP256);
  for (const std::size_t size : {1U, 20U, 31U, 32U, 33U, 48U, 64U, 200U}) {
    SCOPED_TRACE(size);
    Bytes digest(size, 0xA5);
    Signature signature{};
    ASSERT_TRUE(crypto->SignEcdsa({Curve::kP256, pair.scalar, 1, 1}, digest, signature));
    EXPECT_EQ(crypto->VerifyEcdsa(Curve::kP256, pair.point, digest, signature), VerifyResult::kValid);
    digest.front() ^= 0x80U;
    EXPECT_EQ(crypto->VerifyEcdsa(Curve::kP256, pair.point, digest, signature), VerifyResult::kInvalid);
  }
}

TEST_F(Ecdsa, OnlyLeftmostBitsOfLongDigestCount) {
  const KeyPair pair = NewPair(Curve::kP256);
  Bytes digest(64, 0x11);
  Signature signature{};
  ASSERT_TRUE(crypto->SignEcdsa({Curve::kP256, pair.scalar, 1, 1}, digest, signature));
  digest.back() ^= 1U;
  EXPECT_EQ(crypto->VerifyEcdsa(Curve::kP256, pair.point, digest, signature), VerifyResult::kValid);
  EXPECT_EQ(crypto->VerifyEcdsa(Curve::kP256, pair.point, ByteView(digest).first(32), signature), VerifyResult::kValid);
  EXPECT_EQ(crypto->VerifyEcdsa(Curve::kP256, pair.point, ByteView(digest).first(31), signature),
            VerifyResult::kInvalid);
}

TEST_F(Ecdsa, RefusesEmptyDigest) {
  const KeyPair pair = NewPair(Curve::kP256);
  Signature signature{};
  EXPECT_FALSE(crypto->SignEcdsa({Curve::kP256, pair.scalar, 1, 1}, {}, signature));
  EXPECT_EQ(signature, Signature{});
  EXPECT_EQ(crypto->VerifyEcdsa(Curve::kP256, pair.point, {}, signature), VerifyResult::kError);
}

TEST_F(Ecdsa, RefusesOutputOfWrongLength) {
  const KeyPair pair = NewPair(Curve::kP256);
  const Bytes digest(32, 1);
  for (const std::size_t size : {0U, 63U, 65U, 72U}) {
    Bytes signature(size);
    EXPECT_FALSE(crypto->SignEcdsa({Curve::kP256, pair.scalar, 1, 1}, digest, signature)) << size;
    EXPECT_EQ(signature, Bytes(size));
  }
}

TEST_F(Ecdsa, RefusesScalarsThatAreNoKeys) {
  const Bytes digest(32, 1);
  for (const Curve curve : kCurves) {
    const Bytes order = Order(curve);
    Bytes above = order;
    ++above.back();
    for (const Bytes& scalar : {Bytes(32, 0), order, above, Bytes(32, 0xFF), Bytes(31, 1), Bytes(33, 1), Bytes{}}) {
      SCOPED_TRACE(ToHex(scalar));
      Signature signature{};
      Point point{};
      EXPECT_FALSE(crypto->SignEcdsa({curve, scalar, 9, 1}, digest, signature));
      EXPECT_EQ(signature, Signature{});
      EXPECT_FALSE(crypto->PublicPoint(curve, scalar, point));
      EXPECT_EQ(point, Point{});
    }
  }
}

TEST_F(Ecdsa, SmallestAndLargestScalarSign) {
  const Bytes digest(32, 1);
  for (const Curve curve : kCurves) {
    Bytes one(32, 0);
    one.back() = 1;
    Bytes largest = Order(curve);
    --largest.back();
    std::uint32_t generation = 0;
    for (const Bytes& scalar : {one, largest}) {
      Signature signature{};
      Point point{};
      ASSERT_TRUE(crypto->PublicPoint(curve, scalar, point));
      ASSERT_TRUE(crypto->SignEcdsa({curve, scalar, 1, ++generation}, digest, signature));
      EXPECT_EQ(crypto->VerifyEcdsa(curve, point, digest, signature), VerifyResult::kValid);
    }
  }
}

TEST_F(Ecdsa, RejectsHalvesOutOfRange) {
  for (const Curve curve : kCurves) {
    const KeyPair pair = NewPair(curve);
    const Bytes digest(32, 7);
    Signature good{};
    ASSERT_TRUE(crypto->SignEcdsa({curve, pair.scalar, 1, 1}, digest, good));
    const ByteView r = ByteView(good).first(32);
    const ByteView s = ByteView(good).last(32);
    ASSERT_EQ(crypto->VerifyEcdsa(curve, pair.point, digest, Joined(r, s)), VerifyResult::kValid);
    const Bytes order = Order(curve);
    for (const Bytes& bad : {Bytes(32, 0), order, Bytes(32, 0xFF)}) {
      SCOPED_TRACE(ToHex(bad));
      EXPECT_EQ(crypto->VerifyEcdsa(curve, pair.point, digest, Joined(bad, s)), VerifyResult::kInvalid);
      EXPECT_EQ(crypto->VerifyEcdsa(curve, pair.point, digest, Joined(r, bad)), VerifyResult::kInvalid);
      EXPECT_EQ(crypto->VerifyEcdsa(curve, pair.point, digest, Joined(bad, bad)), VerifyResult::kInvalid);
    }
    for (const std::size_t size : {0U, 1U, 63U}) {
      EXPECT_EQ(crypto->VerifyEcdsa(curve, pair.point, digest, ByteView(good).first(size)), VerifyResult::kInvalid);
    }
    EXPECT_EQ(crypto->VerifyEcdsa(curve, pair.point, digest, Joined(good, Bytes{0})), VerifyResult::kInvalid);
  }
}

TEST_F(Ecdsa, VerifyWithBadPublicKeyIsAnError) {
  const KeyPair pair = NewPair(Curve::kP256);
  const Bytes digest(32, 7);
  Signature signature{};
  ASSERT_TRUE(crypto->SignEcdsa({Curve::kP256, pair.scalar, 1, 1}, digest, signature));
  Point bad = pair.point;
  bad.back() ^= 1U;
  EXPECT_EQ(crypto->VerifyEcdsa(Curve::kP256, bad, digest, signature), VerifyResult::kError);
  EXPECT_EQ(crypto->VerifyEcdsa(Curve::kBrainpoolP256r1, pair.point, digest, signature), VerifyResult::kError);
  EXPECT_EQ(crypto->VerifyEcdsa(Curve::kP256, NewPair(Curve::kP256).point, digest, signature), VerifyResult::kInvalid);
}

TEST_F(Ecdsa, NewGenerationReplacesPreparedKey) {
  const Bytes digest(32, 3);
  const KeyPair first = NewPair(Curve::kP256);
  const KeyPair second = NewPair(Curve::kP256);
  Signature signature{};
  ASSERT_TRUE(crypto->SignEcdsa({Curve::kP256, first.scalar, 4, 1}, digest, signature));
  ASSERT_TRUE(crypto->SignEcdsa({Curve::kP256, second.scalar, 4, 2}, digest, signature));
  EXPECT_EQ(crypto->VerifyEcdsa(Curve::kP256, second.point, digest, signature), VerifyResult::kValid);
  EXPECT_EQ(crypto->VerifyEcdsa(Curve::kP256, first.point, digest, signature), VerifyResult::kInvalid);
}

TEST_F(Ecdsa, CurveIsPartOfThePreparedKeysName) {
  const Bytes digest(32, 3);
  const Bytes scalar(32, 0x42);
  for (const Curve curve : {Curve::kP256, Curve::kBrainpoolP256r1, Curve::kP256}) {
    Signature signature{};
    Point point{};
    ASSERT_TRUE(crypto->PublicPoint(curve, scalar, point));
    ASSERT_TRUE(crypto->SignEcdsa({curve, scalar, 4, 1}, digest, signature));
    EXPECT_EQ(crypto->VerifyEcdsa(curve, point, digest, signature), VerifyResult::kValid);
  }
}

#ifndef SIMROOT_TEST_MBEDTLS  // it prepares no keys
TEST_F(Ecdsa, ForgottenKeyIsImportedAgain) {
  const Bytes digest(32, 3);
  const KeyPair pair = NewPair(Curve::kP256);
  const Scalar zero{};
  Signature signature{};
  ASSERT_TRUE(crypto->SignEcdsa({Curve::kP256, pair.scalar, 5, 1}, digest, signature));
  // While the prepared form is known, the scalar is not looked at; afterwards it must be a key again.
  ASSERT_TRUE(crypto->SignEcdsa({Curve::kP256, zero, 5, 1}, digest, signature));
  crypto->ForgetKey(6);
  ASSERT_TRUE(crypto->SignEcdsa({Curve::kP256, zero, 5, 1}, digest, signature));
  crypto->ForgetKey(5);
  EXPECT_FALSE(crypto->SignEcdsa({Curve::kP256, zero, 5, 1}, digest, signature));
}
#endif

/// The pair made last may be kept prepared; nobody must be able to tell.
TEST_F(Ecdsa, ThePairMadeLastIsLikeAnyOther) {
  const Bytes digest(32, 3);
  for (const Curve curve : kCurves) {
    const KeyPair before = NewPair(curve);
    const KeyPair last = NewPair(curve);
    for (const KeyPair* const pair : {&last, &before, &last}) {
      Point point{};
      ASSERT_TRUE(crypto->PublicPoint(curve, pair->scalar, point));
      EXPECT_EQ(ToHex(point), ToHex(pair->point));
      Signature signature{};
      ASSERT_TRUE(crypto->SignEcdsa({curve, pair->scalar, 3, 1}, digest, signature));
      EXPECT_EQ(crypto->VerifyEcdsa(curve, pair->point, digest, signature), VerifyResult::kValid);
      ASSERT_TRUE(crypto->PublicPoint(curve, pair->scalar, point));
      EXPECT_EQ(ToHex(point), ToHex(pair->point));
      crypto->ForgetKey(3);
    }
    std::array<std::uint8_t, 64> short_point{};
    EXPECT_FALSE(crypto->PublicPoint(curve, NewPair(curve).scalar, short_point));
  }
}

TEST_F(Ecdsa, TheScalarMadeLastIsAnotherKeyOnAnotherCurve) {
  const Bytes digest(32, 3);
  Point point{};
  KeyPair pair = NewPair(Curve::kP256);
  while (!crypto->PublicPoint(Curve::kBrainpoolP256r1, pair.scalar, point)) {  // its order is a third less
    pair = NewPair(Curve::kP256);
  }
  EXPECT_NE(ToHex(point), ToHex(pair.point));
  Signature signature{};
  ASSERT_TRUE(crypto->SignEcdsa({Curve::kBrainpoolP256r1, pair.scalar, 3, 1}, digest, signature));
  EXPECT_EQ(crypto->VerifyEcdsa(Curve::kBrainpoolP256r1, point, digest, signature), VerifyResult::kValid);
}

TEST_F(Ecdsa, MoreKeysThanTheCacheHolds) {
  const Bytes digest(32, 3);
  std::vector<KeyPair> pairs;
  for (unsigned i = 0; i < 40; ++i) {
    pairs.push_back(NewPair(kCurves.at(i % 2)));
  }
  for (unsigned round = 0; round < 2; ++round) {
    for (std::uint16_t slot = 0; slot < pairs.size(); ++slot) {
      const Curve curve = kCurves.at(slot % 2U);
      Signature signature{};
      ASSERT_TRUE(crypto->SignEcdsa({curve, pairs.at(slot).scalar, slot, 1}, digest, signature));
      ASSERT_EQ(crypto->VerifyEcdsa(curve, pairs.at(slot).point, digest, signature), VerifyResult::kValid) << slot;
    }
  }
  // The first of forty has left the cache: its slot is empty and a scalar that is no key is noticed.
  Signature signature{};
  EXPECT_FALSE(crypto->SignEcdsa({Curve::kP256, Scalar{}, 0, 1}, digest, signature));
}

TEST_F(Ecdsa, TwoObjectsDoNotShareSlots) {
  const auto other = TestedCrypto::Create();
  ASSERT_NE(other, nullptr);
  const Bytes digest(32, 3);
  const KeyPair mine = NewPair(Curve::kP256);
  const KeyPair theirs = NewPair(Curve::kP256);
  Signature signature{};
  ASSERT_TRUE(crypto->SignEcdsa({Curve::kP256, mine.scalar, 1, 1}, digest, signature));
  ASSERT_TRUE(other->SignEcdsa({Curve::kP256, theirs.scalar, 1, 1}, digest, signature));
  EXPECT_EQ(crypto->VerifyEcdsa(Curve::kP256, theirs.point, digest, signature), VerifyResult::kValid);
}

}  // namespace
}  // namespace simroot::crypto
