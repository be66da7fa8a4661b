// SPDX-License-Identifier: Apache-2.0
/// What an application has opened, and what it is in the middle of.
#pragma once

#include <deque>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "device/pkcs11/mechanism.hpp"
#include "device/pkcs11/slot.hpp"

namespace simroot::pkcs11 {

/// A hash on the host, ended when it goes out of scope.
class RunningHash {
 public:
  RunningHash(crypto::Crypto& crypto, iotsafe::HashAlgorithm hash) : crypto_(crypto), hash_(hash) {}
  ~RunningHash() { crypto_.HashAbort(state_); }
  RunningHash(const RunningHash&) = delete;
  RunningHash& operator=(const RunningHash&) = delete;

  [[nodiscard]] bool Begin() { return crypto_.HashBegin(hash_, state_); }
  [[nodiscard]] bool Update(ByteView text) { return crypto_.HashUpdate(state_, text); }
  [[nodiscard]] RvOr<Bytes> Finish();
  [[nodiscard]] iotsafe::HashAlgorithm hash() const { return hash_; }
  [[nodiscard]] std::size_t size() const { return iotsafe::DigestSize(hash_); }

 private:
  crypto::Crypto& crypto_;
  iotsafe::HashAlgorithm hash_;
  crypto::HashState state_;
};

/// One operation with a key: signing, verifying, decrypting, or the messages of an AES-GCM key.
struct KeyOperation {
  ObjectPtr key;
  Mechanism mechanism;
  std::unique_ptr<RunningHash> hash;  ///< signatures that the module hashes for
  Bytes text;                         ///< what has been given so far, for operations that need it whole
  bool updated = false;               ///< a part was given: the whole can no longer be given at once
  std::optional<Bytes> result;        ///< made and not yet taken, because the buffer was too small

  KeyOperation() = default;
  KeyOperation(const KeyOperation&) = delete;
  KeyOperation& operator=(const KeyOperation&) = delete;
  ~KeyOperation() {
    Wipe(text);
    if (result) {
      Wipe(*result);
    }
  }
};

/// One message of C_EncryptMessageBegin or C_DecryptMessageBegin.
struct Message {
  Bytes aad;
  Bytes text;

  Message() = default;
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  ~Message() { Wipe(text); }
};

struct Search {
  std::deque<CK_OBJECT_HANDLE> found;
};

/// Its functions are called with its mutex held, so threads that share a session take turns.
struct Session {
  Session(CK_SESSION_HANDLE session_handle, SlotPtr session_slot, bool may_write)
      : handle(session_handle), slot(std::move(session_slot)), read_write(may_write) {}

  const CK_SESSION_HANDLE handle;
  const SlotPtr slot;
  const bool read_write;

  std::mutex mutex;
  bool closed = false;

  std::unique_ptr<Search> search;
  std::unique_ptr<RunningHash> digest;
  bool digest_updated = false;
  std::unique_ptr<KeyOperation> sign;
  std::unique_ptr<KeyOperation> verify;
  std::unique_ptr<KeyOperation> decrypt;
  std::unique_ptr<KeyOperation> message_encrypt;
  std::unique_ptr<KeyOperation> message_decrypt;
  std::unique_ptr<Message> encrypting;
  std::unique_ptr<Message> decrypting;

  /// The host's cryptography for this session. @returns CKR_GENERAL_ERROR if OpenSSL cannot be used.
  [[nodiscard]] RvOr<crypto::OpenSslCrypto*> Crypto();
  /// A hash that has begun.
  [[nodiscard]] RvOr<std::unique_ptr<RunningHash>> BeginHash(iotsafe::HashAlgorithm hash);
  /// Ends everything that runs.
  void Reset();

 private:
  std::unique_ptr<crypto::OpenSslCrypto> crypto_;  // outlives the hashes: Reset comes before it
 public:
  ~Session() { Reset(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
};
using SessionPtr = std::shared_ptr<Session>;

/// Longest text that is kept for an operation that needs it whole.
inline constexpr std::size_t kMaxText = 1024UL * 1024;

/// Adds a part to a text. @returns CKR_DATA_LEN_RANGE beyond kMaxText.
[[nodiscard]] Outcome AddPart(ByteView part, Bytes& text);

}  // namespace simroot::pkcs11
