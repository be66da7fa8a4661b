// SPDX-License-Identifier: Apache-2.0
/// Full handshakes in memory, without a network. Only the server's turns are timed: the client's work is the same for
/// both and would hide the difference.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <condition_variable>
#include <cstdio>
#include <mutex>

#include "bench/rounds.hpp"
#include "bench/server_sections.hpp"
#include "bench/surroundings.hpp"
#include "common/net/testing/test_pki.hpp"
#include "common/net/tls.hpp"
#include "server/middleware/middleware.hpp"
#include "server/tls/attachment.hpp"

namespace simroot::bench {
namespace {

using net::testing::Identity;
using net::testing::MakeIdentity;

constexpr std::int64_t kFleet = 10'000;
constexpr int kRounds = 41;
constexpr int kHandshakes = 40;  ///< in a round
constexpr double kBudget = 0.95;

/// A platform that never has anything new.
class QuietLink final : public server::PlatformLink {
 public:
  QuietLink(server::Fingerprint device, std::string authorities)
      : device_(device), authorities_(std::move(authorities)) {}

  [[nodiscard]] Result<server::SnapshotPart> ReadSnapshot(std::int64_t /*after*/) override {
    server::SnapshotPart part;
    for (std::int64_t number = 1; number <= kFleet; ++number) {
      part.credentials.push_back(MakeCredential(number, server::CredentialKind::kCertificate));
    }
    part.credentials.back().fingerprint = device_;
    part.feed_number = 1;
    return part;
  }
  [[nodiscard]] Result<server::FeedPart> ReadFeed(std::int64_t after, std::chrono::seconds wait) override {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, wait, [this] { return interrupted_; });
    interrupted_ = false;
    server::FeedPart part;
    part.next = after;
    return part;
  }
  [[nodiscard]] Result<std::string> ReadAuthorities() override { return authorities_; }
  [[nodiscard]] Result<void> ReportUse(const std::string& /*name*/) override { return {}; }
  [[nodiscard]] Result<std::vector<Bytes>> ReadCrls() override { return std::vector<Bytes>{}; }
  void Interrupt() override {
    {
      const std::lock_guard lock(mutex_);
      interrupted_ = true;
    }
    changed_.notify_all();
  }

 private:
  server::Fingerprint device_;
  std::string authorities_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool interrupted_ = false;
};

/// A CA with an issuing one, a device, and a server.
struct World {
  Identity root = MakeIdentity({.name = "root", .ca = true}, nullptr);
  Identity issuing = MakeIdentity({.name = "issuing", .ca = true}, &root);
  Identity device = MakeIdentity({.name = "meter-17", .client = true}, &issuing);
  Identity server = MakeIdentity({.name = "localhost", .alternative_names = "DNS:localhost"}, &root);
  std::string authorities = root.certificate + issuing.certificate;

  [[nodiscard]] server::Fingerprint Fingerprint() const {
    server::Fingerprint fingerprint{};
    if (X509_digest(device.x509.get(), EVP_sha256(), fingerprint.data(), nullptr) != 1) {
      GiveUp("no hash");
    }
    return fingerprint;
  }
  [[nodiscard]] std::unique_ptr<server::Middleware> MakeMiddleware() const {
    server::MiddlewareOptions options;
    options.log = [](server::LogLevel, const std::string&) {};
    auto middleware = server::Middleware::OpenWith(
        std::move(options), [this] { return std::make_unique<QuietLink>(Fingerprint(), authorities); }, "bench", "",
        SecretBytes());
    if (!middleware) {
      GiveUp(middleware.error().Text());
    }
    return std::move(*middleware);
  }
};

void Use(SSL_CTX* context, const Identity& identity, int version) {
  const bool well = SSL_CTX_use_certificate(context, identity.x509.get()) == 1 &&
                    SSL_CTX_use_PrivateKey(context, identity.pkey.get()) == 1 &&
                    SSL_CTX_set_min_proto_version(context, version) == 1 &&
                    SSL_CTX_set_max_proto_version(context, version) == 1;
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (!well) {
    GiveUp("no TLS context");
  }
}

/// Client and server in memory.
class Pair {
 public:
  Pair(SSL_CTX* client, SSL_CTX* server) : client_(SSL_new(client)), server_(SSL_new(server)) {
    BIO* to_client = nullptr;
    BIO* to_server = nullptr;
    constexpr std::size_t kSize = 65'536;
    if (client_ == nullptr || server_ == nullptr || BIO_new_bio_pair(&to_client, kSize, &to_server, kSize) != 1) {
      GiveUp("no connection");
    }
    SSL_set_bio(client_.get(), to_client, to_client);
    SSL_set_bio(server_.get(), to_server, to_server);
    SSL_set_connect_state(client_.get());
    SSL_set_accept_state(server_.get());
  }

