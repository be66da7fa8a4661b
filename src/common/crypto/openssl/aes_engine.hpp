// SPDX-License-Identifier: Apache-2.0
/// AES-CBC and AES-CMAC on contexts that are made once: setting up a context costs several times the ciphering of a
/// packet.
#pragma once

#include "common/crypto/openssl/backend.hpp"

namespace simroot::crypto {

/// One context per key size and direction, made at first use. After every call the context is keyed with zeros, so
/// that no key stays behind in it. One thread at a time.
class AesEngine {
 public:
  explicit AesEngine(const Backend& backend) : backend_(backend) {}

  /// As Crypto::AesCbc.
  [[nodiscard]] bool Cbc(Direction direction, ByteView key, ByteView iv, ByteView in, ByteSpan out);
  /// As Crypto::AesCmac: SP 800-38B on top of CBC.
  [[nodiscard]] bool Cmac(ByteView key, ByteViews message, ByteSpan mac);

 private:
  /// nullptr for a key that is no AES key, or if OpenSSL fails.
  [[nodiscard]] EVP_CIPHER_CTX* Context(Direction direction, std::size_t key_size);

  const Backend& backend_;
  std::array<std::array<EvpCipherCtx, 3>, 2> contexts_{};
};

}  // namespace simroot::crypto
