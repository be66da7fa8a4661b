// SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>

#include "common/crypto/openssl/crypto_test_support.hpp"
#include "common/host/test_hex.hpp"
#include "vectors/vec_reader.hpp"

namespace simroot::crypto {
namespace {

constexpr std::array<std::size_t, 6> kBadKeySizes{0, 15, 17, 23, 31, 33};

class Ciphers : public CryptoTest {
 protected:
  [[nodiscard]] Bytes Mac(ByteView key, ByteView message) {
    Bytes mac(16);
    const std::array pieces{message};
    EXPECT_TRUE(crypto->AesCmac(key, pieces, mac));
    return mac;
  }
};

TEST_F(Ciphers, CbcAgreesWithNist) {
  for (const auto& vec : Vectors("aes_cbc.vec")) {
    SCOPED_TRACE(vec.name());
    const Bytes plain = vec.Get("Plain");
    const Bytes cipher = vec.Get("Cipher");
    Bytes out(plain.size());
    ASSERT_TRUE(crypto->AesCbc(Direction::kEncrypt, vec.Get("Key"), vec.Get("Iv"), plain, out));
    EXPECT_EQ(ToHex(out), ToHex(cipher));
    // In place, and back.
    ASSERT_TRUE(crypto->AesCbc(Direction::kDecrypt, vec.Get("Key"), vec.Get("Iv"), out, out));
    EXPECT_EQ(ToHex(out), ToHex(plain));
    Bytes key = vec.Get("Key");
    key.back() ^= 1U;
    ASSERT_TRUE(crypto->AesCbc(Direction::kEncrypt, key, vec.Get("Iv"), plain, out));
    EXPECT_NE(ToHex(out), ToHex(cipher));
  }
}

TEST_F(Ciphers, CbcRefusesWrongLengths) {
  const Bytes key(16, 1);
  const Bytes iv(16);
  Bytes out(32, 0xEE);
  for (const Direction direction : {Direction::kEncrypt, Direction::kDecrypt}) {
    for (const std::size_t size : kBadKeySizes) {
      EXPECT_FALSE(crypto->AesCbc(direction, Bytes(size), iv, Bytes(32), out)) << size;
    }
    for (const std::size_t size : {0U, 15U, 17U}) {
      EXPECT_FALSE(crypto->AesCbc(direction, key, Bytes(size), Bytes(32), out)) << size;
    }
    for (const std::size_t size : {1U, 15U, 17U, 31U}) {
      Bytes same(size);
      EXPECT_FALSE(crypto->AesCbc(direction, key, iv, Bytes(size), same)) << size;
    }
    for (const std::size_t size : {0U, 16U, 48U}) {
      EXPECT_FALSE(crypto->AesCbc(direction, key, iv, Bytes(size), out)) << size;
    }
    EXPECT_TRUE(crypto->AesCbc(direction, key, iv, {}, {}));
  }
  EXPECT_EQ(out, Bytes(32, 0xEE));
}

TEST_F(Ciphers, CtrAgreesWithNist) {
  for (const auto& vec : Vectors("aes_ctr.vec")) {
    SCOPED_TRACE(vec.name());
    const Bytes plain = vec.Get("Plain");
    for (const std::size_t size : {std::size_t{1}, std::size_t{15}, std::size_t{17}, plain.size()}) {
      Bytes out(size);
      ASSERT_TRUE(crypto->AesCtr(vec.Get("Key"), vec.Get("Iv"), ByteView(plain).first(size), out));
      EXPECT_EQ(ToHex(out), ToHex(ByteView(vec.Get("Cipher")).first(size)));
      ASSERT_TRUE(crypto->AesCtr(vec.Get("Key"), vec.Get("Iv"), out, out));
      EXPECT_EQ(ToHex(out), ToHex(ByteView(plain).first(size)));
    }
  }
}

TEST_F(Ciphers, CtrCountsAsOneNumber) {
  const Bytes key(16, 0x42);
  Bytes two(32);
  Bytes one(16);
  ASSERT_TRUE(crypto->AesCtr(key, Bytes(16, 0xFF), Bytes(32), two));
  ASSERT_TRUE(crypto->AesCtr(key, Bytes(16), Bytes(16), one));
  EXPECT_TRUE(SameBytes(ByteView(two).last(16), one));
}

TEST_F(Ciphers, CtrRefusesWrongLengths) {
  Bytes out(8, 0xEE);
  for (const std::size_t size : kBadKeySizes) {
    EXPECT_FALSE(crypto->AesCtr(Bytes(size), Bytes(16), Bytes(8), out)) << size;
  }
  EXPECT_FALSE(crypto->AesCtr(Bytes(16), Bytes(15), Bytes(8), out));
  EXPECT_FALSE(crypto->AesCtr(Bytes(16), Bytes(17), Bytes(8), out));
  EXPECT_FALSE(crypto->AesCtr(Bytes(16), Bytes(16), Bytes(7), out));
  EXPECT_FALSE(crypto->AesCtr(Bytes(16), Bytes(16), Bytes(9), out));
  EXPECT_EQ(out, Bytes(8, 0xEE));
}

TEST_F(Ciphers, GcmAgreesWithItsSpecification) {
  for (const auto& vec : Vectors("aes_gcm.vec")) {
    SCOPED_TRACE(vec.name());
    const Bytes key = vec.Get("Key");
    const Bytes nonce = vec.Get("Iv");
    const Bytes aad = vec.Get("Aad");
    const Bytes plain = vec.Get("Plain");
    Bytes out(plain.size());
    Bytes tag(16);
    ASSERT_TRUE(crypto->AesGcmEncrypt(key, nonce, aad, plain, out, tag));
    EXPECT_EQ(ToHex(out), ToHex(vec.Get("Cipher")));
    EXPECT_EQ(ToHex(tag), ToHex(vec.Get("Tag")));
    ASSERT_TRUE(crypto->AesGcmDecrypt(key, nonce, aad, out, tag, out));
    EXPECT_EQ(ToHex(out), ToHex(plain));
  }
}

TEST_F(Ciphers, GcmRefusesEveryFlippedBit) {
  const Bytes key(32, 7);
  const Bytes nonce(12, 1);
  const Bytes aad = Counting(5);
  const Bytes plain = Counting(20);
  Bytes cipher(20);
  Bytes tag(16);
  ASSERT_TRUE(crypto->AesGcmEncrypt(key, nonce, aad, plain, cipher, tag));
  const auto refused = [&](const Bytes& k, const Bytes& n, const Bytes& a, const Bytes& c, const Bytes& t) {
    Bytes out(c.size(), 0xEE);
    return !crypto->AesGcmDecrypt(k, n, a, c, t, out) && out == Bytes(c.size());
  };
  const auto flipped = [](Bytes bytes, std::size_t at) {
    bytes.at(at) ^= 0x01U;
    return bytes;
  };
  for (std::size_t i = 0; i < 32; ++i) {
    EXPECT_TRUE(refused(flipped(key, i), nonce, aad, cipher, tag)) << i;
  }
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_TRUE(refused(key, flipped(nonce, i), aad, cipher, tag)) << i;
  }
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_TRUE(refused(key, nonce, flipped(aad, i), cipher, tag)) << i;
  }
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_TRUE(refused(key, nonce, aad, flipped(cipher, i), tag)) << i;
  }
  for (std::size_t i = 0; i < 16; ++i) {
    EXPECT_TRUE(refused(key, nonce, aad, cipher, flipped(tag, i))) << i;
  }
  EXPECT_TRUE(refused(key, nonce, {}, cipher, tag));
  EXPECT_TRUE(refused(key, nonce, aad, Bytes(cipher.begin(), cipher.end() - 1), tag));
}