  /// @returns seconds of the server's turns. `after` is one of them: what the server does with the new connection.
  template <typename After>
  [[nodiscard]] double HandShake(const After& after) {
    double took = 0;
    for (int turn = 0; turn < 10; ++turn) {
      (void)SSL_do_handshake(client_.get());
      const double start = OwnSeconds();
      const int done = SSL_do_handshake(server_.get());
      if (done == 1) {
        after(server_.get());
      }
      took += OwnSeconds() - start;
      if (done == 1 && SSL_do_handshake(client_.get()) == 1) {
        return took;
      }
    }
    ERR_print_errors_fp(stderr);
    GiveUp("the handshake failed");
  }

 private:
  net::TlsConnection client_;
  net::TlsConnection server_;
};

void Measure(const World& world, server::Middleware& middleware, int version) {
  const net::TlsContext client(SSL_CTX_new(TLS_client_method()));
  const net::TlsContext plain(SSL_CTX_new(TLS_server_method()));
  const net::TlsContext ours(SSL_CTX_new(TLS_server_method()));
  Use(client.get(), world.device, version);
  Use(plain.get(), world.server, version);
  Use(ours.get(), world.server, version);
  // The same work for both: one cipher, one key exchange; P-256 for the certificates.
  const bool same = SSL_CTX_set_ciphersuites(client.get(), "TLS_AES_128_GCM_SHA256") == 1 &&
                    SSL_CTX_set_cipher_list(client.get(), "ECDHE-ECDSA-AES128-GCM-SHA256") == 1 &&
                    SSL_CTX_set1_groups_list(client.get(), "X25519:P-256") == 1;
  X509_STORE* const store = SSL_CTX_get_cert_store(plain.get());
  SSL_CTX_set_verify(plain.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  for (const Identity* const authority : {&world.root, &world.issuing}) {
    X509_STORE_add_cert(store, authority->x509.get());
  }
  // As Attach verifies: up to the issuing CA. And no server looks for a chain of its own certificate in the store of
  // its clients' CAs.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  for (SSL_CTX* const server : {plain.get(), ours.get()}) {
    SSL_CTX_set_mode(server, SSL_MODE_NO_AUTO_CHAIN);
  }
  const auto attached = server::Attach(middleware, ours.get(), {.psk = false});
  if (!same || !attached) {
    GiveUp(attached ? "no TLS context" : attached.error().Text());
  }

  const auto nothing = [](SSL*) {};
  const auto identify = [&](SSL* connection) {
    const server::Verdict verdict = server::Identify(middleware, connection);
    if (!verdict.accepted() || verdict.device.id != kFleet) {
      GiveUp("the wrong device was seen");
    }
  };
  const auto round = [&](SSL_CTX* context, const auto& after) {
    double took = 0;
    for (int i = 0; i < kHandshakes; ++i) {
      took += Pair(client.get(), context).HandShake(after);
    }
    return took / kHandshakes;
  };
  std::vector<double> ours_s;
  std::vector<double> plain_s;
  std::vector<double> ratios;
  for (int i = -2; i < kRounds; ++i) {  // the first two warm up
    const double with = round(ours.get(), identify);
    const double without = round(plain.get(), nothing);
    if (i >= 0) {
      ours_s.push_back(with);
      plain_s.push_back(without);
      ratios.push_back(without / with);
    }
  }
  const double ratio = Median(ratios);
  std::printf(
      "%s mutual: with middleware %.0f handshakes per second of the server's time, plain OpenSSL %.0f, ratio %.3f "
      "(budget %.2f: %s)\n",
      version == TLS1_3_VERSION ? "TLS 1.3" : "TLS 1.2", 1 / Median(ours_s), 1 / Median(plain_s), ratio, kBudget,
      ratio >= kBudget ? "met" : "MISSED");
}

}  // namespace

void RunServerHandshakes() {
  const World world;
  const auto middleware = world.MakeMiddleware();
  Measure(world, *middleware, TLS1_3_VERSION);
  Measure(world, *middleware, TLS1_2_VERSION);
}

}  // namespace simroot::bench
