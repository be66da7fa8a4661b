// SPDX-License-Identifier: Apache-2.0
/// Pre-shared keys. An identity that is refused gets a key all the same, one that nobody has: what follows is what a
/// peer with a wrong key sees.
#pragma once

#include "server/tls/context.hpp"

namespace simroot::server::tls {

/// TLS 1.2: for SSL_CTX_set_psk_server_callback.
unsigned OnPsk12(SSL* connection, const char* identity, unsigned char* psk, unsigned room);

/// TLS 1.3: for SSL_CTX_set_psk_find_session_callback. An identity is external if it is printable ASCII of at most 128
/// characters; all others are tickets. External keys go with SHA-256 (RFC 8446 4.2.11: with one hash only).
int OnPsk13(SSL* connection, const unsigned char* identity, std::size_t identity_size, SSL_SESSION** session);

}  // namespace simroot::server::tls
