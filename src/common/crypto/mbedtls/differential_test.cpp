// SPDX-License-Identifier: Apache-2.0
// Two independent libraries agree: every function of the port, random inputs, both directions. The inputs come from a
// generator of the standard with a fixed seed, so a failure comes again.
#include <gtest/gtest.h>

#include <random>

#include "common/crypto/mbedtls/mbedtls_test_support.hpp"
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/hex.hpp"

namespace simroot::crypto {
namespace {

constexpr std::array kHashes{HashAlgorithm::kSha256, HashAlgorithm::kSha384, HashAlgorithm::kSha512};
constexpr std::array kCurves{Curve::kP256, Curve::kBrainpoolP256r1, Curve::kP384};
constexpr std::array kKeySizes{std::size_t{16}, std::size_t{24}, std::size_t{32}};

struct Pair {
  Bytes scalar;
  Bytes point;
};

class Differential : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(chip != nullptr && host != nullptr); }

  Bytes Draw(std::size_t size) {
    Bytes bytes(size);
    for (std::uint8_t& byte : bytes) {
      byte = LowByte(random());
    }
    return bytes;
  }
  std::size_t DrawBelow(std::size_t limit) { return random() % limit; }

  static Pair NewPair(Crypto& crypto, Curve curve) {
    Pair pair{Bytes(ScalarSize(curve)), Bytes(PointSize(curve))};
    EXPECT_TRUE(crypto.GenerateKeyPair(curve, pair.scalar, pair.point));
    return pair;
  }

  static Bytes Flip(Bytes bytes, std::size_t index) {
    bytes.at(index) ^= 1U;
    return bytes;
  }

  /// Both backends, each once as the first: what one makes the other takes.
  std::array<std::pair<Crypto*, Crypto*>, 2> BothWays() {
    return {std::pair<Crypto*, Crypto*>{chip.get(), host.get()}, {host.get(), chip.get()}};
  }

  std::mt19937 random{20240917U};
  std::unique_ptr<MbedTlsOnHost> chip = MbedTlsOnHost::Create();
  std::unique_ptr<OpenSslCrypto> host = OpenSslCrypto::Create();
};

TEST_F(Differential, KeyPairsAndPoints) {
  for (const Curve curve : kCurves) {
    for (const auto& [maker, judge] : BothWays()) {
      for (unsigned i = 0; i < 10; ++i) {
        const Pair pair = NewPair(*maker, curve);
        Bytes computed(pair.point.size());
        ASSERT_TRUE(judge->PublicPoint(curve, pair.scalar, computed));
        EXPECT_EQ(computed, pair.point);
        EXPECT_TRUE(judge->IsValidPoint(curve, pair.point));
        const Bytes off_curve = Flip(pair.point, 1 + DrawBelow(pair.point.size() - 1));
        EXPECT_FALSE(maker->IsValidPoint(curve, off_curve));
        EXPECT_FALSE(judge->IsValidPoint(curve, off_curve));
      }
    }
  }
}

TEST_F(Differential, Signatures) {
  for (const Curve curve : kCurves) {
    for (const auto& [signer, judge] : BothWays()) {
      const Pair pair = NewPair(*signer, curve);
      for (const std::size_t size : {std::size_t{20}, std::size_t{32}, std::size_t{48}, std::size_t{64}}) {
        const Bytes digest = Draw(size);
        Bytes signature(SignatureSize(curve));
        ASSERT_TRUE(signer->SignEcdsa({curve, pair.scalar, 1, 1}, digest, signature));
        EXPECT_EQ(judge->VerifyEcdsa(curve, pair.point, digest, signature), VerifyResult::kValid);
        for (Crypto* const each : {signer, judge}) {
          EXPECT_EQ(each->VerifyEcdsa(curve, pair.point, digest, Flip(signature, DrawBelow(signature.size()))),
                    VerifyResult::kInvalid);
          EXPECT_EQ(each->VerifyEcdsa(curve, pair.point, Flip(digest, 0), signature), VerifyResult::kInvalid);
          EXPECT_EQ(each->VerifyEcdsa(curve, pair.point, digest, ByteView(signature).first(signature.size() - 1)),
                    VerifyResult::kInvalid);
        }
      }
    }
  }
}

