// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/applet/block_buffer.hpp"
#include "card/applet/features.hpp"
#include "card/applet/usage_check.hpp"
#include "card/store/object_store.hpp"
#include "common/crypto/port.hpp"
#include "common/iotsafe/extensions.hpp"

namespace simroot::card {

/// Numbers are counted per family, so that signature session 1 and verification session 1 never meet (spec 6.2).
enum class SessionFamily : std::uint8_t {
  kComputeSignature,
  kVerifySignature,
  kPutPublicKey,
  kHash,  ///< without a key; one per channel
  kEncrypt,
  kDecrypt,
};

/// A value that is longer than one command: the part that was announced and has not arrived (spec 6.3, style B).
struct Continuation {
  std::uint8_t tag = 0;
  std::size_t outstanding = 0;  ///< bytes still to come; 0: the next command starts with a tag
};

/// One crypto session between INIT and its last UPDATE.
struct Session {
  bool open = false;
  std::uint8_t channel = 0;
  SessionFamily family = SessionFamily::kComputeSignature;
  std::uint8_t number = 0;
  std::uint16_t slot = 0;        ///< of the key in the store
  std::uint32_t generation = 0;  ///< of the key at INIT; another one at UPDATE ends the session
  iotsafe::OperationMode mode = iotsafe::OperationMode::kPadAndSign;
  iotsafe::HashAlgorithm hash = iotsafe::HashAlgorithm::kSha256;
  iotsafe::SignatureAlgorithm algorithm = iotsafe::SignatureAlgorithm::kEcdsa;
  Continuation continuation;
  UsageCheck usage;                                        ///< full text mode
  crypto::HashState hash_state;                            ///< full text mode
  iotsafe::CipherMode cipher = iotsafe::CipherMode::kGcm;  ///< ENCRYPT, DECRYPT
  BlockBuffer blocks;                                      ///< ENCRYPT, DECRYPT, AES-CMAC
};

/// What must be whole before it can be used and comes in several commands: a public key (content of tag 34) or a
/// signature to be verified (content of tag 33), and the digest that came before the signature; the ciphertext of
/// RSA-OAEP; the additional authenticated data of AES-GCM.
struct ChainedData {
  FixedBytes<280> bytes;
  FixedBytes<crypto::kMaxDigestSize> digest;
};

/// The sessions of one applet: a fixed number over all channels, families and numbers. One of them at a time has
/// chained data, because memory is short on a card.
class SessionTable {
 public:
  static constexpr std::size_t kCapacity = kFeatures.sessions;
  static constexpr std::uint8_t kMaxNumber = 0x0F;

  explicit SessionTable(crypto::Crypto& crypto) : crypto_(crypto) {}
  SessionTable(const SessionTable&) = delete;
  SessionTable& operator=(const SessionTable&) = delete;
  ~SessionTable() { EndAll(); }

  [[nodiscard]] Session* Find(std::uint8_t channel, SessionFamily family, std::uint8_t number);
  /// A new, open session; nullptr if all are in use.
  [[nodiscard]] Session* Open(std::uint8_t channel, SessionFamily family, std::uint8_t number);
  /// Ends a session and wipes what it held.
  void End(Session& session);
  void EndChannel(std::uint8_t channel);
  void EndAll();

  /// The chained data of `session`, from now on if it had none. Another session that had it ends: the newest wins, so
  /// that a client that has gone away never stands in the way.
  [[nodiscard]] ChainedData& ClaimChain(Session& session);
  /// The chained data of `session`, or nullptr if it has none.
  [[nodiscard]] const ChainedData* ChainOf(const Session& session) const {
    return chain_owner_ == &session ? &chain_ : nullptr;
  }

 private:
  void ReleaseChain();

  crypto::Crypto& crypto_;
  std::array<Session, kCapacity> sessions_{};
  Session* chain_owner_ = nullptr;
  ChainedData chain_;
};

}  // namespace simroot::card
