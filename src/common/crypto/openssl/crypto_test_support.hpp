// SPDX-License-Identifier: Apache-2.0
/// Shared by the tests of this folder. All but those of isolation and of triple DES are compiled a second time for the
/// Mbed TLS backend, with SIMROOT_TEST_MBEDTLS (../mbedtls/CMakeLists.txt).
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#ifdef SIMROOT_TEST_MBEDTLS
#include "common/crypto/mbedtls/mbedtls_test_support.hpp"
#else
#include "common/crypto/openssl/openssl_crypto.hpp"
#endif
#include "common/host/hex.hpp"

namespace simroot::testing {
class VecCase;
}

namespace simroot::crypto {

/// The backend under test.
#ifdef SIMROOT_TEST_MBEDTLS
using TestedCrypto = MbedTlsOnHost;
#else
using TestedCrypto = OpenSslCrypto;
#endif

using Scalar = std::array<std::uint8_t, kP256ScalarSize>;
using Point = std::array<std::uint8_t, kP256PointSize>;
using Signature = std::array<std::uint8_t, kP256SignatureSize>;

struct KeyPair {
  Scalar scalar{};
  Point point{};
};

class CryptoTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(crypto, nullptr); }

  /// The cases of a file in tests/vectors/crypto; a file that cannot be read fails the test.
  [[nodiscard]] static std::vector<simroot::testing::VecCase> Vectors(const std::string& file);

  [[nodiscard]] KeyPair NewPair(Curve curve) {
    KeyPair pair;
    EXPECT_TRUE(crypto->GenerateKeyPair(curve, pair.scalar, pair.point));
    return pair;
  }

  [[nodiscard]] Bytes Digest(HashAlgorithm hash, ByteView message) {
    HashState state;
    Bytes digest(iotsafe::DigestSize(hash));
    EXPECT_TRUE(crypto->HashBegin(hash, state) && crypto->HashUpdate(state, message) &&
                crypto->HashFinish(state, digest));
    return digest;
  }

  std::unique_ptr<TestedCrypto> crypto = TestedCrypto::Create();
};

}  // namespace simroot::crypto
