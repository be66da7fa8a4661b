// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "common/crypto/openssl/openssl_crypto.hpp"

namespace simroot::platform {

/// Crypto objects that many sessions share: a session keeps to one of them, whose mutex it holds while it computes.
class CryptoPool {
 public:
  struct Place {
    std::mutex mutex;
    std::unique_ptr<crypto::OpenSslCrypto> crypto;
  };

  /// nullptr if OpenSSL cannot be used.
  [[nodiscard]] static std::unique_ptr<CryptoPool> Create(std::size_t size) {
    auto pool = std::unique_ptr<CryptoPool>(new CryptoPool);
    for (std::size_t i = 0; i < size; ++i) {
      auto place = std::make_unique<Place>();
      place->crypto = crypto::OpenSslCrypto::Create();
      if (!place->crypto) {
        return nullptr;
      }
      pool->places_.push_back(std::move(place));
    }
    return pool;
  }
  /// Lives as long as the pool. In turn.
  [[nodiscard]] Place& Next() { return *places_.at(next_.fetch_add(1) % places_.size()); }

 private:
  CryptoPool() = default;
  std::vector<std::unique_ptr<Place>> places_;
  std::atomic<std::size_t> next_ = 0;
};

}  // namespace simroot::platform
