// SPDX-License-Identifier: Apache-2.0
/// Nonces that no two encryptions under one key share.
#pragma once

#include "card/store/object_store.hpp"
#include "common/crypto/port.hpp"

namespace simroot::card {

/// A number for one encryption under `key`, from its counter (ObjectStore::TakeNumbers): never given twice, whatever
/// happens to the power. The first number of an object is drawn at random, so that two cards, or an object deleted and
/// made again, do not go through the same numbers under the same key.
[[nodiscard]] Expected<std::uint64_t, StoreError> TakeNonceNumber(ObjectStore& store, crypto::Crypto& crypto,
                                                                  const StoredObject& key);

/// Writes a nonce for AES-GCM: four bytes that depend on the key value, and the number.
/// @param nonce crypto::kGcmNonceSize bytes. @returns false if the backend fails.
[[nodiscard]] bool PutGcmNonce(crypto::Crypto& crypto, ByteView key, std::uint64_t number, ByteSpan nonce);

/// Writes the first counter block for AES-CTR: the number and eight bytes that count blocks, from 0.
/// @param block crypto::kAesBlockSize bytes. @returns false if it has another size.
[[nodiscard]] bool PutFirstCounter(std::uint64_t number, ByteSpan block);

}  // namespace simroot::card
