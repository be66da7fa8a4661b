// SPDX-License-Identifier: Apache-2.0
#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>
#include <mbedtls/version.h>

#include <new>

#include "common/base/secret.hpp"
#include "common/crypto/mbedtls/mbedtls_crypto.hpp"

#if MBEDTLS_VERSION_MAJOR != 2
#error "resumed hashes need Mbed TLS 2.28: in version 3 the hash contexts are private"
#endif

namespace simroot::crypto {
namespace {

/// What lies in HashState::memory while a hash runs. Plain data of the library: nothing to free but zeros to write.
struct Running {
  HashAlgorithm hash;
  union {
    mbedtls_sha256_context sha256;
    mbedtls_sha512_context sha512;  ///< SHA-384 too
  };

  [[nodiscard]] bool IsSha256() const { return hash == HashAlgorithm::kSha256; }
};
static_assert(sizeof(Running) <= sizeof(HashState::memory) && alignof(Running) <= 8);

Running& NewRunning(HashAlgorithm hash, HashState& state) {
  Running* const running = new (state.memory.data()) Running{};
  running->hash = hash;
  if (running->IsSha256()) {
    mbedtls_sha256_init(&running->sha256);
  } else {
    mbedtls_sha512_init(&running->sha512);
  }
  return *running;
}

Running& RunningOf(HashState& state) {
  return *std::launder(reinterpret_cast<Running*>(state.memory.data()));
}

void End(HashState& state) {
  Wipe(state.memory);
  state.running = false;
}

template <typename Word, std::size_t kWords>
bool ReadWords(ByteView bytes, Word (&words)[kWords]) {
  ByteReader reader(bytes);
  for (Word& word : words) {
    word = 0;
    for (std::size_t read = 0; read < sizeof(Word); read += sizeof(std::uint32_t)) {
      std::uint32_t part = 0;
      if (!reader.ReadU32(part)) {
        return false;
      }
      // Two shifts of 16: one shift of 32 would be undefined for the 32-bit words of SHA-256.
      word = static_cast<Word>((word << 16U) << 16U) | part;
    }
  }
  return reader.empty();
}

}  // namespace

bool MbedTlsCrypto::HashBegin(HashAlgorithm hash, HashState& state) {
  End(state);
  Running& running = NewRunning(hash, state);
  state.running = running.IsSha256()
                      ? mbedtls_sha256_starts_ret(&running.sha256, 0) == 0
                      : mbedtls_sha512_starts_ret(&running.sha512, hash == HashAlgorithm::kSha384 ? 1 : 0) == 0;
  return state.running;
}

bool MbedTlsCrypto::HashResume(HashAlgorithm hash, ByteView chaining_value, std::uint32_t hashed_bytes,
                               HashState& state) {
  End(state);
  if (chaining_value.size() != iotsafe::HashStateSize(hash) || hashed_bytes % iotsafe::HashBlockSize(hash) != 0) {
    return false;
  }
  Running& running = NewRunning(hash, state);
  if (running.IsSha256()) {
    running.sha256.total[0] = hashed_bytes;
    state.running = ReadWords(chaining_value, running.sha256.state);
  } else {
    running.sha512.is384 = hash == HashAlgorithm::kSha384 ? 1 : 0;
    running.sha512.total[0] = hashed_bytes;
    state.running = ReadWords(chaining_value, running.sha512.state);
  }
  return state.running;
}

bool MbedTlsCrypto::HashUpdate(HashState& state, ByteView data) {
  if (!state.running) {
    return false;
  }
  Running& running = RunningOf(state);
  return running.IsSha256() ? mbedtls_sha256_update_ret(&running.sha256, data.data(), data.size()) == 0
                            : mbedtls_sha512_update_ret(&running.sha512, data.data(), data.size()) == 0;
}

bool MbedTlsCrypto::HashFinish(HashState& state, ByteSpan digest) {
  if (!state.running) {
    return false;
  }
  Running& running = RunningOf(state);
  std::array<std::uint8_t, kMaxDigestSize> full{};
  const ByteView wanted = ByteView(full).first(iotsafe::DigestSize(running.hash));
  bool done = digest.size() == wanted.size();
  done = done && (running.IsSha256() ? mbedtls_sha256_finish_ret(&running.sha256, full.data())
                                     : mbedtls_sha512_finish_ret(&running.sha512, full.data())) == 0;
  done = done && CopyBytes(wanted, digest);
  Wipe(full);
  End(state);
  return done;
}

void MbedTlsCrypto::HashAbort(HashState& state) {
  End(state);
}

}  // namespace simroot::crypto
