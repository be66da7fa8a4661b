// SPDX-License-Identifier: Apache-2.0
#include "common/net/tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/crypto/openssl/backend.hpp"

namespace simroot::net {
namespace {

using Certificate = std::unique_ptr<X509, TlsDeleter>;
using Key = std::unique_ptr<EVP_PKEY, TlsDeleter>;
using Bio = std::unique_ptr<BIO, TlsDeleter>;

/// OpenSSL's reason for its last error, for people; the queue is emptied.
std::string LastReason() {
  const char* const text = ERR_reason_error_string(ERR_peek_last_error());
  std::string reason = text == nullptr ? "no reason given" : text;
  ERR_clear_error();
  return reason;
}

// ---- a socket BIO that never raises SIGPIPE: BIO_s_socket writes with write() ----

int SocketOf(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

bool ShouldRetry() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

int WriteSocket(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent = ::send(SocketOf(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && ShouldRetry()) {
    BIO_set_retry_write(bio);
  }
  return static_cast<int>(sent);
}

int ReadSocket(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t got = ::recv(SocketOf(bio), data, static_cast<std::size_t>(size), 0);
  if (got < 0 && ShouldRetry()) {
    BIO_set_retry_read(bio);
  }
  if (got == 0) {
    BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  }
  return static_cast<int>(got);
}

long ControlSocket(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
  switch (command) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DUP:
      return 1;
    case BIO_CTRL_EOF:
      return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default:
      return 0;
  }
}

BIO_METHOD* SocketMethod() {
  // One for the process; never freed, because connections may live until its end.
  static BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
    if (made != nullptr) {
      BIO_meth_set_write(made, WriteSocket);
      BIO_meth_set_read(made, ReadSocket);
      BIO_meth_set_ctrl(made, ControlSocket);
    }
    return made;
  }();
  return method;
}

// ---- contexts ----

constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* kGroups = "X25519:P-256:P-384";
/// Wire form of ALPN: length and name.
constexpr std::array<std::uint8_t, 9> kHttp11{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

int SelectProtocol(SSL* /*connection*/, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                   unsigned in_size, void* /*unused*/) {
  unsigned char* selected = nullptr;
  if (SSL_select_next_proto(&selected, out_size, kHttp11.data(), static_cast<unsigned>(kHttp11.size()), in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

/// No password: a key under one is refused instead of asked for on the terminal.
int NoPassword(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*unused*/) {
  return -1;
}

Result<TlsContext> MakeContext(const SSL_METHOD* method) {
  const crypto::Backend* const backend = crypto::Backend::Get();
  TlsContext context(backend == nullptr ? nullptr : SSL_CTX_new_ex(backend->context(), nullptr, method));
  if (context == nullptr || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(context.get(), 0) != 1 || SSL_CTX_set_cipher_list(context.get(), kCiphers) != 1 ||
      SSL_CTX_set1_groups_list(context.get(), kGroups) != 1) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL cannot be used for TLS: " + LastReason(),
                "check that OpenSSL 3 with its default provider is installed");
  }
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Else each record takes two reads of the socket. Nothing may wait for the socket before a read has wanted more: what
  // is read ahead would not be seen.
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_passwd_cb(context.get(), NoPassword);
  return context;
}

/// All certificates of a PEM text, in their order; empty if there is none or one is broken.
std::vector<Certificate> ReadCertificates(std::string_view pem) {
  std::vector<Certificate> certificates;
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  while (bio != nullptr) {
    // Made first, so that its key is read with the algorithms of the private context.
    X509* certificate = X509_new_ex(crypto::Backend::Get()->context(), nullptr);
    Certificate owner(certificate);
    if (certificate == nullptr || PEM_read_bio_X509(bio.get(), &certificate, NoPassword, nullptr) == nullptr) {
      // PEM_read_bio_X509 frees what it was given only when it fails after it began to read into it.
      (void)(certificate == nullptr ? owner.release() : nullptr);
      const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
      ERR_clear_error();
      if (!at_end) {
        certificates.clear();
      }
      break;
    }
    certificates.push_back(std::move(owner));
  }
  return certificates;
}

Result<void> UseIdentity(SSL_CTX* context, const ServerTlsOptions& options) {
  const auto chain = ReadCertificates(options.certificate_chain);
  if (chain.empty() || SSL_CTX_use_certificate(context, chain.front().get()) != 1) {
    return Fail(ErrorDomain::kCrypto, "the server's certificate cannot be read: " + LastReason(),
                "give a PEM file with the server's certificate first");
  }
  for (const Certificate& certificate : chain) {
    if (certificate != chain.front() && SSL_CTX_add1_chain_cert(context, certificate.get()) != 1) {
      return Fail(ErrorDomain::kCrypto, "the server's certificate chain cannot be used: " + LastReason());
    }
  }
  const ByteView pem = options.private_key.Reveal(InsecureReveal::kForCrypto);
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Key key(
      PEM_read_bio_PrivateKey_ex(bio.get(), nullptr, NoPassword, nullptr, crypto::Backend::Get()->context(), nullptr));
  if (key == nullptr || SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return Fail(ErrorDomain::kCrypto, "the server's private key cannot be used: " + LastReason(),
                "give the PEM key, without a password, that belongs to the certificate");
  }
  return {};
}

Result<void> AskForCertificates(SSL_CTX* context, const std::string& authorities) {
  const auto certificates = ReadCertificates(authorities);
  if (certificates.empty()) {
    return Fail(ErrorDomain::kCrypto, "the certificates of the clients' CAs cannot be read",
                "give them one after the other as PEM");
  }
  for (const Certificate& certificate : certificates) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get()) != 1 ||
        SSL_CTX_add_client_CA(context, certificate.get()) != 1) {
      return Fail(ErrorDomain::kCrypto, "the certificates of the clients' CAs cannot be used: " + LastReason());
    }
  }
  // Asked for, never demanded; one that is shown must be right.
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return {};
}

std::string VerifyAdvice(long result) {
  switch (result) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "call it by a name or address that is in its certificate";
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "check the clock of this machine, or have the server's certificate renewed";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "give the certificate of the CA that issued it (--ca FILE)";
    default:
      return "look at the server's certificate with openssl s_client";
  }
}

}  // namespace