TEST_F(Ciphers, GcmRefusesWrongLengths) {
  Bytes out(8, 0xEE);
  Bytes tag(16, 0xEE);
  for (const std::size_t size : kBadKeySizes) {
    EXPECT_FALSE(crypto->AesGcmEncrypt(Bytes(size), Bytes(12), {}, Bytes(8), out, tag)) << size;
    EXPECT_FALSE(crypto->AesGcmDecrypt(Bytes(size), Bytes(12), {}, Bytes(8), tag, out)) << size;
  }
  for (const std::size_t size : {0U, 8U, 11U, 13U, 16U}) {
    EXPECT_FALSE(crypto->AesGcmEncrypt(Bytes(16), Bytes(size), {}, Bytes(8), out, tag)) << size;
    EXPECT_FALSE(crypto->AesGcmDecrypt(Bytes(16), Bytes(size), {}, Bytes(8), tag, out)) << size;
  }
  for (const std::size_t size : {0U, 4U, 12U, 15U, 17U}) {
    Bytes other(size);
    EXPECT_FALSE(crypto->AesGcmEncrypt(Bytes(16), Bytes(12), {}, Bytes(8), out, other)) << size;
    EXPECT_FALSE(crypto->AesGcmDecrypt(Bytes(16), Bytes(12), {}, Bytes(8), other, out)) << size;
  }
  EXPECT_FALSE(crypto->AesGcmEncrypt(Bytes(16), Bytes(12), {}, Bytes(7), out, tag));
  EXPECT_FALSE(crypto->AesGcmDecrypt(Bytes(16), Bytes(12), {}, Bytes(9), tag, out));
  EXPECT_EQ(out, Bytes(8, 0xEE));
  EXPECT_EQ(tag, Bytes(16, 0xEE));
}

