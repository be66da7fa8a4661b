// SPDX-License-Identifier: Apache-2.0
/// Pre-shared keys in memory: sealed under a key that lives as long as the directory.
#pragma once

#include <memory>

#include "common/crypto/openssl/backend.hpp"
#include "common/host/error.hpp"
#include "common/host/secret_bytes.hpp"
#include "server/directory/siphash.hpp"

namespace simroot::server {

/// AES-256-GCM with a counter as nonce: 24 bytes more than the key. Open and Decoy may be called from any thread.
class PskSeal {
 public:
  static constexpr std::size_t kOverhead = 8 + 16;

  [[nodiscard]] static Result<std::unique_ptr<PskSeal>> Create();
  ~PskSeal();
  PskSeal(const PskSeal&) = delete;
  PskSeal& operator=(const PskSeal&) = delete;

  /// @param out psk.size() + kOverhead bytes. One thread at a time.
  [[nodiscard]] bool Seal(std::int64_t id, ByteView psk, ByteSpan out);
  [[nodiscard]] Result<SecretBytes> Open(std::int64_t id, ByteView sealed) const;
  /// 32 bytes that only the name determines.
  [[nodiscard]] SecretBytes Decoy(ByteView identity) const;
  /// A hash under a key of its own.
  [[nodiscard]] const SipHash& hash() const { return hash_; }

 private:
  /// On pages of their own, which are neither swapped nor dumped where the system allows that.
  struct Keys {
    std::array<std::uint8_t, 32> seal;
    std::array<std::uint8_t, 32> decoy;
  };

  PskSeal(const crypto::Backend& backend, Keys* keys, std::size_t mapped)
      : backend_(backend), keys_(keys), mapped_(mapped) {}
  [[nodiscard]] bool MakeKeys();

  const crypto::Backend& backend_;
  Keys* keys_;
  std::size_t mapped_;
  std::uint64_t next_nonce_ = 0;
  SipHash hash_;
};

}  // namespace simroot::server
