// SPDX-License-Identifier: Apache-2.0
#include <mbedtls/hkdf.h>

#include "common/base/secret.hpp"
#include "common/crypto/mbedtls/contexts.hpp"
#include "common/crypto/mbedtls/mbedtls_crypto.hpp"

namespace simroot::crypto {
namespace {

using Md = Context<mbedtls_md_context_t, mbedtls_md_init, mbedtls_md_free>;
constexpr std::size_t kPrfBlock = iotsafe::DigestSize(HashAlgorithm::kSha256);
using PrfBlock = std::array<std::uint8_t, kPrfBlock>;

/// HMAC over the pieces with the key `hmac` was started with.
bool Mac(Md& hmac, std::span<const ByteView> pieces, PrfBlock& mac) {
  bool ok = mbedtls_md_hmac_reset(hmac.get()) == 0;
  for (const ByteView piece : pieces) {
    ok = ok && mbedtls_md_hmac_update(hmac.get(), piece.data(), piece.size()) == 0;
  }
  return ok && mbedtls_md_hmac_finish(hmac.get(), mac.data()) == 0;
}

}  // namespace

bool MbedTlsCrypto::TlsPrfSha256(ByteView secret, ByteView label_and_seed, ByteSpan out) {
  if (label_and_seed.empty() || out.empty()) {
    return false;
  }
  Md hmac;
  PrfBlock a{};
  PrfBlock block{};
  bool ok = mbedtls_md_setup(hmac.get(), mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), 1) == 0 &&
            mbedtls_md_hmac_starts(hmac.get(), secret.data(), secret.size()) == 0 &&
            Mac(hmac, std::array{label_and_seed}, a);  // A(1)
  for (ByteSpan rest = out; ok && !rest.empty();) {
    ok = Mac(hmac, std::array{ByteView(a), label_and_seed}, block);
    const std::size_t count = std::min(rest.size(), block.size());
    ok = ok && CopyBytes(ByteView(block).first(count), rest);
    rest = rest.subspan(count);
    ok = ok && (rest.empty() || Mac(hmac, std::array{ByteView(a)}, a));
  }
  Wipe(a);
  Wipe(block);
  if (!ok) {
    Wipe(out);
  }
  return ok;
}

bool MbedTlsCrypto::HkdfExtract(HashAlgorithm hash, ByteView salt, ByteView input, ByteSpan prk) {
  if (prk.size() != iotsafe::DigestSize(hash)) {
    return false;
  }
  // An empty salt needs no zeros of its own: HMAC fills a short key with them.
  if (mbedtls_hkdf_extract(mbedtls_md_info_from_type(MdType(hash)), salt.empty() ? nullptr : salt.data(), salt.size(),
                           input.data(), input.size(), prk.data()) == 0) {
    return true;
  }
  Wipe(prk);
  return false;
}

}  // namespace simroot::crypto
