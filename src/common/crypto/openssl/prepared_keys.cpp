// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/openssl/prepared_keys.hpp"

namespace simroot::crypto {
namespace {

/// Returns the context in `place`, making it with `init` if it is empty.
EVP_PKEY_CTX* Prepare(const Backend& backend, EVP_PKEY* key, EvpPkeyCtx& place, int (*init)(EVP_PKEY_CTX*)) {
  if (place == nullptr) {
    EvpPkeyCtx fresh(EVP_PKEY_CTX_new_from_pkey(backend.context(), key, nullptr));
    if (fresh == nullptr || init(fresh.get()) != 1) {
      return nullptr;
    }
    place = std::move(fresh);
  }
  return place.get();
}

}  // namespace

EVP_PKEY_CTX* PreparedKeys::ForSigning(const PrivateKey& key) {
  Entry* const entry = FindOrImport(key);
  return entry == nullptr ? nullptr : Prepare(backend_, entry->key.get(), entry->sign, EVP_PKEY_sign_init);
}

EVP_PKEY_CTX* PreparedKeys::ForAgreement(const PrivateKey& key) {
  Entry* const entry = FindOrImport(key);
  return entry == nullptr ? nullptr : Prepare(backend_, entry->key.get(), entry->derive, EVP_PKEY_derive_init);
}

void PreparedKeys::Forget(std::uint16_t slot) {
  for (Entry& entry : entries_) {
    if (entry.key != nullptr && entry.slot == slot) {
      entry = Entry{};
    }
  }
}

PreparedKeys::Entry* PreparedKeys::FindOrImport(const PrivateKey& key) {
  ++uses_;
  for (Entry& entry : entries_) {
    if (entry.key != nullptr && entry.slot == key.slot && entry.generation == key.generation &&
        entry.curve == key.curve) {
      entry.last_use = uses_;
      return &entry;
    }
  }
  Forget(key.slot);
  EvpPkey imported = backend_.MakePrivateKey(key.curve, key.scalar);
  if (imported == nullptr) {
    return nullptr;
  }
  Entry& entry = LeastRecentlyUsed();
  entry = Entry{key.slot, key.curve, key.generation, uses_, std::move(imported), nullptr, nullptr};
  return &entry;
}

PreparedKeys::Entry& PreparedKeys::LeastRecentlyUsed() {
  // Free entries have last_use 0, so they are found before any used one.
  return *std::ranges::min_element(entries_, {}, &Entry::last_use);
}

}  // namespace simroot::crypto
