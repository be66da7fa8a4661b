// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/types.h>

#include <deque>

#include "device/client/card.hpp"

namespace simroot::provider {

/// Which secret of the key schedule of TLS 1.3 (RFC 8446 7.1) a token stands for.
enum class TokenStage : std::uint8_t { kEarlySecret, kBinderKey, kFinishedKey };

/// What a token stands for. It names the key; no secret is in it.
struct Token {
  std::shared_ptr<device::Card> card;
  device::ObjectName name;
  iotsafe::HashAlgorithm hash = iotsafe::HashAlgorithm::kSha256;
  TokenStage stage = TokenStage::kEarlySecret;
};

/// Random strings that stand for secrets of `psk = deep` while libssl carries them through its key schedule. They are
/// made anew for every handshake, so that one which ends up in software by mistake keys nothing that anybody knows.
/// Safe for several threads. The oldest are forgotten: what a broken handshake leaves behind takes no room for ever.
class TokenTable {
 public:
  static constexpr std::size_t kCapacity = 1024;

  /// Makes a token of `out.size()` bytes, at most kMaxDigestSize. @returns kCrypto if there is no randomness.
  [[nodiscard]] Result<void> Issue(Token token, OSSL_LIB_CTX* library, ByteSpan out);
  [[nodiscard]] std::optional<Token> Find(ByteView bytes) const;
  /// A token that has done its work.
  void Forget(ByteView bytes);

 private:
  struct Row {
    Bytes bytes;
    Token token;
  };
  std::deque<Row> rows_;  ///< guarded by CardListMutex()
};

}  // namespace simroot::provider
