// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>

#include "common/base/bytes.hpp"

namespace simroot::server {

/// SipHash-2-4 (Aumasson, Bernstein): a short hash under a key. Whoever does not know the key cannot choose inputs that
/// collide, so peers cannot make look-ups slow.
class SipHash {
 public:
  SipHash() = default;
  SipHash(std::uint64_t key_low, std::uint64_t key_high) : key_low_(key_low), key_high_(key_high) {}

  [[nodiscard]] constexpr std::uint64_t operator()(ByteView bytes) const {
    State s{key_low_ ^ 0x736F6D6570736575U, key_high_ ^ 0x646F72616E646F6DU, key_low_ ^ 0x6C7967656E657261U,
            key_high_ ^ 0x7465646279746573U};
    const std::uint64_t last = static_cast<std::uint64_t>(bytes.size()) << 56U;
    while (bytes.size() >= 8) {
      s.Absorb(LittleEndian(bytes.first(8)));
      bytes = bytes.subspan(8);
    }
    s.Absorb(last | LittleEndian(bytes));
    s.v2 ^= 0xFFU;
    for (int round = 0; round < 4; ++round) {
      s.Round();
    }
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
  }

 private:
  struct State {
    std::uint64_t v0, v1, v2, v3;

    constexpr void Round() {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
    constexpr void Absorb(std::uint64_t word) {
      v3 ^= word;
      Round();
      Round();
      v0 ^= word;
    }
  };

  /// Up to eight bytes.
  [[nodiscard]] static constexpr std::uint64_t LittleEndian(ByteView bytes) {
    std::uint64_t word = 0;
    for (std::size_t i = bytes.size(); i > 0; --i) {
      word = (word << 8U) | bytes[i - 1];
    }
    return word;
  }

  std::uint64_t key_low_ = 0;
  std::uint64_t key_high_ = 0;
};

}  // namespace simroot::server
