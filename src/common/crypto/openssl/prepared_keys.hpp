// SPDX-License-Identifier: Apache-2.0
/// Private keys in the form OpenSSL signs with, kept so that a signature costs no import.
#pragma once

#include "common/crypto/openssl/backend.hpp"

namespace simroot::crypto {

/// A fixed number of prepared keys, named by slot, generation and curve. The one unused for longest makes room. A slot
/// has at most one prepared form: asking for another generation drops the stale one. Not safe for several threads.
class PreparedKeys {
 public:
  explicit PreparedKeys(const Backend& backend) : backend_(backend) {}

  /// A context after EVP_PKEY_sign_init, borrowed until the next call; nullptr if the key cannot be used.
  [[nodiscard]] EVP_PKEY_CTX* ForSigning(const PrivateKey& key);
  /// A context after EVP_PKEY_derive_init, borrowed until the next call; nullptr if the key cannot be used.
  [[nodiscard]] EVP_PKEY_CTX* ForAgreement(const PrivateKey& key);
  /// Wipes the prepared form of `slot`, if there is one.
  void Forget(std::uint16_t slot);

 private:
  static constexpr std::size_t kEntries = 16;

  struct Entry {
    std::uint16_t slot = 0;
    Curve curve = Curve::kP256;
    std::uint32_t generation = 0;
    std::uint64_t last_use = 0;
    EvpPkey key;  ///< empty: the entry is free
    EvpPkeyCtx sign;
    EvpPkeyCtx derive;
  };

  [[nodiscard]] Entry* FindOrImport(const PrivateKey& key);
  [[nodiscard]] Entry& LeastRecentlyUsed();

  const Backend& backend_;
  std::array<Entry, kEntries> entries_{};
  std::uint64_t uses_ = 0;
};

}  // namespace simroot::crypto
