// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/openssl/hash_engine.hpp"

#include <new>
#include <type_traits>

#include "common/base/secret.hpp"
#include "common/crypto/openssl/resumed_hash.hpp"

namespace simroot::crypto {
namespace {

/// What HashState::memory holds while a hash runs.
struct RunningHash {
  HashAlgorithm hash;
  EVP_MD_CTX* evp;  ///< owned; nullptr: `resumed` is in use
  ResumedHash resumed;
};
static_assert(sizeof(RunningHash) <= sizeof(HashState::memory));
static_assert(alignof(RunningHash) <= 8);
static_assert(std::is_trivially_copyable_v<RunningHash> && std::is_trivially_destructible_v<RunningHash>);

RunningHash& Start(HashState& state, HashAlgorithm hash, EVP_MD_CTX* evp) {
  return *new (state.memory.data()) RunningHash{hash, evp, {}};
}

RunningHash& Running(HashState& state) {
  return *std::launder(reinterpret_cast<RunningHash*>(state.memory.data()));
}

}  // namespace

EvpMdCtx HashEngine::Take() {
  for (EvpMdCtx& spare : spares_) {
    if (spare != nullptr) {
      return std::move(spare);
    }
  }
  return EvpMdCtx(EVP_MD_CTX_new());
}

void HashEngine::GiveBack(EvpMdCtx context) {
  // Starting the same hash again clears the old state and block, which may come from a secret (HMAC keys); a context
  // that cannot be cleared this way is freed, which wipes it.
  if (EVP_DigestInit_ex2(context.get(), nullptr, nullptr) != 1) {
    return;
  }
  for (EvpMdCtx& spare : spares_) {
    if (spare == nullptr) {
      spare = std::move(context);
      return;
    }
  }
}

bool HashEngine::Begin(HashAlgorithm hash, HashState& state) {
  Abort(state);
  EvpMdCtx context = Take();
  if (context == nullptr || EVP_DigestInit_ex2(context.get(), backend_.Digest(hash), nullptr) != 1) {
    return false;
  }
  Start(state, hash, context.release());
  state.running = true;
  return true;
}

bool HashEngine::Resume(HashAlgorithm hash, ByteView chaining_value, std::uint32_t hashed_bytes, HashState& state) {
  Abort(state);
  state.running = StartResumed(hash, chaining_value, hashed_bytes, Start(state, hash, nullptr).resumed);
  return state.running;
}

bool HashEngine::Update(HashState& state, ByteView data) {
  if (!state.running) {
    return false;
  }
  if (data.empty()) {
    return true;
  }
  RunningHash& running = Running(state);
  return running.evp != nullptr ? EVP_DigestUpdate(running.evp, data.data(), data.size()) == 1
                                : UpdateResumed(running.hash, data, running.resumed);
}

bool HashEngine::Finish(HashState& state, ByteSpan digest) {
  if (!state.running) {
    return false;
  }
  RunningHash& running = Running(state);
  bool done = digest.size() == iotsafe::DigestSize(running.hash);
  if (done) {
    done = running.evp != nullptr ? EVP_DigestFinal_ex(running.evp, digest.data(), nullptr) == 1
                                  : FinishResumed(running.hash, digest, running.resumed);
  }
  Abort(state);
  return done;
}

void HashEngine::Abort(HashState& state) {
  if (!state.running) {
    return;
  }
  RunningHash& running = Running(state);
  if (running.evp != nullptr) {
    GiveBack(EvpMdCtx(running.evp));
  }
  Wipe(state.memory);
  state.running = false;
}

}  // namespace simroot::crypto
