// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/mbedtls/mbedtls_crypto.hpp"

#include "common/base/secret.hpp"

namespace simroot::crypto {
namespace {

/// The form in which the generator asks for a seed.
int FillFrom(void* entropy, unsigned char* out, std::size_t size) {
  return static_cast<Entropy*>(entropy)->Fill(ByteSpan(out, size)) ? 0 : MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED;
}

}  // namespace

MbedTlsCrypto::MbedTlsCrypto(Entropy& entropy) : entropy_(entropy) {
  mbedtls_ctr_drbg_init(&generator_);
}

MbedTlsCrypto::~MbedTlsCrypto() {
  mbedtls_ctr_drbg_free(&generator_);
}

bool MbedTlsCrypto::Start() {
  started_ = mbedtls_ctr_drbg_seed(&generator_, FillFrom, &entropy_, nullptr, 0) == 0;
  return started_;
}

bool MbedTlsCrypto::Random(ByteSpan out) {
  ByteSpan rest = out;
  while (started_ && !rest.empty()) {
    const ByteSpan part = rest.first(std::min<std::size_t>(rest.size(), MBEDTLS_CTR_DRBG_MAX_REQUEST));
    if (mbedtls_ctr_drbg_random(&generator_, part.data(), part.size()) != 0) {
      break;
    }
    rest = rest.subspan(part.size());
  }
  if (started_ && rest.empty()) {
    return true;
  }
  Wipe(out);
  return false;
}

void MbedTlsCrypto::ForgetKey(std::uint16_t /*slot*/) {}

}  // namespace simroot::crypto
