// SPDX-License-Identifier: Apache-2.0
/// Owners of the libcrypto objects the provider uses on its own side of the boundary.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <memory>

namespace simroot::provider {

template <auto kFree>
struct OpensslFree {
  template <typename T>
  void operator()(T* object) const {
    static_cast<void>(kFree(object));
  }
};

inline void FreeParams(OSSL_PARAM* params) {
  OSSL_PARAM_free(params);
}

using LibraryPtr = std::unique_ptr<OSSL_LIB_CTX, OpensslFree<OSSL_LIB_CTX_free>>;
using ProviderPtr = std::unique_ptr<OSSL_PROVIDER, OpensslFree<OSSL_PROVIDER_unload>>;
using BioPtr = std::unique_ptr<BIO, OpensslFree<BIO_free_all>>;
using PkeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using PkeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, OpensslFree<EVP_PKEY_CTX_free>>;
using KeymgmtPtr = std::unique_ptr<EVP_KEYMGMT, OpensslFree<EVP_KEYMGMT_free>>;
using KdfPtr = std::unique_ptr<EVP_KDF, OpensslFree<EVP_KDF_free>>;
using KdfContextPtr = std::unique_ptr<EVP_KDF_CTX, OpensslFree<EVP_KDF_CTX_free>>;
using MacPtr = std::unique_ptr<EVP_MAC, OpensslFree<EVP_MAC_free>>;
using MacContextPtr = std::unique_ptr<EVP_MAC_CTX, OpensslFree<EVP_MAC_CTX_free>>;
using DigestPtr = std::unique_ptr<EVP_MD, OpensslFree<EVP_MD_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, OpensslFree<EVP_MD_CTX_free>>;
using ParamsPtr = std::unique_ptr<OSSL_PARAM, OpensslFree<FreeParams>>;

/// Another owner of the same key.
[[nodiscard]] inline PkeyPtr Share(const PkeyPtr& key) {
  return PkeyPtr(key != nullptr && EVP_PKEY_up_ref(key.get()) == 1 ? key.get() : nullptr);
}

}  // namespace simroot::provider
