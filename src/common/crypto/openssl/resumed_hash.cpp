// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/openssl/resumed_hash.hpp"

#include "common/base/secret.hpp"

namespace simroot::crypto {
namespace {

constexpr bool IsSha256(HashAlgorithm hash) {
  return hash == HashAlgorithm::kSha256;
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

bool StartResumed(HashAlgorithm hash, ByteView chaining_value, std::uint32_t hashed_bytes, ResumedHash& state) {
  if (chaining_value.size() != iotsafe::HashStateSize(hash) || hashed_bytes % iotsafe::HashBlockSize(hash) != 0) {
    return false;
  }
  if (IsSha256(hash)) {
    mbedtls_sha256_init(&state.sha256);
    state.sha256.total[0] = hashed_bytes;
    return ReadWords(chaining_value, state.sha256.state);
  }
  mbedtls_sha512_init(&state.sha512);
  state.sha512.is384 = hash == HashAlgorithm::kSha384 ? 1 : 0;
  state.sha512.total[0] = hashed_bytes;
  return ReadWords(chaining_value, state.sha512.state);
}

bool UpdateResumed(HashAlgorithm hash, ByteView data, ResumedHash& state) {
  return IsSha256(hash) ? mbedtls_sha256_update_ret(&state.sha256, data.data(), data.size()) == 0
                        : mbedtls_sha512_update_ret(&state.sha512, data.data(), data.size()) == 0;
}

bool FinishResumed(HashAlgorithm hash, ByteSpan digest, ResumedHash& state) {
  std::array<std::uint8_t, kMaxDigestSize> full{};
  const bool done = IsSha256(hash) ? mbedtls_sha256_finish_ret(&state.sha256, full.data()) == 0
                                   : mbedtls_sha512_finish_ret(&state.sha512, full.data()) == 0;
  WipeResumed(hash, state);
  const bool copied = done && CopyBytes(ByteView(full).first(iotsafe::DigestSize(hash)), digest);
  Wipe(full);
  return copied;
}

void WipeResumed(HashAlgorithm hash, ResumedHash& state) {
  if (IsSha256(hash)) {
    mbedtls_sha256_free(&state.sha256);
  } else {
    mbedtls_sha512_free(&state.sha512);
  }
}

}  // namespace simroot::crypto
