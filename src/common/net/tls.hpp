// SPDX-License-Identifier: Apache-2.0
/// TLS by OpenSSL in the project's private library context: the user's openssl.cnf, which on a device loads a provider
/// whose card may be in use, has no say in which algorithms and keys are used.
#pragma once

#include <openssl/ssl.h>

#include <memory>

#include "common/host/error.hpp"
#include "common/host/secret_bytes.hpp"

namespace simroot::net {

struct TlsDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* connection) const { SSL_free(connection); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using TlsContext = std::unique_ptr<SSL_CTX, TlsDeleter>;
using TlsConnection = std::unique_ptr<SSL, TlsDeleter>;

struct ServerTlsOptions {
  const std::string& certificate_chain;   ///< PEM, the server's own first
  const SecretBytes& private_key;         ///< PEM
  const std::string& client_authorities;  ///< PEM; empty: no certificate is asked for
};
/// TLS 1.2 and 1.3, ECDHE and AEAD only, ALPN http/1.1. @returns kCrypto: certificate or key cannot be used.
[[nodiscard]] Result<TlsContext> MakeServerContext(const ServerTlsOptions& options);

struct ClientTlsOptions {
  const std::string& ca_file;  ///< PEM; empty: the system's
  const std::string& certificate_file;
  const std::string& key_file;
};
/// @returns kUsage: a file cannot be used.
[[nodiscard]] Result<TlsContext> MakeClientContext(const ClientTlsOptions& options);

/// A connection on `fd`, which it borrows. Writing to a closed one raises no signal. nullptr if there is no memory.
[[nodiscard]] TlsConnection MakeConnection(SSL_CTX* context, int fd);

/// Tells a client's connection whom to expect: a host name (also sent as SNI) or an IP address.
[[nodiscard]] bool ExpectHost(SSL* connection, const std::string& host, bool is_ip);

/// The verified certificate of the other end in DER; empty: it showed none.
[[nodiscard]] Bytes PeerCertificate(SSL* connection);

/// Why a client's handshake with `host` has failed: from the verification's result and OpenSSL's error queue, which is
/// emptied.
[[nodiscard]] Error ExplainHandshake(SSL* connection, const std::string& host);

}  // namespace simroot::net
