// SPDX-License-Identifier: Apache-2.0
/// Checks and ciphers of secured packets. Used inside this folder only.
#pragma once

#include "common/crypto/port.hpp"
#include "common/secure/scp80_security.hpp"

namespace simroot::secure {

/// CRC-16 of ISO/IEC 3309 (reflected, polynomial 8408, "123456789" gives 906E).
class Crc16 {
 public:
  constexpr void Add(ByteView bytes) {
    for (const std::uint8_t byte : bytes) {
      register_ ^= byte;
      for (int bit = 0; bit < 8; ++bit) {
        register_ = (register_ >> 1U) ^ (0x8408U & (0U - (register_ & 1U)));
      }
    }
  }
  [[nodiscard]] constexpr std::uint16_t value() const { return static_cast<std::uint16_t>(~register_ & 0xFFFFU); }

 private:
  std::uint32_t register_ = 0xFFFFU;
};

/// Bytes of a block.
[[nodiscard]] constexpr std::size_t BlockSize(Scp80Algorithm algorithm) {
  return algorithm == Scp80Algorithm::kAes ? crypto::kAesBlockSize : crypto::kDesBlockSize;
}

/// Whether `key` goes with an algorithm that may be used. @returns kUnsupported or kKey.
[[nodiscard]] Expected<void, Scp80Error> JudgeKey(Scp80Algorithm algorithm, ByteView key, bool legacy);

/// Ciphers whole blocks under a key that JudgeKey has accepted; initial vector zero. @param out as long as `in`; may be
/// the same memory. False if the backend fails.
[[nodiscard]] bool CipherBlocks(crypto::Crypto& crypto, crypto::Direction direction, Scp80Algorithm algorithm,
                                ByteView key, ByteView in, ByteSpan out);

/// The cryptographic check under a key that JudgeKey has accepted. @param check 4 or 8 bytes. False if the backend
/// fails.
[[nodiscard]] bool ComputeMac(crypto::Crypto& crypto, Scp80Algorithm algorithm, ByteView key, crypto::ByteViews message,
                              ByteSpan check);

}  // namespace simroot::secure