Result<TlsContext> MakeServerContext(const ServerTlsOptions& options) {
  SR_TRY(auto context, MakeContext(TLS_server_method()));
  SR_TRY_VOID(UseIdentity(context.get(), options));
  if (!options.client_authorities.empty()) {
    SR_TRY_VOID(AskForCertificates(context.get(), options.client_authorities));
  }
  // No session is resumed: a device calls once in months and a server stays connected. Tickets would cost both sides
  // time and the device some 250 bytes, and in TLS 1.2 their key is one more that opens what was said.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_alpn_select_cb(context.get(), SelectProtocol, nullptr);
  return context;
}

Result<TlsContext> MakeClientContext(const ClientTlsOptions& options) {
  SR_TRY(auto context, MakeContext(TLS_client_method()));
  OSSL_LIB_CTX* const library = crypto::Backend::Get()->context();
  X509_STORE* const store = SSL_CTX_get_cert_store(context.get());
  const int loaded = options.ca_file.empty()
                         ? X509_STORE_set_default_paths_ex(store, library, nullptr)
                         : X509_STORE_load_file_ex(store, options.ca_file.c_str(), library, nullptr);
  if (loaded != 1) {
    return Fail(ErrorDomain::kUsage, "the CA file " + options.ca_file + " cannot be used: " + LastReason(),
                "give a PEM file that can be read and holds the CA's certificate");
  }
  if (options.certificate_file.empty() != options.key_file.empty()) {
    return Fail(ErrorDomain::kUsage, "a client certificate needs its private key and the key needs its certificate",
                "give both files, or none");
  }
  if (!options.certificate_file.empty() &&
      (SSL_CTX_use_certificate_chain_file(context.get(), options.certificate_file.c_str()) != 1 ||
       SSL_CTX_use_PrivateKey_file(context.get(), options.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
       SSL_CTX_check_private_key(context.get()) != 1)) {
    return Fail(ErrorDomain::kUsage,
                "the client certificate " + options.certificate_file + " with its key cannot be used: " + LastReason(),
                "give PEM files that belong together; the key without a password");
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_set_alpn_protos(context.get(), kHttp11.data(), static_cast<unsigned>(kHttp11.size())) != 0) {
    return Fail(ErrorDomain::kCrypto, "no memory for a TLS context");
  }
  return context;
}

TlsConnection MakeConnection(SSL_CTX* context, int fd) {
  TlsConnection connection(SSL_new(context));
  BIO* const bio = SocketMethod() == nullptr ? nullptr : BIO_new(SocketMethod());
  if (connection == nullptr || bio == nullptr) {
    BIO_free(bio);
    return nullptr;
  }
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
  BIO_set_init(bio, 1);
  SSL_set_bio(connection.get(), bio, bio);
  return connection;
}

bool ExpectHost(SSL* connection, const std::string& host, bool is_ip) {
  if (is_ip) {
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection), host.c_str()) == 1;
  }
  SSL_set_hostflags(connection, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(connection, host.c_str()) == 1 && SSL_set_tlsext_host_name(connection, host.c_str()) == 1;
}

Bytes PeerCertificate(SSL* connection) {
  X509* const certificate = SSL_get0_peer_certificate(connection);
  unsigned char* der = nullptr;
  const int size = certificate == nullptr ? 0 : i2d_X509(certificate, &der);
  Bytes out;
  if (size > 0) {
    const ByteView view(der, static_cast<std::size_t>(size));
    out.assign(view.begin(), view.end());
    OPENSSL_free(der);
  }
  return out;
}

Error ExplainHandshake(SSL* connection, const std::string& host) {
  const long result = SSL_get_verify_result(connection);
  if (result != X509_V_OK) {
    ERR_clear_error();
    return Error{ErrorDomain::kCrypto,
                 "the certificate of " + host + " is not accepted: " + X509_verify_cert_error_string(result),
                 VerifyAdvice(result)};
  }
  if (ERR_peek_last_error() == 0) {
    return Error{ErrorDomain::kTransport, host + " closed the connection in the middle of the TLS handshake",
                 "check that an HTTPS server listens on that port"};
  }
  const bool other_protocol = ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_WRONG_VERSION_NUMBER;
  return Error{ErrorDomain::kCrypto, "the TLS handshake with " + host + " failed: " + LastReason(),
               other_protocol ? "check the port: what listens there does not speak TLS" : std::string()};
}

}  // namespace simroot::net
