// SPDX-License-Identifier: Apache-2.0
/// Private keys in the form OpenSSL signs with, kept so that a signature costs no import.
#pragma once

#include <optional>

#include "common/base/secret.hpp"
#include "common/crypto/openssl/backend.hpp"

namespace simroot::crypto {

/// A fixed number of prepared keys, named by slot, generation and kind. The one unused for longest makes room. A slot
/// has at most one prepared form: asking for another generation drops the stale one. Not safe for several threads.
class PreparedKeys {
 public:
  explicit PreparedKeys(const Backend& backend) : backend_(backend) {}

  /// A context after EVP_PKEY_sign_init, borrowed until the next call; nullptr if the key cannot be used.
  [[nodiscard]] EVP_PKEY_CTX* ForSigning(const PrivateKey& key);
  /// A context after EVP_PKEY_derive_init, borrowed until the next call; nullptr if the key cannot be used.
  [[nodiscard]] EVP_PKEY_CTX* ForAgreement(const PrivateKey& key);
  /// The RSA key, borrowed until the next call; nullptr if it cannot be used. Making a context for each operation costs
  /// little beside the operation.
  [[nodiscard]] EVP_PKEY* ForRsa(const RsaPrivateKey& key);
  /// Keeps a pair just made until it is used first, so that this costs no import either. It belongs to no slot yet:
  /// Forget does not find it, but the next pair takes its place.
  void KeepMade(Curve curve, ByteView scalar, EvpPkey pair);
  /// The pair kept by KeepMade, borrowed until the next call; nullptr if there is none with this scalar.
  [[nodiscard]] EVP_PKEY* Made(Curve curve, ByteView scalar) const;
  /// Wipes the prepared form of `slot`, if there is one.
  void Forget(std::uint16_t slot);

 private:
  static constexpr std::size_t kEntries = 16;

  /// What a prepared key is found by.
  struct Name {
    std::uint16_t slot = 0;
    std::uint32_t generation = 0;
    std::optional<Curve> curve;  ///< nothing: RSA

    friend bool operator==(const Name&, const Name&) = default;
  };
  struct Entry {
    Name name;
    std::uint64_t last_use = 0;
    EvpPkey key;  ///< empty: the entry is free
    EvpPkeyCtx sign;
    EvpPkeyCtx derive;
  };

  struct MadePair {
    Curve curve = Curve::kP256;
    SecretArray<kMaxScalarSize> scalar;
    EvpPkey key;  ///< empty: there is none
  };

  [[nodiscard]] Entry* FindOrImport(const PrivateKey& key);
  [[nodiscard]] Entry* Find(const Name& name);
  /// Keeps a key just imported; nullptr if there is none.
  [[nodiscard]] Entry* Keep(const Name& name, EvpPkey imported);
  [[nodiscard]] Entry& LeastRecentlyUsed();

  const Backend& backend_;
  std::array<Entry, kEntries> entries_{};
  MadePair made_;
  std::uint64_t uses_ = 0;
};

}  // namespace simroot::crypto
