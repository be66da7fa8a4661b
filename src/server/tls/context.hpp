// SPDX-License-Identifier: Apache-2.0
/// What hangs on an SSL_CTX and on an SSL while the middleware is attached. Both are reached through OpenSSL's ex_data,
/// which frees them with their owner.
#pragma once

#include "common/crypto/openssl/handles.hpp"
#include "server/tls/attachment.hpp"
#include "server/tls/authorities.hpp"
#include "server/tls/guard.hpp"
#include "server/tls/registry.hpp"

namespace simroot::server::tls {

/// Public keys that nobody has the private half of. Made once: no stranger makes the server generate keys.
struct Decoys {
  struct Curve {
    const char* group;
    crypto::EvpPkey key;
  };
  struct Rsa {
    int type;  ///< EVP_PKEY_...
    int bits;
    crypto::EvpPkey key;
  };
  std::vector<Curve> curves;  ///< P-256 first
  std::vector<Rsa> rsa;
  crypto::EvpPkey ed25519;
};

/// Behind an SSL_CTX.
struct Attachment {
  /// Of tenant and platform: which middleware's credential a resumed session speaks of.
  using Tag = std::array<std::uint8_t, 8>;

  Attachment(Middleware& whose, const AttachOptions& how, const Tag& stands_for)
      : middleware(whose), options(how), tag(stands_for) {}

  Middleware& middleware;
  AttachOptions options;
  Tag tag;
  Authorities authorities;
  Decoys decoys;
  std::shared_ptr<Registry> registry;
  void (*previous_info)(const SSL*, int, int) = nullptr;
  SSL_SESSION* (*previous_get)(SSL*, const unsigned char*, int, int*) = nullptr;
};

/// Behind an SSL: one handshake.
struct Handshake {
  std::shared_ptr<Attachment> attachment;  ///< the one that judged
  Verdict verdict;
  std::string peer;
  bool judged = false;
  bool noted = false;
  bool silent = false;  ///< DTLS with a PSK: nobody is told that the key was wrong
};

/// Puts `attachment` on a context that has none. False: it has one, or no memory.
[[nodiscard]] bool Install(SSL_CTX* context, std::shared_ptr<Attachment> attachment);

[[nodiscard]] bool IsInstalled(const SSL_CTX* context);
/// Takes it off again.
void Uninstall(SSL_CTX* context);

/// That of the context which the connection has now; nullptr: none.
[[nodiscard]] Attachment* AttachmentOf(const SSL* connection);
[[nodiscard]] std::shared_ptr<Attachment> SharedAttachmentOf(const SSL* connection);

/// Remembers what was decided, until it is known how the handshake ends.
void Judged(SSL* connection, const Verdict& verdict);

/// The handshake is complete. Who is there is counted; whoever may not be there can neither read nor write.
void Completed(SSL* connection);

/// Who is at the other end of a complete handshake, as of now.
[[nodiscard]] Verdict Current(SSL* connection);

/// Completed, for a connection whose info callback was taken by the application.
void NoteIfMissed(SSL* connection);

/// The info callback of the context.
void OnInfo(const SSL* connection, int where, int value);

}  // namespace simroot::server::tls
