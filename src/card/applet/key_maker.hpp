// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/store/object_store.hpp"
#include "common/base/secret.hpp"
#include "common/wire/status_word.hpp"

namespace simroot::card {

/// Makes key pairs in containers of any key type. The memory it works in is given by its owner, because only RSA keys
/// need much of it.
class KeyMaker {
 public:
  /// @param scratch crypto::kMaxRsaPrivateSize bytes, wiped after use; shorter: no RSA keys are made.
  KeyMaker(ObjectStore& store, crypto::Crypto& crypto, ByteSpan scratch = {})
      : store_(store), crypto_(crypto), scratch_(scratch) {}

  void UseScratch(ByteSpan scratch) { scratch_ = scratch; }

  /// Makes a pair of the private container's type and prepares both halves for `writer`; the caller commits. The types
  /// of both containers must be the same. @returns 9000; 6985 for a type that has no pair, or without memory for RSA;
  /// 6A84 without room; 6984 if the other writer holds one of them; 6F00 if the backend fails. On failure nothing of
  /// this pair's values may be committed: the caller discards.
  [[nodiscard]] wire::StatusWord Prepare(const StoredObject& private_key, const StoredObject& public_key,
                                         StoreWriter writer);

 private:
  [[nodiscard]] wire::StatusWord PrepareCurve(const StoredObject& private_key, const StoredObject& public_key,
                                              crypto::Curve curve, StoreWriter writer);
  [[nodiscard]] wire::StatusWord PrepareRsa(const StoredObject& private_key, const StoredObject& public_key,
                                            StoreWriter writer);
  [[nodiscard]] wire::StatusWord Stage(const StoredObject& private_key, ByteView secret, const StoredObject& public_key,
                                       ByteView open, StoreWriter writer);

  ObjectStore& store_;
  crypto::Crypto& crypto_;
  ByteSpan scratch_;
};

/// The one place where an error of the store becomes a status word.
[[nodiscard]] constexpr wire::StatusWord ToStatusWord(StoreError error) {
  switch (error) {
    case StoreError::kFull:
    case StoreError::kDuplicate:
      return wire::StatusWord::kInsufficientMemory;
    case StoreError::kBusy:
      return wire::StatusWord::kReferencedDataInvalidated;
    case StoreError::kMemory:
      break;
  }
  return wire::StatusWord::kIntegrityIssue;
}

}  // namespace simroot::card
