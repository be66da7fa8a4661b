// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/crypto/openssl/backend.hpp"

namespace simroot::crypto {

/// The hash half of the port: EVP from the start of a message, Mbed TLS from a chaining value. Keeps a few wiped EVP
/// contexts, so that short hashes (HMAC makes four of them) cost no heap. Not safe for several threads.
class HashEngine {
 public:
  explicit HashEngine(const Backend& backend) : backend_(backend) {}

  [[nodiscard]] bool Begin(HashAlgorithm hash, HashState& state);
  [[nodiscard]] bool Resume(HashAlgorithm hash, ByteView chaining_value, std::uint32_t hashed_bytes, HashState& state);
  [[nodiscard]] bool Update(HashState& state, ByteView data);
  /// Ends the hash, whatever it returns.
  [[nodiscard]] bool Finish(HashState& state, ByteSpan digest);
  void Abort(HashState& state);

 private:
  static constexpr std::size_t kSpares = 4;

  [[nodiscard]] EvpMdCtx Take();
  void GiveBack(EvpMdCtx context);

  const Backend& backend_;
  std::array<EvpMdCtx, kSpares> spares_{};
};

}  // namespace simroot::crypto
