// SPDX-License-Identifier: Apache-2.0
#include <openssl/core_names.h>
#include <openssl/crypto.h>

#include "common/crypto/openssl/parts.hpp"

namespace simroot::crypto {
namespace {

/// HMAC pads its key with zeros, so one zero byte is the same key as none, which OpenSSL refuses.
constexpr std::array<std::uint8_t, 1> kEmptyKey{0};

/// A parameter that OpenSSL only reads.
OSSL_PARAM Octets(const char* name, ByteView bytes) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(bytes.data()), bytes.size());
}

OSSL_PARAM Text(const char* name, const char* text) {
  return OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(text), 0);
}

bool Derive(EVP_KDF* kdf, const OSSL_PARAM* params, ByteSpan out) {
  const EvpKdfCtx ctx(EVP_KDF_CTX_new(kdf));
  if (ctx != nullptr && EVP_KDF_derive(ctx.get(), out.data(), out.size(), params) == 1) {
    return true;
  }
  OPENSSL_cleanse(out.data(), out.size());
  return false;
}

}  // namespace

bool OpenSslCrypto::TlsPrfSha256(ByteView secret, ByteView label_and_seed, ByteSpan out) {
  if (label_and_seed.empty() || out.empty()) {
    return false;
  }
  const ErrorScope errors;
  const std::array params{
      Text(OSSL_KDF_PARAM_DIGEST, EVP_MD_get0_name(parts_->backend.Digest(HashAlgorithm::kSha256))),
      Octets(OSSL_KDF_PARAM_SECRET, secret.empty() ? ByteView(kEmptyKey) : secret),
      Octets(OSSL_KDF_PARAM_SEED, label_and_seed),
      OSSL_PARAM_construct_end(),
  };
  return Derive(parts_->backend.TlsPrf(), params.data(), out);
}

bool OpenSslCrypto::HkdfExtract(HashAlgorithm hash, ByteView salt, ByteView input, ByteSpan prk) {
  if (prk.size() != iotsafe::DigestSize(hash)) {
    return false;
  }
  const ErrorScope errors;
  int mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
  // An empty input needs an address: OpenSSL takes a null pointer for a missing parameter.
  const ByteView present_input = input.empty() ? ByteView(kEmptyKey).first(0) : input;
  const std::array params{
      OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
      Text(OSSL_KDF_PARAM_DIGEST, EVP_MD_get0_name(parts_->backend.Digest(hash))),
      Octets(OSSL_KDF_PARAM_SALT, salt.empty() ? ByteView(kEmptyKey) : salt),
      Octets(OSSL_KDF_PARAM_KEY, present_input),
      OSSL_PARAM_construct_end(),
  };
  return Derive(parts_->backend.Hkdf(), params.data(), prk);
}

}  // namespace simroot::crypto
