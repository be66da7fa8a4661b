// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/crypto/port.hpp"

namespace simroot::card {

using AesBlock = std::array<std::uint8_t, crypto::kAesBlockSize>;

/// What AES keeps between two pieces of one message: 33 bytes of a session. May hold plaintext; its owner wipes it by
/// overwriting it.
struct BlockBuffer {
  AesBlock chain{};            ///< CBC, CMAC: the ciphertext block before. CTR: the counter block in use. GCM: nonce
  AesBlock held{};             ///< CBC, CMAC: input that waits for more. GCM: the tag that is expected
  std::uint8_t held_size = 0;  ///< CBC, CMAC: bytes held. CTR: bytes used of the counter block

  [[nodiscard]] ByteView held_bytes() const { return ByteView(held).first(held_size); }

  /// Moves as much of `in` as has room behind the held bytes.
  void Fill(ByteView& in) {
    const std::size_t room = held.size() - held_size;
    const ByteView piece = in.first(std::min(room, in.size()));
    std::ranges::copy(piece, ByteSpan(held).subspan(held_size).begin());
    held_size = LowByte(held_size + piece.size());
    in = in.subspan(piece.size());
  }
};

}  // namespace simroot::card
