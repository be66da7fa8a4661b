// SPDX-License-Identifier: Apache-2.0
// The expected structures are read by OpenSSL, which knows nothing of this code.
#include "device/x509/public_key_info.hpp"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>

namespace simroot::device::x509 {
namespace {

using iotsafe::KeyType;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeKey>;

Bytes Number(EVP_PKEY* key, const char* name, std::size_t size) {
  BIGNUM* number = nullptr;
  EXPECT_EQ(EVP_PKEY_get_bn_param(key, name, &number), 1);
  Bytes bytes(size);
  EXPECT_EQ(BN_bn2binpad(number, bytes.data(), static_cast<int>(size)), static_cast<int>(size));
  BN_free(number);
  return bytes;
}

Bytes Der(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  EXPECT_GT(size, 0);
  Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

struct CurveCase {
  KeyType type;
  const char* name;
  std::size_t size;
};
constexpr std::array kCurveCases{
    CurveCase{KeyType::kP256Persistent, "prime256v1", 91}, CurveCase{KeyType::kP256Volatile, "prime256v1", 91},
    CurveCase{KeyType::kBrainpoolP256Persistent, "brainpoolP256r1", 92},
    CurveCase{KeyType::kP384Persistent, "secp384r1", 120}, CurveCase{KeyType::kP384Volatile, "secp384r1", 120}};

class PublicKeyInfo : public testing::TestWithParam<CurveCase> {
 protected:
  PublicKeyInfo() : pkey_(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", GetParam().name)) {
    std::size_t size = 0;
    EVP_PKEY_get_octet_string_param(pkey_.get(), OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0, &size);
    key_.type = GetParam().type;
    key_.point.resize(size);
    EVP_PKEY_get_octet_string_param(pkey_.get(), OSSL_PKEY_PARAM_PUB_KEY, key_.point.data(), size, &size);
  }
  KeyPtr pkey_;
  PublicKey key_;
};

TEST_P(PublicKeyInfo, OfACurveIsWhatOpenSslWrites) {
  const Bytes info = EncodePublicKeyInfo(key_);
  EXPECT_EQ(info, Der(pkey_.get()));
  EXPECT_EQ(info.size(), GetParam().size);
  const auto point = PointInPublicKeyInfo(info);
  ASSERT_TRUE(point);
  EXPECT_TRUE(SameBytes(*point, key_.point));
}

TEST_P(PublicKeyInfo, OfAPointOfAnotherLengthIsEmpty) {
  key_.point.pop_back();
  EXPECT_TRUE(EncodePublicKeyInfo(key_).empty());
  key_.point.resize(key_.point.size() + 2);
  EXPECT_TRUE(EncodePublicKeyInfo(key_).empty());
  key_.point.clear();
  EXPECT_TRUE(EncodePublicKeyInfo(key_).empty());
}

TEST_P(PublicKeyInfo, IsNotReadWhenDamaged) {
  const Bytes good = EncodePublicKeyInfo(key_);
  Bytes info = good;
  info.pop_back();
  EXPECT_FALSE(PointInPublicKeyInfo(info)) << "short";
  info = good;
  info.push_back(0);
  EXPECT_FALSE(PointInPublicKeyInfo(info)) << "long";
  // Everything before the coordinates has one possible value.
  for (std::size_t i = 0; i < good.size() - key_.point.size() + 1; ++i) {
    info = good;
    info[i] ^= 1;
    EXPECT_FALSE(PointInPublicKeyInfo(info)) << "byte " << i;
  }
  EXPECT_FALSE(PointInPublicKeyInfo({}));
}

INSTANTIATE_TEST_SUITE_P(Curves, PublicKeyInfo, testing::ValuesIn(kCurveCases),
                         [](const auto& of) { return std::string(of.param.name) + std::to_string(of.index); });

TEST(RsaPublicKeyInfo, IsWhatOpenSslWrites) {
  const KeyPtr pkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}));
  PublicKey key;
  key.type = KeyType::kRsa2048;
  key.modulus = Number(pkey.get(), OSSL_PKEY_PARAM_RSA_N, 256);
  key.exponent = Number(pkey.get(), OSSL_PKEY_PARAM_RSA_E, 3);
  const Bytes info = EncodePublicKeyInfo(key);
  EXPECT_EQ(info, Der(pkey.get()));
  EXPECT_EQ(info.size(), 294U);
  EXPECT_FALSE(PointInPublicKeyInfo(info));
  key.exponent = Bytes(8, 0xFF);
  EXPECT_EQ(EncodePublicKeyInfo(key).size(), 300U) << "the longest exponent, with a zero in front";
  key.exponent = Bytes(9, 0x01);
  EXPECT_TRUE(EncodePublicKeyInfo(key).empty());
  key.exponent.clear();
  EXPECT_TRUE(EncodePublicKeyInfo(key).empty());
  key.exponent = {1, 0, 1};
  key.modulus.pop_back();
  EXPECT_TRUE(EncodePublicKeyInfo(key).empty());
}

TEST(RsaPublicKeyInfo, OfASecretKeyIsEmpty) {
  EXPECT_TRUE(EncodePublicKeyInfo({KeyType::kAes, {}, {}, {}}).empty());
}

}  // namespace
}  // namespace simroot::device::x509
