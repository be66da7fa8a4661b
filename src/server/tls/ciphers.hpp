// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/ssl.h>

#include "common/host/error.hpp"

namespace simroot::server::tls {

/// Takes away what is too weak from the ciphers that the context has: up to TLS 1.2 all but AEAD with ECDHE, DHE or a
/// PSK and somebody who proves who he is. The order stays but for this:
/// - With `psk`, suites with a PSK come first (a client that offers them has one), and those of TLS 1.3 with SHA-256:
/// an
///   external key goes with that hash only.
/// - DTLS gets the suites of RFC 7925 that OpenSSL leaves out unless asked, at the end: many small devices have no
/// others. kUsage: nothing is left.
[[nodiscard]] Result<void> SetCiphers(SSL_CTX* context, bool psk, bool dtls);

}  // namespace simroot::server::tls
