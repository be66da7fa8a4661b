// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/x509.h>

#include "server/mosquitto/broker.hpp"
#include "server/tls/authorities.hpp"

namespace simroot::server {

/// Whether a client certificate is of the tenant's CAs. The broker has verified it against its cafile, which may hold
/// more CAs.
class ChainCheck {
 public:
  /// `authorities` is what Middleware::Authorities() says now. Time is not looked at, that is the middleware's.
  [[nodiscard]] ShownCertificate Check(X509* certificate, const std::shared_ptr<const std::string>& authorities);

 private:
  tls::Authorities authorities_;
};

}  // namespace simroot::server
