// SPDX-License-Identifier: Apache-2.0
/// The tenant's CAs as OpenSSL wants them, made again when the middleware has others.
#pragma once

#include <openssl/x509.h>

#include <memory>
#include <mutex>
#include <string>

namespace simroot::server::tls {

class Authorities {
 public:
  /// The store for this PEM text; the same object as long as it is the same text. Any thread. nullptr: no memory, or
  /// the text cannot be read, which then also holds for everybody who is verified.
  [[nodiscard]] std::shared_ptr<X509_STORE> StoreFor(const std::shared_ptr<const std::string>& pem);

 private:
  std::mutex mutex_;
  std::shared_ptr<const std::string> pem_;
  std::shared_ptr<X509_STORE> store_;
};

}  // namespace simroot::server::tls
