// SPDX-License-Identifier: Apache-2.0
/// Owners of Mbed TLS contexts and numbers, used inside this folder only. All are wiped when they are freed.
#pragma once

#include <mbedtls/bignum.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>

#include "common/crypto/port.hpp"

namespace simroot::crypto {

/// A context between its init and its free function.
template <typename T, auto kInit, auto kFree>
class Context {
 public:
  Context() { kInit(&context_); }
  ~Context() { kFree(&context_); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  [[nodiscard]] T* get() { return &context_; }
  [[nodiscard]] T* operator->() { return &context_; }

 private:
  T context_;
};

using Mpi = Context<mbedtls_mpi, mbedtls_mpi_init, mbedtls_mpi_free>;
using EcPoint = Context<mbedtls_ecp_point, mbedtls_ecp_point_init, mbedtls_ecp_point_free>;
using EcGroup = Context<mbedtls_ecp_group, mbedtls_ecp_group_init, mbedtls_ecp_group_free>;

/// The number of a hash in Mbed TLS.
[[nodiscard]] constexpr mbedtls_md_type_t MdType(HashAlgorithm hash) {
  return hash == HashAlgorithm::kSha256   ? MBEDTLS_MD_SHA256
         : hash == HashAlgorithm::kSha384 ? MBEDTLS_MD_SHA384
                                          : MBEDTLS_MD_SHA512;
}

[[nodiscard]] inline bool ReadNumber(ByteView bytes, Mpi& number) {
  return mbedtls_mpi_read_binary(number.get(), bytes.data(), bytes.size()) == 0;
}
/// Big endian, padded on the left to all of `out`.
[[nodiscard]] inline bool WriteNumber(Mpi& number, ByteSpan out) {
  return mbedtls_mpi_write_binary(number.get(), out.data(), out.size()) == 0;
}

}  // namespace simroot::crypto
