// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/applet/object_store.hpp"
#include "common/crypto/port.hpp"

namespace simroot::card {

/// Numbers are counted per family, so that signature session 1 and verification session 1 never meet (spec 6.2).
enum class SessionFamily : std::uint8_t { kComputeSignature, kVerifySignature, kPutPublicKey };

/// A value that is longer than one command: the part that was announced and has not arrived (spec 6.3, style B).
struct Continuation {
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
  Continuation continuation;
  crypto::HashState hash_state;  ///< full text mode
  FixedBytes<80> key_data;       ///< PUT PUBLIC KEY: content of tag 34 so far
};

/// The sessions of one applet: a fixed number over all channels, families and numbers.
class SessionTable {
 public:
  static constexpr std::size_t kCapacity = 8;
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

 private:
  crypto::Crypto& crypto_;
  std::array<Session, kCapacity> sessions_{};
};

}  // namespace simroot::card
