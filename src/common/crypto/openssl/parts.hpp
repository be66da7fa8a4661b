// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/crypto/openssl/aes_engine.hpp"
#include "common/crypto/openssl/hash_engine.hpp"
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/crypto/openssl/prepared_keys.hpp"

namespace simroot::crypto {

/// What one OpenSslCrypto holds; its functions are spread over several sources.
struct OpenSslCrypto::Parts {
  explicit Parts(const Backend& shared) : backend(shared), keys(shared), hashes(shared), aes(shared) {}

  const Backend& backend;
  PreparedKeys keys;
  HashEngine hashes;
  AesEngine aes;
};

}  // namespace simroot::crypto
