// SPDX-License-Identifier: Apache-2.0
/// Sessions remember whose they are, so that nobody comes back by resumption who would not be let in by a handshake.
#pragma once

#include "server/tls/context.hpp"

namespace simroot::server::tls {

/// Writes the credential into the session, which takes it along into tickets and caches. False: no memory.
[[nodiscard]] bool Mark(SSL_SESSION* session, const Attachment& attachment, const Found& credential);

/// The live state of the credential that the session belongs to. kNoCredential: to none of this middleware's, or, with
/// the device, to one of a kind that the attachment does not take.
[[nodiscard]] Verdict VerdictOf(const Attachment& attachment, SSL_SESSION* session);

/// Whether a connection of this verdict may go on: the device is let in, or nobody is there where that is allowed.
[[nodiscard]] bool MayStay(const Attachment& attachment, const Verdict& verdict);

/// Sets what decides about resumption: tickets are judged, the cache inside OpenSSL is off (it cannot be asked), a
/// cache of the application's is judged. False: OpenSSL failed, and nothing but the session id context is set.
[[nodiscard]] bool HookSessions(SSL_CTX* context, Attachment& attachment);

}  // namespace simroot::server::tls
