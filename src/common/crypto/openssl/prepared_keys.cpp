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
    if (entry.key != nullptr && entry.name.slot == slot) {
      entry = Entry{};
    }
  }
}

EVP_PKEY* PreparedKeys::ForRsa(const RsaPrivateKey& key) {
  const Name name{key.slot, key.generation, std::nullopt};
  Entry* entry = Find(name);
  if (entry == nullptr) {
    Forget(key.slot);
    entry = Keep(name, backend_.MakeRsaPrivateKey(key.der));
  }
  return entry == nullptr ? nullptr : entry->key.get();
}

PreparedKeys::Entry* PreparedKeys::FindOrImport(const PrivateKey& key) {
  const Name name{key.slot, key.generation, key.curve};
  if (Entry* const entry = Find(name)) {
    return entry;
  }
  Forget(key.slot);
  if (Made(key.curve, key.scalar) != nullptr) {
    made_.scalar.Clear();
    return Keep(name, std::move(made_.key));
  }
  return Keep(name, backend_.MakePrivateKey(key.curve, key.scalar));
}

void PreparedKeys::KeepMade(Curve curve, ByteView scalar, EvpPkey pair) {
  made_.curve = curve;
  made_.key = made_.scalar.Assign(scalar) ? std::move(pair) : nullptr;
}

EVP_PKEY* PreparedKeys::Made(Curve curve, ByteView scalar) const {
  const ByteView made = made_.scalar.Reveal(InsecureReveal::kForCrypto);
  const bool same = made_.key != nullptr && made_.curve == curve && SameSecret(made, scalar);
  return same ? made_.key.get() : nullptr;
}

PreparedKeys::Entry* PreparedKeys::Find(const Name& name) {
  ++uses_;
  for (Entry& entry : entries_) {
    if (entry.key != nullptr && entry.name == name) {
      entry.last_use = uses_;
      return &entry;
    }
  }
  return nullptr;
}

PreparedKeys::Entry* PreparedKeys::Keep(const Name& name, EvpPkey imported) {
  if (imported == nullptr) {
    return nullptr;
  }
  Entry& entry = LeastRecentlyUsed();
  entry = Entry{name, uses_, std::move(imported), nullptr, nullptr};
  return &entry;
}

PreparedKeys::Entry& PreparedKeys::LeastRecentlyUsed() {
  // Free entries have last_use 0, so they are found before any used one.
  return *std::ranges::min_element(entries_, {}, &Entry::last_use);
}

}  // namespace simroot::crypto
