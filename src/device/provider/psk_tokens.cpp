// SPDX-License-Identifier: Apache-2.0
#include "device/provider/psk_tokens.hpp"

#include <openssl/rand.h>

#include "device/provider/process.hpp"

namespace simroot::provider {

Result<void> TokenTable::Issue(Token token, OSSL_LIB_CTX* library, ByteSpan out) {
  if (RAND_bytes_ex(library, out.data(), out.size(), 0) != 1) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL has no random numbers for a PSK handshake");
  }
  const std::lock_guard lock(CardListMutex());
  if (rows_.size() == kCapacity) {
    rows_.pop_front();
  }
  rows_.push_back({Bytes(out.begin(), out.end()), std::move(token)});
  return {};
}

std::optional<Token> TokenTable::Find(ByteView bytes) const {
  const std::lock_guard lock(CardListMutex());
  const auto row = std::ranges::find_if(rows_, [&](const Row& r) { return SameBytes(r.bytes, bytes); });
  return row != rows_.end() ? std::optional(row->token) : std::nullopt;
}

void TokenTable::Forget(ByteView bytes) {
  // What is forgotten may hold the last reference to a card, which closes itself: not under the lock.
  std::optional<Row> gone;
  const std::lock_guard lock(CardListMutex());
  const auto row = std::ranges::find_if(rows_, [&](const Row& r) { return SameBytes(r.bytes, bytes); });
  if (row != rows_.end()) {
    gone = std::move(*row);
    rows_.erase(row);
  }
}

}  // namespace simroot::provider
