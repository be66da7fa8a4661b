// SPDX-License-Identifier: Apache-2.0
#include "card/applet/nonces.hpp"

#include <string_view>

#include "common/base/secret.hpp"

namespace simroot::card {
namespace {

/// What the fixed part of a GCM nonce is derived from, under the key itself.
constexpr std::string_view kLabel = "simroot GCM nonce";
constexpr std::size_t kFixedSize = 4;

void PutU64(std::uint64_t value, ByteWriter& out) {
  out.PutU32(static_cast<std::uint32_t>(value >> 32U));
  out.PutU32(static_cast<std::uint32_t>(value & 0xFFFFFFFFU));
}

/// A number from 1 to 2^63: half of all numbers are left to count with.
[[nodiscard]] Expected<std::uint64_t, StoreError> DrawFirstNumber(crypto::Crypto& crypto) {
  std::array<std::uint8_t, 8> drawn{};
  std::uint32_t high = 0;
  std::uint32_t low = 0;
  ByteReader reader(drawn);
  if (!crypto.Random(drawn) || !reader.ReadU32(high) || !reader.ReadU32(low)) {
    return Unexpected(StoreError::kMemory);
  }
  return ((static_cast<std::uint64_t>(high) << 32U | low) >> 1U) + 1;
}

}  // namespace

Expected<std::uint64_t, StoreError> TakeNonceNumber(ObjectStore& store, crypto::Crypto& crypto,
                                                    const StoredObject& key) {
  if (store.Counter(key) == 0) {
    const auto first = DrawFirstNumber(crypto);
    if (!first) {
      return first;
    }
    if (const auto set = store.SetCounter(key, *first); !set) {
      return Unexpected(set.error());
    }
  }
  return store.TakeNumbers(key, 1);
}

bool PutGcmNonce(crypto::Crypto& crypto, ByteView key, std::uint64_t number, ByteSpan nonce) {
  std::array<std::uint8_t, kLabel.size()> label{};
  std::ranges::copy(kLabel, label.begin());
  std::array<std::uint8_t, crypto::kAesBlockSize> mac{};
  const std::array message{ByteView(label)};
  if (nonce.size() != crypto::kGcmNonceSize || !crypto.AesCmac(key, message, mac)) {
    return false;
  }
  ByteWriter writer(nonce);
  writer.PutBytes(ByteView(mac).first(kFixedSize));
  PutU64(number, writer);
  Wipe(mac);
  return writer.ok();
}

bool PutFirstCounter(std::uint64_t number, ByteSpan block) {
  if (block.size() != crypto::kAesBlockSize) {
    return false;
  }
  ByteWriter writer(block);
  PutU64(number, writer);
  PutU64(0, writer);
  return writer.ok();
}

}  // namespace simroot::card
