// SPDX-License-Identifier: Apache-2.0
/// What a security domain and an application it personalises know of each other (GlobalPlatform: INSTALL [for
/// personalization], then STORE DATA).
#pragma once

#include "common/base/bytes.hpp"
#include "common/wire/status_word.hpp"

namespace simroot::card {

/// Deciphers key values that travel under the data encryption key of the secured session's key set, besides the
/// enciphering of the session itself.
class KeyUnwrapper {
 public:
  /// AES-CBC with IV zero (GlobalPlatform Amendment D, 6.2.8). @param enciphered whole blocks of 16 bytes. @param clear
  /// as long; may be the same memory. False without such a key.
  [[nodiscard]] virtual bool Unwrap(ByteView enciphered, ByteSpan clear) = 0;

 protected:
  ~KeyUnwrapper() = default;
};

/// One STORE DATA command, free of secure messaging.
struct StoreDataBlock {
  ByteView data;
  std::uint8_t number = 0;  ///< P2, counted from 00
  bool last = false;        ///< P1 bit 8
};

/// An application with content that its security domain loads and manages.
class Personalisable {
 public:
  /// Runs one STORE DATA command. The caller has authenticated the other end; without that this is never called.
  [[nodiscard]] virtual wire::StatusWord StoreData(const StoreDataBlock& block, KeyUnwrapper& keys,
                                                   ByteWriter& response) = 0;
  /// The secured session is over, for whatever reason: what was not committed is forgotten.
  virtual void EndPersonalisation() = 0;

 protected:
  ~Personalisable() = default;
};

}  // namespace simroot::card