TEST_F(Differential, KeyAgreement) {
  for (const Curve curve : kCurves) {
    for (std::uint32_t i = 0; i < 10; ++i) {
      const Pair mine = NewPair(*chip, curve);
      const Pair peer = NewPair(*host, curve);
      Bytes at_chip(ScalarSize(curve));
      Bytes at_host(ScalarSize(curve));
      Bytes at_peer(ScalarSize(curve));
      ASSERT_TRUE(chip->Ecdh({curve, mine.scalar, 1, i}, peer.point, at_chip));
      ASSERT_TRUE(host->Ecdh({curve, mine.scalar, 1, i}, peer.point, at_host));
      ASSERT_TRUE(host->Ecdh({curve, peer.scalar, 2, i}, mine.point, at_peer));
      EXPECT_EQ(at_chip, at_host);
      EXPECT_EQ(at_chip, at_peer);
      EXPECT_FALSE(chip->Ecdh({curve, mine.scalar, 1, i}, Flip(peer.point, 5), at_chip));
      EXPECT_EQ(at_chip, Bytes(ScalarSize(curve)));
    }
  }
}

Bytes Finished(Crypto& crypto, HashAlgorithm hash, HashState& state, ByteView rest) {
  Bytes digest(iotsafe::DigestSize(hash));
  EXPECT_TRUE(crypto.HashUpdate(state, rest) && crypto.HashFinish(state, digest));
  return digest;
}

TEST_F(Differential, Hashes) {
  for (const HashAlgorithm hash : kHashes) {
    for (unsigned i = 0; i < 40; ++i) {
      const Bytes message = Draw(DrawBelow(700));
      const std::size_t cut = message.empty() ? 0 : DrawBelow(message.size());
      std::array<Bytes, 2> digests;
      std::size_t at = 0;
      for (Crypto* const each : {static_cast<Crypto*>(chip.get()), static_cast<Crypto*>(host.get())}) {
        HashState state;
        ASSERT_TRUE(each->HashBegin(hash, state));
        ASSERT_TRUE(each->HashUpdate(state, ByteView(message).first(cut)));
        digests.at(at++) = Finished(*each, hash, state, ByteView(message).subspan(cut));
      }
      EXPECT_EQ(digests.front(), digests.back());
    }
  }
}

TEST_F(Differential, ResumedHashes) {
  for (const HashAlgorithm hash : kHashes) {
    for (unsigned i = 0; i < 40; ++i) {
      const Bytes chaining = Draw(iotsafe::HashStateSize(hash));
      const auto count = static_cast<std::uint32_t>(DrawBelow(1U << 16U) * iotsafe::HashBlockSize(hash));
      const Bytes rest = Draw(DrawBelow(300));
      HashState at_chip;
      HashState at_host;
      ASSERT_TRUE(chip->HashResume(hash, chaining, count, at_chip));
      ASSERT_TRUE(host->HashResume(hash, chaining, count, at_host));
      EXPECT_EQ(Finished(*chip, hash, at_chip, rest), Finished(*host, hash, at_host, rest));
      EXPECT_FALSE(chip->HashResume(hash, chaining, count + 1, at_chip));
      EXPECT_FALSE(at_chip.running);
    }
  }
}

TEST_F(Differential, TlsPrf) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{12}, std::size_t{32}, std::size_t{33},
                                 std::size_t{48}, std::size_t{64}, std::size_t{255}}) {
    const Bytes secret = Draw(DrawBelow(150));
    const Bytes seed = Draw(DrawBelow(100));
    Bytes at_chip(size);
    Bytes at_host(size);
    ASSERT_EQ(chip->TlsPrfSha256(secret, seed, at_chip), host->TlsPrfSha256(secret, seed, at_host)) << size;
    EXPECT_EQ(at_chip, at_host) << size;
  }
}

TEST_F(Differential, HkdfExtract) {
  for (const HashAlgorithm hash : kHashes) {
    for (const std::size_t salt_size : {std::size_t{0}, std::size_t{1}, std::size_t{64}, std::size_t{200}}) {
      const Bytes salt = Draw(salt_size);
      const Bytes input = Draw(1 + DrawBelow(100));
      Bytes at_chip(iotsafe::DigestSize(hash));
      Bytes at_host(iotsafe::DigestSize(hash));
      ASSERT_TRUE(chip->HkdfExtract(hash, salt, input, at_chip));
      ASSERT_TRUE(host->HkdfExtract(hash, salt, input, at_host));
      EXPECT_EQ(at_chip, at_host);
      Bytes wrong(at_chip.size() + 1);
      EXPECT_FALSE(chip->HkdfExtract(hash, salt, input, wrong));
    }
  }
}

