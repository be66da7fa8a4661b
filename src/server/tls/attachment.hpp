// SPDX-License-Identifier: Apache-2.0
/// The middleware in a server's SSL_CTX, TLS or DTLS.
#pragma once

#include <openssl/ssl.h>

#include "server/middleware/middleware.hpp"

namespace simroot::server {

struct AttachOptions {
  bool certificates = true;       ///< ask for a client certificate
  bool psk = true;                ///< answer PSK identities
  bool optional = false;          ///< a peer without credential completes the handshake; Identify says kNoCredential
  std::shared_ptr<void> owner{};  ///< kept as long as the context: what the middleware is in, for example
};

/// Hooks the middleware into `context`, which borrows it. Sets: verification of client certificates (the tenant's CAs,
/// then the live state), PSK callbacks of TLS 1.2 and TLS 1.3, the check of resumed sessions, lowest version
/// (D)TLS 1.2, ciphers (tls/ciphers.hpp), no renegotiation, no early data, the session id context, an info callback
/// (one that is there is called as before). The cache of sessions inside OpenSSL is off; tickets, and a cache of the
/// application's, are used. Attach last: what the application sets later takes the place of ours.
///
/// All refusals of one kind of credential and version look alike to the peer, and like a credential without its key.
/// kUsage: there is nothing to attach to, it is attached already, or it allows nothing that is strong enough.
[[nodiscard]] Result<void> Attach(Middleware& middleware, SSL_CTX* context, const AttachOptions& options = {});

/// Who is at the other end of a connection whose handshake is complete, judged anew: also right after a resumption.
/// kNoCredential for a connection that is another middleware's.
[[nodiscard]] Verdict Identify(Middleware& middleware, SSL* connection);

/// Calls `gone` once, as soon as the platform's word is that the device at the other end is refused, at once if it is
/// already. That a certificate's time or the limit of staleness has passed is not told: Identify says so. On a thread
/// of the middleware: it must not block or free the connection, only wake whoever owns it (shutdown() of the socket is
/// fine). Ends with the returned handle: once that is dead, `gone` is not running and never called again. nullptr:
/// `gone` was called, there is nobody to watch.
[[nodiscard]] std::shared_ptr<void> Watch(Middleware& middleware, SSL* connection, std::function<void(Refusal)> gone);

}  // namespace simroot::server
