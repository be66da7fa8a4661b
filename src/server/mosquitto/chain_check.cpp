// SPDX-License-Identifier: Apache-2.0
#include "server/mosquitto/chain_check.hpp"

#include <openssl/x509v3.h>

#include "common/crypto/openssl/handles.hpp"

namespace simroot::server {

ShownCertificate ChainCheck::Check(X509* certificate, const std::shared_ptr<const std::string>& authorities) {
  using Context = std::unique_ptr<X509_STORE_CTX, crypto::FreeWith<X509_STORE_CTX_free>>;
  const crypto::ErrorScope errors;  // the broker reads what libssl leaves there
  ShownCertificate shown;
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), shown.fingerprint.data(), &size) != 1) {
    return shown;
  }
  const auto store = authorities_.StoreFor(authorities);
  const Context context(X509_STORE_CTX_new());
  if (store == nullptr || context == nullptr ||
      X509_STORE_CTX_init(context.get(), store.get(), certificate, nullptr) != 1) {
    return shown;
  }
  // An issuing CA that was imported is trusted itself: the platform does not have what is above it.
  X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_PARTIAL_CHAIN);
  shown.chain_is_right =
      X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_CLIENT) == 1 && X509_verify_cert(context.get()) == 1;
  return shown;
}

}  // namespace simroot::server