TEST_F(Differential, AesCbcAndCtr) {
  for (const std::size_t key_size : kKeySizes) {
    for (const std::size_t blocks : {std::size_t{1}, std::size_t{2}, std::size_t{17}}) {
      const Bytes key = Draw(key_size);
      Bytes iv = Draw(kAesBlockSize);
      const Bytes in = Draw(blocks * kAesBlockSize);
      Bytes at_chip(in.size());
      Bytes at_host(in.size());
      for (const Direction direction : {Direction::kEncrypt, Direction::kDecrypt}) {
        ASSERT_TRUE(chip->AesCbc(direction, key, iv, in, at_chip));
        ASSERT_TRUE(host->AesCbc(direction, key, iv, in, at_host));
        EXPECT_EQ(at_chip, at_host);
        Bytes in_place = in;
        ASSERT_TRUE(chip->AesCbc(direction, key, iv, in_place, in_place));
        EXPECT_EQ(in_place, at_chip);
      }
      std::fill(iv.begin() + 1, iv.end(), std::uint8_t{0xFF});  // the carry goes through the whole counter
      const Bytes odd = Draw(in.size() - 3);
      at_chip.resize(odd.size());
      at_host.resize(odd.size());
      ASSERT_TRUE(chip->AesCtr(key, iv, odd, at_chip));
      ASSERT_TRUE(host->AesCtr(key, iv, odd, at_host));
      EXPECT_EQ(at_chip, at_host);
    }
  }
}

TEST_F(Differential, AesGcm) {
  for (const std::size_t key_size : kKeySizes) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{16}, std::size_t{75}}) {
      for (const auto& [sender, receiver] : BothWays()) {
        const Bytes key = Draw(key_size);
        const Bytes nonce = Draw(kGcmNonceSize);
        const Bytes aad = Draw(DrawBelow(40));
        const Bytes text = Draw(size);
        Bytes sealed(size);
        Bytes tag(kGcmTagSize);
        Bytes opened(size);
        ASSERT_TRUE(sender->AesGcmEncrypt(key, nonce, aad, text, sealed, tag));
        ASSERT_TRUE(receiver->AesGcmDecrypt(key, nonce, aad, sealed, tag, opened));
        EXPECT_EQ(opened, text);
        EXPECT_FALSE(receiver->AesGcmDecrypt(key, nonce, aad, sealed, Flip(tag, DrawBelow(tag.size())), opened));
        EXPECT_EQ(opened, Bytes(size));
        EXPECT_FALSE(receiver->AesGcmDecrypt(key, Flip(nonce, 3), aad, sealed, tag, opened));
      }
    }
  }
}

TEST_F(Differential, AesCmac) {
  for (const std::size_t key_size : kKeySizes) {
    for (unsigned i = 0; i < 20; ++i) {
      const Bytes key = Draw(key_size);
      const Bytes message = Draw(DrawBelow(100));
      const std::size_t cut = message.empty() ? 0 : DrawBelow(message.size());
      const std::array pieces{ByteView(message).first(cut), ByteView(message).subspan(cut), ByteView()};
      Bytes at_chip(kAesBlockSize);
      Bytes at_host(kAesBlockSize);
      ASSERT_TRUE(chip->AesCmac(key, pieces, at_chip));
      ASSERT_TRUE(host->AesCmac(key, pieces, at_host));
      EXPECT_EQ(at_chip, at_host);
    }
  }
}

TEST_F(Differential, AesRefusesWrongLengths) {
  const Bytes block(16);
  Bytes out(16);
  Bytes longer(17);
  for (Crypto* const each : {static_cast<Crypto*>(chip.get()), static_cast<Crypto*>(host.get())}) {
    for (const std::size_t key_size : {0U, 15U, 17U, 31U, 33U}) {
      const Bytes key(key_size);
      EXPECT_FALSE(each->AesCbc(Direction::kEncrypt, key, block, block, out)) << key_size;
      EXPECT_FALSE(each->AesCtr(key, block, block, out)) << key_size;
      EXPECT_FALSE(each->AesCmac(key, {}, out)) << key_size;
      EXPECT_FALSE(each->AesGcmEncrypt(key, Bytes(12), {}, {}, {}, out)) << key_size;
    }
    EXPECT_FALSE(each->AesCbc(Direction::kEncrypt, block, Bytes(15), block, out));
    EXPECT_FALSE(each->AesCbc(Direction::kEncrypt, block, block, longer, longer));
    EXPECT_FALSE(each->AesCbc(Direction::kEncrypt, block, block, block, longer));
    EXPECT_FALSE(each->AesCtr(block, longer, block, out));
    EXPECT_FALSE(each->AesCmac(block, {}, longer));
    EXPECT_FALSE(each->AesGcmEncrypt(block, Bytes(13), {}, {}, {}, out));
    EXPECT_FALSE(each->AesGcmDecrypt(block, Bytes(12), {}, {}, Bytes(15), {}));
  }
}

