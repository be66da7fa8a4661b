// SPDX-License-Identifier: Apache-2.0
/// The records of one local copy: sealed one after the other. docs/formats/local-copy.md
#pragma once

#include <memory>
#include <optional>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/secret_bytes.hpp"

namespace simroot::server {

constexpr std::size_t kCopySalt = 32;
constexpr std::array<std::uint8_t, 13> kCopyMark{'s', 'i', 'm', 'r', 'o', 'o', 't', ' ', 'c', 'o', 'p', 'y', 1};
constexpr std::size_t kCopyHeader = kCopyMark.size() + kCopySalt;
constexpr std::size_t kRecordHead = 4 + 12;  ///< size of the body, nonce
constexpr std::size_t kRecordTag = 16;

/// Each record's tag covers the file's header, the record's number and the tag of the record before: so records are
/// opened in the order in which they were sealed, all of them, or the chain ends there. One thread at a time.
class RecordChain {
 public:
  using Salt = std::array<std::uint8_t, kCopySalt>;

  RecordChain() = default;
  RecordChain(const RecordChain&) = delete;
  RecordChain& operator=(const RecordChain&) = delete;

  /// Before the first record. False if the cryptography fails.
  [[nodiscard]] bool Start(crypto::Crypto& crypto, const SecretBytes& secret, const Salt& salt);
  [[nodiscard]] ByteView header() const { return header_; }

  /// The record around `body`, as it is written. Commit() goes on to the next one; without it the record counts as
  /// never sealed.
  [[nodiscard]] std::optional<Bytes> Seal(crypto::Crypto& crypto, ByteView body);
  void Commit();

  /// The body of `record` (head, body, tag), if it is the next one; goes on to the one after.
  [[nodiscard]] bool Open(crypto::Crypto& crypto, ByteView record, Bytes& body);

 private:
  using Tag = std::array<std::uint8_t, kRecordTag>;
  [[nodiscard]] std::array<std::uint8_t, kCopyHeader + 8 + kRecordTag> Place() const;

  SecretArray<32> key_;
  std::array<std::uint8_t, kCopyHeader> header_{};
  std::uint64_t number_ = 0;
  Tag last_{};
  Tag sealed_{};
};

}  // namespace simroot::server
