// SPDX-License-Identifier: Apache-2.0
/// Mutual TLS and DTLS in memory with keys on the card.
#include <openssl/err.h>

#include "provider_fixture.hpp"

namespace simroot::provider_test {
namespace {

using SslContextPtr = std::unique_ptr<SSL_CTX, OpensslFree<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, OpensslFree<SSL_free>>;
using SessionPtr = std::unique_ptr<SSL_SESSION, OpensslFree<SSL_SESSION_free>>;

enum class Protocol { kTls12, kTls13, kDtls12 };

struct Run {
  Order order;
  Protocol protocol;
};
std::string RunName(const Run& run) {
  const char* const protocol = run.protocol == Protocol::kTls12   ? "Tls12"
                               : run.protocol == Protocol::kTls13 ? "Tls13"
                                                                  : "Dtls12";
  return OrderName(run.order) + protocol;
}

/// One side's identity.
struct Identity {
  PkeyPtr key;
  X509Ptr certificate;
};

class ProviderTls : public ProviderTest, public testing::WithParamInterface<Run> {
 protected:
  ProviderTls() : library_(Load(GetParam().order)) {
    ca_.key.reset(EVP_PKEY_Q_keygen(library_.get(), nullptr, "EC", "P-256"));
    ca_.certificate = MakeCertificate(library_.get(), "test authority", ca_.key.get(), nullptr, ca_.key.get());
  }

  [[nodiscard]] Identity Issue(const std::string& name, PkeyPtr key) {
    X509Ptr certificate = MakeCertificate(library_.get(), name, key.get(), ca_.certificate.get(), ca_.key.get());
    return {std::move(key), std::move(certificate)};
  }
  [[nodiscard]] Identity CardIdentity(const std::string& uri) {
    PkeyPtr key = LoadKey(library_.get(), uri);
    EXPECT_NE(key, nullptr) << TakeErrors();
    return Issue("card", std::move(key));
  }
  [[nodiscard]] Identity SoftwareIdentity(const char* curve) {
    return Issue("software", PkeyPtr(EVP_PKEY_Q_keygen(library_.get(), nullptr, "EC", curve)));
  }

  [[nodiscard]] SslContextPtr Context(bool server, const Identity& identity) {
    const bool datagrams = GetParam().protocol == Protocol::kDtls12;
    const int version = datagrams                                 ? DTLS1_2_VERSION
                        : GetParam().protocol == Protocol::kTls12 ? TLS1_2_VERSION
                                                                  : TLS1_3_VERSION;
    const SSL_METHOD* const method = datagrams ? (server ? DTLS_server_method() : DTLS_client_method())
                                               : (server ? TLS_server_method() : TLS_client_method());
    SslContextPtr context(SSL_CTX_new_ex(library_.get(), nullptr, method));
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_QUERY_MTU);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), ca_.certificate.get());
    EXPECT_EQ(SSL_CTX_use_certificate(context.get(), identity.certificate.get()), 1) << TakeErrors();
    EXPECT_EQ(SSL_CTX_use_PrivateKey(context.get(), identity.key.get()), 1) << TakeErrors();
    EXPECT_EQ(SSL_CTX_check_private_key(context.get()), 1) << TakeErrors();
    return context;
  }

  /// Connects two ends through memory until both are done. False if one fails.
  [[nodiscard]] static bool Handshake(SSL* client, SSL* server) {
    BIO* const to_server = BIO_new(BIO_s_mem());
    BIO* const to_client = BIO_new(BIO_s_mem());
    BIO_up_ref(to_server);
    BIO_up_ref(to_client);
    SSL_set_bio(client, to_client, to_server);
    SSL_set_bio(server, to_server, to_client);
    for (SSL* const end : {client, server}) {
      static_cast<void>(DTLS_set_link_mtu(end, 1500));
    }
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    // Both ends are ready after a few flights; more rounds than that mean that nothing moves.
    for (int round = 0; round < 20; ++round) {
      for (SSL* const end : {client, server}) {
        const int result = SSL_do_handshake(end);
        if (result != 1 && SSL_get_error(end, result) != SSL_ERROR_WANT_READ) {
          return false;
        }
      }
      if (SSL_is_init_finished(client) == 1 && SSL_is_init_finished(server) == 1) {
        return Exchange(client, server) && Exchange(server, client);
      }
    }
    return false;
  }

  [[nodiscard]] static bool Exchange(SSL* from, SSL* to) {
    std::array<char, 16> received{};
    return SSL_write(from, "hello", 5) == 5 && SSL_read(to, received.data(), received.size()) == 5;
  }

  void ExpectHandshake(const Identity& client, const Identity& server, const char* groups = nullptr) {
    const SslContextPtr client_context = Context(false, client);
    const SslContextPtr server_context = Context(true, server);
    if (groups != nullptr) {
      ASSERT_EQ(SSL_CTX_set1_groups_list(client_context.get(), groups), 1) << TakeErrors();
      ASSERT_EQ(SSL_CTX_set1_groups_list(server_context.get(), groups), 1) << TakeErrors();
    }
    const SslPtr client_end(SSL_new(client_context.get()));
    const SslPtr server_end(SSL_new(server_context.get()));
    EXPECT_TRUE(Handshake(client_end.get(), server_end.get())) << TakeErrors();
    EXPECT_EQ(SSL_get_verify_result(client_end.get()), X509_V_OK);
    EXPECT_EQ(SSL_get_verify_result(server_end.get()), X509_V_OK);
  }

  LibraryPtr library_;
  Identity ca_;
};
INSTANTIATE_TEST_SUITE_P(
    All, ProviderTls,
    testing::Values(Run{Order::kDefaultFirst, Protocol::kTls12}, Run{Order::kDefaultFirst, Protocol::kTls13},
                    Run{Order::kDefaultFirst, Protocol::kDtls12}, Run{Order::kSimrootFirst, Protocol::kTls12},
                    Run{Order::kSimrootFirst, Protocol::kTls13}, Run{Order::kSimrootFirst, Protocol::kDtls12}),
    [](const auto& run) { return RunName(run.param); });