struct RsaPair {
  Bytes der = Bytes(kMaxRsaPrivateSize);
  Bytes modulus = Bytes(kRsaSize);
  Bytes exponent = Bytes(kRsaExponentSize);
};

class DifferentialRsa : public Differential {
 protected:
  static RsaPair Make(Crypto& crypto) {
    RsaPair pair;
    std::size_t size = 0;
    EXPECT_TRUE(crypto.GenerateRsa(pair.der, size, pair.modulus, pair.exponent));
    pair.der.resize(size);
    EXPECT_EQ(pair.exponent, (Bytes{1, 0, 1}));
    return pair;
  }
};

TEST_F(DifferentialRsa, KeysAndSignatures) {
  for (const auto& [signer, judge] : BothWays()) {
    const RsaPair pair = Make(*signer);
    Bytes modulus(kRsaSize);
    Bytes exponent(kRsaExponentSize);
    ASSERT_TRUE(judge->RsaPublicHalf(pair.der, modulus, exponent));
    EXPECT_EQ(modulus, pair.modulus);
    EXPECT_EQ(exponent, pair.exponent);
    const RsaPublicKey public_key{pair.modulus, pair.exponent};
    for (const RsaPadding padding : {RsaPadding::kPkcs1, RsaPadding::kPss}) {
      for (const HashAlgorithm hash : kHashes) {
        const Bytes digest = Draw(iotsafe::DigestSize(hash));
        Bytes signature(kRsaSize);
        ASSERT_TRUE(signer->SignRsa({pair.der, 1, 1}, padding, hash, digest, signature));
        for (Crypto* const each : {signer, judge}) {
          EXPECT_EQ(each->VerifyRsa(public_key, padding, hash, digest, signature), VerifyResult::kValid);
          EXPECT_EQ(each->VerifyRsa(public_key, padding, hash, digest, Flip(signature, DrawBelow(kRsaSize))),
                    VerifyResult::kInvalid);
          EXPECT_EQ(each->VerifyRsa(public_key, padding, hash, Flip(digest, 0), signature), VerifyResult::kInvalid);
          const RsaPadding other = padding == RsaPadding::kPss ? RsaPadding::kPkcs1 : RsaPadding::kPss;
          EXPECT_EQ(each->VerifyRsa(public_key, other, hash, digest, signature), VerifyResult::kInvalid);
        }
      }
    }
  }
}

TEST_F(DifferentialRsa, RefusesDamagedKeys) {
  const RsaPair pair = Make(*chip);
  Bytes modulus(kRsaSize);
  Bytes exponent(kRsaExponentSize);
  Bytes signature(kRsaSize);
  const Bytes digest(32, 7);
  Bytes longer = pair.der;
  longer.push_back(0);
  for (Crypto* const each : {static_cast<Crypto*>(chip.get()), static_cast<Crypto*>(host.get())}) {
    EXPECT_FALSE(each->RsaPublicHalf(ByteView(pair.der).first(pair.der.size() - 1), modulus, exponent));
    EXPECT_FALSE(each->RsaPublicHalf(longer, modulus, exponent));
    EXPECT_FALSE(each->RsaPublicHalf({}, modulus, exponent));
    EXPECT_FALSE(each->RsaPublicHalf(Flip(pair.der, 40), modulus, exponent));  // in the modulus
    EXPECT_FALSE(each->SignRsa({Bytes(10), 3, 1}, RsaPadding::kPss, HashAlgorithm::kSha256, digest, signature));
    EXPECT_FALSE(
        each->SignRsa({pair.der, 4, 1}, RsaPadding::kPss, HashAlgorithm::kSha384, digest, signature));  // digest short
  }
}

TEST_F(DifferentialRsa, OaepRefusesWhatIsNoCiphertext) {
  const RsaPair pair = Make(*host);
  for (const auto& [first, second] : BothWays()) {
    Bytes message(kRsaSize, 0xEE);
    std::size_t size = 0;
    Bytes ciphertext = Draw(kRsaSize);
    ciphertext.front() = 0;  // below the modulus
    EXPECT_FALSE(first->DecryptRsaOaep({pair.der, 1, 1}, HashAlgorithm::kSha256, ciphertext, message, size));
    EXPECT_FALSE(second->DecryptRsaOaep({pair.der, 1, 1}, HashAlgorithm::kSha256,
                                        ByteView(ciphertext).first(kRsaSize - 1), message, size));
    EXPECT_EQ(size, 0U);
  }
}

}  // namespace
}  // namespace simroot::crypto
