// SPDX-License-Identifier: Apache-2.0
/// Hashes that start from a chaining value (COMPUTE SIGNATURE with tag 9C). OpenSSL's EVP cannot set the inner state of
/// a hash, so Mbed TLS 2.28, whose contexts are open structures, does these and nothing else.
#pragma once

#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>
#include <mbedtls/version.h>

#include "common/crypto/port.hpp"

#if MBEDTLS_VERSION_MAJOR != 2
#error "resumed hashes need Mbed TLS 2.28: in version 3 the hash contexts are private"
#endif

namespace simroot::crypto {

/// One resumed hash, in place. Lives from Start to Finish or Wipe; both leave only zeros.
union ResumedHash {
  mbedtls_sha256_context sha256;
  mbedtls_sha512_context sha512;  ///< SHA-384 too
};

/// Starts from `chaining_value` after `hashed_bytes` bytes. False, and nothing is running, if the value is not
/// HashStateSize(hash) bytes or `hashed_bytes` is not a multiple of the block size.
[[nodiscard]] bool StartResumed(HashAlgorithm hash, ByteView chaining_value, std::uint32_t hashed_bytes,
                                ResumedHash& state);
[[nodiscard]] bool UpdateResumed(HashAlgorithm hash, ByteView data, ResumedHash& state);
/// Writes DigestSize(hash) bytes, which `digest` must have, and wipes the state.
[[nodiscard]] bool FinishResumed(HashAlgorithm hash, ByteSpan digest, ResumedHash& state);
void WipeResumed(HashAlgorithm hash, ResumedHash& state);

}  // namespace simroot::crypto
