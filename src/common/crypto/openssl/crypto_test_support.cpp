// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/openssl/crypto_test_support.hpp"

#include "vectors/vec_reader.hpp"

namespace simroot::crypto {

std::vector<simroot::testing::VecCase> CryptoTest::Vectors(const std::string& file) {
  auto cases = simroot::testing::ReadVecFile(std::string(SIMROOT_VECTORS) + "/crypto/" + file);
  EXPECT_TRUE(cases.has_value()) << file << " cannot be read or has a bad line";
  return cases.value_or(std::vector<simroot::testing::VecCase>{});
}

}  // namespace simroot::crypto
