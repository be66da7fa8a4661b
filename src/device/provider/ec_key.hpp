// SPDX-License-Identifier: Apache-2.0
/// Keys as this provider's EC key manager holds them.
#pragma once

#include <openssl/core_dispatch.h>

#include <atomic>

#include "device/provider/context.hpp"

namespace simroot::provider {

/// DER ECDSA-Sig-Value of a P-256 signature: its greatest length.
inline constexpr std::size_t kMaxSignatureSize = 72;

/// The private half of a key that stays on a card. Shared by keys and signature contexts, safe for several threads.
/// Holds no open card: the card opens itself at the first signature, in whatever process that is.
class CardKey {
 public:
  CardKey(std::shared_ptr<device::Card> card, device::ObjectName name, const device::Point& point)
      : card_(std::move(card)), name_(std::move(name)), point_(point) {}

  /// Signs a digest of DigestSize(hash) bytes on the card; DER. A card that refuses SHA-384 or SHA-512 is asked to sign
  /// the leftmost 256 bits as SHA-256, which is the same signature (FIPS 186-4 6.4: the digest is cut to the order).
  [[nodiscard]] Result<FixedBytes<iotsafe::kMaxDerSignatureSize>> Sign(iotsafe::HashAlgorithm hash, ByteView digest);

  /// "private key 01 of sim:card.bin", for messages.
  [[nodiscard]] std::string Text() const { return name_.Text() + " of " + card_->uri().text; }
  [[nodiscard]] bool SameKey(const CardKey& other) const { return point_ == other.point_; }

 private:
  std::shared_ptr<device::Card> card_;
  device::ObjectName name_;
  device::Point point_;
  std::atomic<bool> only_sha256_{false};
};

class EphemeralKey;

/// A key is passed from the store to the key manager as the bytes of a pointer to it.
inline constexpr std::size_t kKeyReferenceSize = sizeof(void*);

/// What libcrypto calls key data. Always has a libcrypto key in the provider's own context once it has content: the
/// whole key for a software key, the public half for a card key. Everything that needs no private key is done there.
struct EcKey {
  Context* context = nullptr;
  PkeyPtr software;               ///< null until the key gets its content
  int parts = 0;                  ///< OSSL_KEYMGMT_SELECT_ bits of what is there: private, public, domain parameters
  std::shared_ptr<CardKey> card;  ///< null for a software key
  std::shared_ptr<EphemeralKey> ephemeral;  ///< of a pair that the card made for one handshake; null for others

  /// True if the private half is not here.
  [[nodiscard]] bool OnCard() const { return card != nullptr || ephemeral != nullptr; }
  /// "private key 01 of sim:card.bin" for a key on a card.
  [[nodiscard]] std::string CardText() const;
  [[nodiscard]] const Core& core() const { return context->core(); }
};

/// A P-256 key whose private half is on `card`. @returns kProtocol if the point is not on the curve.
[[nodiscard]] Result<std::unique_ptr<EcKey>> MakeCardKey(Context& context, std::shared_ptr<device::Card> card,
                                                         const device::ObjectName& name, const device::Point& point);
/// A P-256 public key in software. @returns kProtocol if the point is not on the curve.
[[nodiscard]] Result<std::unique_ptr<EcKey>> MakePublicKey(Context& context, const device::Point& point);

/// Hands a key to libcrypto by reference (a STORE or DECODER object): the key manager's load function takes it. If
/// nobody did, the key is freed. @returns what the callback returned.
[[nodiscard]] int PassKey(std::unique_ptr<EcKey> key, OSSL_CALLBACK* callback, void* argument);

/// The libcrypto key of `key`, made from parameters as a key manager gets them. Null if they make no key.
[[nodiscard]] PkeyPtr KeyFromParams(const Context& context, int selection, const OSSL_PARAM* params);

}  // namespace simroot::provider
