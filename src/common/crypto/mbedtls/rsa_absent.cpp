// SPDX-License-Identifier: Apache-2.0
// A product without RSA: the functions are there and fail. Which of the two files is linked is a choice of CMake.
#include "common/crypto/mbedtls/mbedtls_crypto.hpp"

namespace simroot::crypto {

bool MbedTlsCrypto::GenerateRsa(ByteSpan /*der*/, std::size_t& /*der_size*/, ByteSpan /*modulus*/,
                                ByteSpan /*exponent*/) {
  return false;
}

bool MbedTlsCrypto::RsaPublicHalf(ByteView /*der*/, ByteSpan /*modulus*/, ByteSpan /*exponent*/) {
  return false;
}

bool MbedTlsCrypto::SignRsa(const RsaPrivateKey& /*key*/, RsaPadding /*padding*/, HashAlgorithm /*hash*/,
                            ByteView /*digest*/, ByteSpan /*signature*/) {
  return false;
}

VerifyResult MbedTlsCrypto::VerifyRsa(const RsaPublicKey& /*key*/, RsaPadding /*padding*/, HashAlgorithm /*hash*/,
                                      ByteView /*digest*/, ByteView /*signature*/) {
  return VerifyResult::kError;
}

bool MbedTlsCrypto::DecryptRsaOaep(const RsaPrivateKey& /*key*/, HashAlgorithm /*hash*/, ByteView /*ciphertext*/,
                                   ByteSpan /*message*/, std::size_t& /*size*/) {
  return false;
}

}  // namespace simroot::crypto
