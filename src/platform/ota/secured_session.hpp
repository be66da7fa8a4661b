// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "common/host/secret_bytes.hpp"
#include "common/secure/scp03_host.hpp"
#include "platform/ota/crypto_pool.hpp"
#include "platform/ota/secured_channel.hpp"

namespace simroot::platform {

/// Commands that may be on their way to a card before their answers are known: one round trip.
inline constexpr std::size_t kMaxBatch = 64;

/// SCP03 in batches, with everything enciphered and checked both ways (level 33), S8. One thread at a time.
class SecuredSession final : public SecuredChannel {
 public:
  static constexpr std::size_t kChallengeSize = 8;  ///< bytes of the host's challenge

  explicit SecuredSession(CryptoPool& pool) : place_(pool.Next()), host_(*place_.crypto, pending_) {}

  /// What a card says of itself before it has proved anything.
  struct Offer {
    std::uint8_t key_version = 0;
    std::optional<std::uint32_t> sequence;  ///< nothing: its challenge is random, it keeps no counter
  };

  /// INITIALIZE UPDATE with a fresh challenge. @param key_version 00: what the card takes by itself.
  [[nodiscard]] Outcome<Bytes> Hello(std::uint8_t key_version);
  /// Takes up what somebody else has begun. @param challenge of the INITIALIZE UPDATE for key version 00, 8 bytes.
  /// It is not ours and perhaps not new: only the card's sequence number makes such a session fresh.
  [[nodiscard]] Outcome<void> TakeUp(ByteView challenge);
  /// kDenied if this is no answer to INITIALIZE UPDATE.
  [[nodiscard]] static Outcome<Offer> ReadOffer(ByteView answer);
  /// Judges the card and gives EXTERNAL AUTHENTICATE, which must not be sent before the card's sequence number is
  /// noted for good. kDenied if the card does not have these keys, or the sequence number is not the one that its
  /// challenge was made from: the field is under no check of its own. @param aid of the security domain.
  [[nodiscard]] Outcome<Bytes> Authenticate(const CardKeyBytes& keys, ByteView aid, ByteView answer);
  /// SHA-256. Empty if the crypto fails.
  [[nodiscard]] Bytes Hash(ByteView bytes);
  /// False if the generator fails.
  [[nodiscard]] bool Random(ByteSpan out);
  /// PUT KEY of a whole set in place of `replaced`.
  [[nodiscard]] Outcome<PutKeyCommand> PutKey(std::uint8_t replaced, std::uint8_t version, const CardKeyBytes& keys);

  [[nodiscard]] Outcome<Bytes> Secure(const CardCommand& command) override;
  [[nodiscard]] Outcome<Bytes> Open(ByteView data, std::uint16_t sw) override;
  [[nodiscard]] Outcome<Bytes> EncipherKey(ByteView clear) override;

 private:
  [[nodiscard]] bool CameFrom(std::uint32_t sequence, ByteView enc, ByteView aid, ByteView challenge);

  CryptoPool::Place& place_;
  std::array<secure::Scp03Pending, kMaxBatch> pending_{};
  secure::Scp03Host host_;
  SecretArray<secure::kMaxAesKeySize> dek_;
};

}  // namespace simroot::platform
