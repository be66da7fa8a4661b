// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/host/identity.hpp"
#include "card/store/object_store.hpp"
#include "common/crypto/port.hpp"
#include "common/host/card_keys.hpp"

namespace simroot::card {

/// Versions of the key sets that a new card has: one for SCP03, one kept for SCP80.
inline constexpr std::uint8_t kFactoryScp03Version = 0x30;
inline constexpr std::uint8_t kFactoryScp80Version = 0x01;

/// Fills the empty store of a security domain: card numbers, and two key sets made at random, `key_size` bytes a key
/// (16, 24 or 32). Adds the sets to `made`. False if the store or the generator fails.
[[nodiscard]] bool SetUpSecurityDomain(ObjectStore& store, crypto::Crypto& crypto, const CardIdentity& identity,
                                       std::size_t key_size, std::list<CardKeys>& made);

}  // namespace simroot::card