TEST_P(ProviderTls, ClientKeyOnTheCard) {
  const Identity client = CardIdentity("iotsafe:01");
  const Identity server = SoftwareIdentity("P-256");
  const std::size_t before = CountTrace("COMPUTE SIGNATURE INIT");
  ExpectHandshake(client, server);
  EXPECT_EQ(CountTrace("COMPUTE SIGNATURE INIT"), before + 1);
}

TEST_P(ProviderTls, ServerKeyOnTheCard) {
  ExpectHandshake(SoftwareIdentity("P-256"), CardIdentity("iotsafe:01"));
}

TEST_P(ProviderTls, BothKeysOnCards) {
  const std::string other = MakeCard("server.bin");
  ExpectHandshake(CardIdentity("iotsafe:01"), CardIdentity("iotsafe:01?card=" + other));
}

TEST_P(ProviderTls, OtherCurvesBesideTheCard) {
  const Identity client = CardIdentity("iotsafe:01");
  const Identity server = SoftwareIdentity("P-384");
  // TLS 1.2 takes the list for the curves of certificates too, so both of these are in it.
  for (const char* groups : {"P-256:P-384", "P-384:P-256", "P-521:P-384:P-256", "X25519:P-384:P-256"}) {
    SCOPED_TRACE(groups);
    ExpectHandshake(client, server, groups);
  }
}

TEST_P(ProviderTls, SoftwareKeysOnly) {
  ExpectHandshake(SoftwareIdentity("P-521"), SoftwareIdentity("P-384"));
}

TEST_P(ProviderTls, ServerRefusesACertificateOfAnotherKey) {
  Identity client = CardIdentity("iotsafe:01");
  client.certificate = SoftwareIdentity("P-256").certificate;
  const SslContextPtr context(SSL_CTX_new_ex(library_.get(), nullptr, TLS_client_method()));
  ASSERT_EQ(SSL_CTX_use_certificate(context.get(), client.certificate.get()), 1);
  EXPECT_NE(SSL_CTX_use_PrivateKey(context.get(), client.key.get()), 1);
  ERR_clear_error();
}

TEST_P(ProviderTls, ResumptionNeedsNoSignature) {
  const Identity client = CardIdentity("iotsafe:01");
  const Identity server = SoftwareIdentity("P-256");
  const SslContextPtr client_context = Context(false, client);
  const SslContextPtr server_context = Context(true, server);
  constexpr std::array<unsigned char, 4> kServerName{'t', 'e', 's', 't'};
  SSL_CTX_set_session_id_context(server_context.get(), kServerName.data(), kServerName.size());
  SessionPtr session;
  {
    const SslPtr client_end(SSL_new(client_context.get()));
    const SslPtr server_end(SSL_new(server_context.get()));
    ASSERT_TRUE(Handshake(client_end.get(), server_end.get())) << TakeErrors();
    session.reset(SSL_get1_session(client_end.get()));
    SSL_shutdown(client_end.get());
  }
  const std::size_t signatures = CountTrace("COMPUTE SIGNATURE INIT");
  const SslPtr client_end(SSL_new(client_context.get()));
  const SslPtr server_end(SSL_new(server_context.get()));
  ASSERT_EQ(SSL_set_session(client_end.get(), session.get()), 1);
  ASSERT_TRUE(Handshake(client_end.get(), server_end.get())) << TakeErrors();
  EXPECT_EQ(SSL_session_reused(client_end.get()), 1);
  EXPECT_EQ(CountTrace("COMPUTE SIGNATURE INIT"), signatures);
}

}  // namespace
}  // namespace simroot::provider_test
