// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "server/tls/context.hpp"

namespace simroot::server::tls {

/// Makes those that OpenSSL can make; false: not even one on P-256.
[[nodiscard]] bool MakeDecoys(Decoys& decoys);

/// For SSL_CTX_set_cert_verify_callback, called with the Attachment. OpenSSL verifies chain, purpose, times and
/// strength against the tenant's CAs; then the middleware says how the certificate stands.
///
/// A refused certificate gets another public key and goes on: the proof of possession, which comes next, then fails as
/// it does for somebody who has the certificate without its key. So neither an alert nor the moment it comes at tells
/// the holder of a stolen certificate whether it is still good for anything. A key of a kind that has no decoy (none
/// that a card of ours makes) is refused at once, with the same alert.
int VerifyCertificate(X509_STORE_CTX* context, void* attachment);

}  // namespace simroot::server::tls
