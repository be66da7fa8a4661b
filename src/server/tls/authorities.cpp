// SPDX-License-Identifier: Apache-2.0
#include "server/tls/authorities.hpp"

#include <openssl/pem.h>

#include "common/crypto/openssl/handles.hpp"

namespace simroot::server::tls {
namespace {

using Bio = std::unique_ptr<BIO, crypto::FreeWith<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, crypto::FreeWith<X509_free>>;

std::shared_ptr<X509_STORE> MakeStore(const std::string& pem) {
  const crypto::ErrorScope errors;
  std::shared_ptr<X509_STORE> store(X509_STORE_new(), X509_STORE_free);
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (store == nullptr || bio == nullptr) {
    return nullptr;
  }
  for (;;) {
    const Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (certificate == nullptr) {
      // The end of the text, or something in it that is no certificate.
      return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE ? store : nullptr;
    }
    if (X509_STORE_add_cert(store.get(), certificate.get()) != 1) {
      return nullptr;
    }
  }
}

}  // namespace

std::shared_ptr<X509_STORE> Authorities::StoreFor(const std::shared_ptr<const std::string>& pem) {
  const std::lock_guard lock(mutex_);
  if (pem_ != pem) {
    // Another object may hold the same text: then what was verified with the store need not be made again.
    if (pem != nullptr && (pem_ == nullptr || *pem_ != *pem)) {
      store_ = MakeStore(*pem);
    } else if (pem == nullptr) {
      store_ = nullptr;
    }
    pem_ = pem;
  }
  return store_;
}

}  // namespace simroot::server::tls
