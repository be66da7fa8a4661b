// SPDX-License-Identifier: Apache-2.0
/// Real handshakes inside one process: a server with the middleware attached, OpenSSL clients, a pair of sockets
/// between them.
#pragma once

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <optional>
#include <string>
#include <vector>

#include "common/crypto/openssl/handles.hpp"
#include "common/host/hex.hpp"
#include "server/testing/fake_middleware.hpp"
#include "server/tls/attachment.hpp"

namespace simroot::server::testing {

using Context = std::unique_ptr<SSL_CTX, crypto::FreeWith<SSL_CTX_free>>;
using Connection = std::unique_ptr<SSL, crypto::FreeWith<SSL_free>>;
using Session = std::unique_ptr<SSL_SESSION, crypto::FreeWith<SSL_SESSION_free>>;
using Certificate = std::shared_ptr<X509>;
using Key = std::shared_ptr<EVP_PKEY>;

enum class Kind { kTls12, kTls13, kDtls12 };
inline constexpr std::array kAllKinds{Kind::kTls12, Kind::kTls13, Kind::kDtls12};
[[nodiscard]] const char* NameOf(Kind kind);

/// A certificate and its key.
struct Holder {
  Certificate certificate;
  Key key;
  [[nodiscard]] server::Fingerprint Fingerprint() const;
};

struct CertificateWish {
  std::string name = "device";
  std::string issuer_name{};  ///< empty: the issuer's
  bool ca = false;
  bool for_servers = false;
  long begins_s = -3600;  ///< from now
  long ends_s = 3600;
  const char* group = "P-256";  ///< "RSA": RSA-2048, "RSA-2560": that, "ED25519": that
};
/// @param issuer nullptr: by itself
[[nodiscard]] Holder Issue(const CertificateWish& wish, const Holder* issuer);
/// The certificate with somebody else's private key on P-256.
[[nodiscard]] Holder Stolen(const Holder& from);
[[nodiscard]] std::string Pem(const Holder& holder);

/// What a client shows.
struct ClientWish {
  const Holder* certificate = nullptr;
  const Holder* chain = nullptr;      ///< sent with it
  const Holder* chain_end = nullptr;  ///< sent after that
  std::string psk_identity{};
  Bytes psk{};
  std::string ciphers{};  ///< up to TLS 1.2
  std::string suites{};   ///< TLS 1.3
  std::string groups{};
  int highest = 0;        ///< version; 0: as the kind says
  bool fallback = false;  ///< says that it tried a higher version before
  bool no_tickets = false;
  SSL_SESSION* session = nullptr;
};

/// How a handshake ended, seen from both ends.
struct Ended {
  bool client = false;  ///< its handshake is complete
  bool server = false;
  bool echoed = false;  ///< the client got back what it sent
  bool resumed = false;
  int alert = -1;        ///< that the client was sent, level << 8 | description; -1: none
  int alert_state = -1;  ///< what the server was doing when it sent it (OSSL_HANDSHAKE_STATE)
  Session session;       ///< of the client, after the exchange
  Connection server_end;
  Connection client_end;
};

/// A server of one kind with its middleware, and clients.
class TlsWorld {
 public:
  explicit TlsWorld(Kind kind);

  /// Attaches; to be called once.
  void Start(const AttachOptions& options = {});
  /// @param elsewhere a server's context in the place of this world's
  [[nodiscard]] Ended Connect(const ClientWish& wish, SSL_CTX* elsewhere = nullptr);
  /// The only note since the last call; fails the test if there are more or fewer.
  [[nodiscard]] Noted OnlyNote();
  [[nodiscard]] SSL_CTX* context() const { return context_.get(); }

  FakeMiddleware middleware;
  Holder root = Issue({.name = "root", .ca = true}, nullptr);
  Holder issuing = Issue({.name = "issuing", .ca = true}, &root);
  Holder device = Issue({.name = "device"}, &issuing);
  CredentialId device_id = middleware.AddCertificate(device.Fingerprint(), "meter-1");
  Bytes psk = Bytes(16, 0x11);
  CredentialId psk_id = middleware.AddPsk("psk-1", "meter-2", psk);

 private:
  [[nodiscard]] Context MakeClient(const ClientWish& wish) const;

  Kind kind_;
  Holder server_ = Issue({.name = "server", .for_servers = true}, &root);
  Context context_;
};

}  // namespace simroot::server::testing