TEST_F(Ciphers, CmacAgreesWithNist) {
  for (const auto& vec : Vectors("aes_cmac.vec")) {
    SCOPED_TRACE(vec.name());
    const Bytes key = vec.Get("Key");
    const Bytes message = vec.Get("Message");
    const std::string expected = ToHex(vec.Get("Mac"));
    EXPECT_EQ(ToHex(Mac(key, message)), expected);
    for (std::size_t cut = 0; cut <= message.size(); ++cut) {  // the pieces do not matter, only their sum
      const ByteView whole(message);
      const std::array pieces{whole.first(cut), ByteView(), whole.subspan(cut)};
      Bytes mac(16);
      ASSERT_TRUE(crypto->AesCmac(key, pieces, mac));
      ASSERT_EQ(ToHex(mac), expected) << cut;
    }
    if (!message.empty()) {
      Bytes flipped = message;
      flipped.front() ^= 0x80U;
      EXPECT_NE(ToHex(Mac(key, flipped)), expected);
      EXPECT_NE(ToHex(Mac(key, ByteView(message).first(message.size() - 1))), expected);
    }
  }
}

/// CMAC as OpenSSL makes it.
Bytes MacOfOpenSsl(ByteView key, ByteView message) {
  Bytes mac(16);
  std::size_t length = 0;
  const std::string cipher = "AES-" + std::to_string(8 * key.size()) + "-CBC";
  EXPECT_NE(EVP_Q_mac(nullptr, "CMAC", nullptr, cipher.c_str(), nullptr, key.data(), key.size(), message.data(),
                      message.size(), mac.data(), mac.size(), &length),
            nullptr);
  return mac;
}

TEST_F(Ciphers, CmacAgreesWithOpenSslForEveryLength) {
  for (const std::size_t key_size : {16U, 24U, 32U}) {
    for (std::size_t size = 0; size <= 300; ++size) {
      Bytes key = Counting(key_size);
      key.front() = LowByte(size);
      const Bytes message = Counting(size);
      ASSERT_EQ(ToHex(Mac(key, message)), ToHex(MacOfOpenSsl(key, message))) << key_size << " " << size;
    }
    for (const std::size_t size : {1023U, 1024U, 1025U, 2047U, 2048U, 2049U, 5000U}) {
      const Bytes key = Counting(key_size);
      const Bytes message = Counting(size);
      ASSERT_EQ(ToHex(Mac(key, message)), ToHex(MacOfOpenSsl(key, message))) << key_size << " " << size;
      const std::array pieces{ByteView(message).first(1000), ByteView(message).subspan(1000)};
      Bytes mac(16);
      ASSERT_TRUE(crypto->AesCmac(key, pieces, mac));
      ASSERT_EQ(ToHex(mac), ToHex(MacOfOpenSsl(key, message))) << key_size << " " << size;
    }
  }
}

TEST_F(Ciphers, CallsInTurnDoNotDisturbEachOther) {
  // Contexts are shared by all calls: each must begin with its own key, vector and direction.
  const Bytes key_a(16, 0xA1);
  const Bytes key_b(16, 0xB2);
  const Bytes iv(16, 0x33);
  const Bytes plain = Counting(48);
  Bytes first(48);
  Bytes out(48);
  ASSERT_TRUE(crypto->AesCbc(Direction::kEncrypt, key_a, iv, plain, first));
  const Bytes mac_a = Mac(key_a, plain);
  for (int turn = 0; turn < 3; ++turn) {
    EXPECT_NE(Mac(key_b, plain), mac_a);
    ASSERT_TRUE(crypto->AesCbc(Direction::kDecrypt, key_b, iv, plain, out));
    ASSERT_TRUE(crypto->AesCbc(Direction::kEncrypt, key_b, Bytes(16), plain, out));
    EXPECT_NE(out, first);
    EXPECT_FALSE(crypto->AesCbc(Direction::kEncrypt, key_b, iv, Bytes(15), out));
    EXPECT_EQ(Mac(key_a, plain), mac_a);
    ASSERT_TRUE(crypto->AesCbc(Direction::kEncrypt, key_a, iv, plain, out));
    EXPECT_EQ(out, first);
    ASSERT_TRUE(crypto->AesCbc(Direction::kDecrypt, key_a, iv, first, out));
    EXPECT_EQ(out, plain);
  }
}

TEST_F(Ciphers, CmacRefusesWrongLengths) {
  Bytes mac(16, 0xEE);
  const std::array message{ByteView(mac)};
  for (const std::size_t size : kBadKeySizes) {
    Bytes out(16, 0xEE);
    EXPECT_FALSE(crypto->AesCmac(Bytes(size), message, out)) << size;
    EXPECT_EQ(out, Bytes(16, 0xEE));
  }
  for (const std::size_t size : {0U, 8U, 15U, 17U}) {
    Bytes out(size, 0xEE);
    EXPECT_FALSE(crypto->AesCmac(Bytes(16), message, out)) << size;
    EXPECT_EQ(out, Bytes(size, 0xEE));
  }
}

}  // namespace
}  // namespace simroot::crypto
