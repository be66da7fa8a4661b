// SPDX-License-Identifier: Apache-2.0
/// Resumption: the device stays who it was, and nobody comes back that way who would not be let in.
#include <atomic>
#include <map>
#include <thread>

#include "server/tls/testing/tls_world.hpp"

namespace simroot::server::testing {
namespace {

/// A cache of the application's own, of all contexts of a test.
class Cache {
 public:
  static void On(SSL_CTX* context) {
    Sessions().clear();
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER);
    SSL_CTX_sess_set_new_cb(context, [](SSL* /*connection*/, SSL_SESSION* session) {
      Sessions()[IdOf(session)].reset(session);
      return 1;
    });
    SSL_CTX_sess_set_get_cb(context,
                            [](SSL* /*connection*/, const unsigned char* id, int size, int* copy) -> SSL_SESSION* {
                              *copy = 1;
                              const auto found = Sessions().find({id, id + size});
                              return found == Sessions().end() ? nullptr : found->second.get();
                            });
    SSL_CTX_sess_set_remove_cb(context,
                               [](SSL_CTX* /*context*/, SSL_SESSION* session) { Sessions().erase(IdOf(session)); });
  }
  static void Off() { Sessions().clear(); }

 private:
  static std::map<Bytes, Session>& Sessions() {
    static std::map<Bytes, Session> sessions;
    return sessions;
  }
  static Bytes IdOf(SSL_SESSION* session) {
    unsigned size = 0;
    const unsigned char* const id = SSL_SESSION_get_id(session, &size);
    return {id, id + size};
  }
};

struct Way {
  Kind kind;
  bool psk;
  bool cache;  ///< of the application's, instead of tickets
};

class EveryWay : public ::testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    if (GetParam().cache) {
      SSL_CTX_set_options(world.context(), SSL_OP_NO_TICKET);
      Cache::On(world.context());
    }
    world.Start();
    wish.no_tickets = GetParam().cache && GetParam().kind != Kind::kTls13;
    if (GetParam().psk) {
      wish.psk_identity = "psk-1";
      wish.psk = world.psk;
      wish.ciphers = "PSK";
    } else {
      wish.certificate = &world.device;
    }
    first = world.Connect(wish);
    ASSERT_TRUE(first.echoed);
    ASSERT_EQ(world.OnlyNote().id, Id());
    wish.session = first.session.get();
  }
  void TearDown() override { Cache::Off(); }

  [[nodiscard]] CredentialId Id() const { return GetParam().psk ? world.psk_id : world.device_id; }

  TlsWorld world{GetParam().kind};
  ClientWish wish;
  Ended first;
};
INSTANTIATE_TEST_SUITE_P(Tls, EveryWay,
                         ::testing::Values(Way{Kind::kTls12, false, false}, Way{Kind::kTls13, false, false},
                                           Way{Kind::kDtls12, false, false}, Way{Kind::kTls12, true, false},
                                           Way{Kind::kTls13, true, false}, Way{Kind::kDtls12, true, false},
                                           Way{Kind::kTls12, false, true}, Way{Kind::kTls13, false, true},
                                           Way{Kind::kTls12, true, true}, Way{Kind::kTls13, true, true}),
                         [](const auto& test) {
                           std::string name = NameOf(test.param.kind);
                           std::erase_if(name, [](char c) { return c == ' ' || c == '.'; });
                           return name + (test.param.psk ? "Psk" : "Certificate") +
                                  (test.param.cache ? "Cache" : "Ticket");
                         });

TEST_P(EveryWay, AResumedSessionIsTheSameDevices) {
  if (GetParam().psk) {
    wish.psk_identity = "psk-1";  // offered as well, for the case that the session is not taken
  } else {
    wish.certificate = nullptr;
  }
  const Ended again = world.Connect(wish);
  EXPECT_TRUE(again.echoed);
  EXPECT_TRUE(again.resumed);
  const Verdict verdict = Identify(world.middleware, again.server_end.get());
  EXPECT_TRUE(verdict.accepted());
  EXPECT_EQ(verdict.device.id, Id());
  const Noted noted = world.OnlyNote();
  EXPECT_EQ(noted.refusal, Refusal::kNone);
  EXPECT_EQ(noted.id, Id());
}

TEST_P(EveryWay, NobodyComesBackByResumptionWhoIsRefused) {
  for (const auto& [state, refusal] : {std::pair(CredentialState::kSuspended, Refusal::kSuspended),
                                       std::pair(CredentialState::kRevoked, Refusal::kRevoked)}) {
    world.middleware.SetState(Id(), state);
    Ended again = world.Connect(wish);
    EXPECT_FALSE(again.echoed);
    EXPECT_FALSE(Identify(world.middleware, again.server_end.get()).accepted());
    again.server_end.reset();
    EXPECT_EQ(NameOf(world.OnlyNote().refusal), NameOf(refusal));
  }
}

TEST_P(EveryWay, ASessionIsNotThatOfTheNextCredentialWithItsId) {
  if (!GetParam().psk) {
    wish.certificate = nullptr;
  }
  wish.psk_identity.clear();
  wish.ciphers.clear();
  world.middleware.GiveAgain(Id(), "89490000000000009999");
  EXPECT_EQ(Identify(world.middleware, first.server_end.get()).refusal, Refusal::kRevoked);
  const Ended again = world.Connect(wish);
  EXPECT_FALSE(again.echoed);
  EXPECT_FALSE(Identify(world.middleware, again.server_end.get()).accepted());
}

TEST_P(EveryWay, ASessionWithoutItsSecretIsNoUse) {
  if (!GetParam().psk) {
    wish.certificate = nullptr;
  }
  world.middleware.SetState(Id(), CredentialState::kRevoked);
  wish.psk_identity.clear();
  wish.ciphers.clear();
  Ended again = world.Connect(wish);
  EXPECT_FALSE(again.echoed);
  again.server_end.reset();
  EXPECT_EQ(world.middleware.TakeNotes().size(), 1U);
}

TEST(SeveralContexts, HandshakesInManyThreads) {
  TlsWorld world(Kind::kTls13);
  world.Start();
  std::vector<std::thread> threads;
  std::atomic<int> echoed = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 20; ++round) {
        if (i == 0) {
          world.middleware.SetAuthorities(Pem(world.issuing) + Pem(world.root));
        } else if (world.Connect({.certificate = &world.device}).echoed) {
          ++echoed;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(echoed, 60);
  EXPECT_EQ(world.middleware.TakeNotes().size(), 60U);
}

/// The application puts its own callback for tickets in the place of ours: what is refused gets nowhere all the same.
TEST(SecondLine, WhoIsRefusedCanNeitherReadNorWrite) {
  for (const Kind kind : kAllKinds) {
    SCOPED_TRACE(NameOf(kind));
    TlsWorld world(kind);
    world.Start();
    SSL_CTX_set_session_ticket_cb(
        world.context(), nullptr,
        [](SSL* /*connection*/, SSL_SESSION* /*session*/, const unsigned char* /*name*/, std::size_t /*size*/,
           SSL_TICKET_STATUS status, void* /*unused*/) -> SSL_TICKET_RETURN {
          return status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW ? SSL_TICKET_RETURN_USE
                                                                                    : SSL_TICKET_RETURN_IGNORE_RENEW;
        },
        nullptr);
    ClientWish wish{.certificate = &world.device};
    const Ended first = world.Connect(wish);
    EXPECT_TRUE(first.echoed);
    wish.session = first.session.get();
    world.middleware.SetState(world.device_id, CredentialState::kRevoked);
    (void)world.OnlyNote();
    const Ended again = world.Connect(wish);
    EXPECT_TRUE(again.resumed);
    EXPECT_FALSE(again.echoed);
    EXPECT_EQ(Identify(world.middleware, again.server_end.get()).refusal, Refusal::kRevoked);
    EXPECT_EQ(world.OnlyNote().refusal, Refusal::kRevoked);
  }
}

/// A server of one tenant's that goes over to another tenant's when it hears the name of the host.
TEST(SeveralContexts, WhoIsThereIsSaidByTheMiddlewareOfTheContextThatCounts) {
  for (const Kind kind : {Kind::kTls12, Kind::kTls13}) {
    SCOPED_TRACE(NameOf(kind));
    TlsWorld front(kind);
    TlsWorld other(kind);
    front.Start();
    other.Start();
    // Known to both, as two devices.
    (void)other.middleware.AddPsk("psk-x", "x", Bytes(16, 1));
    const CredentialId id = other.middleware.AddCertificate(front.device.Fingerprint(), "meter-9");
    other.middleware.SetAuthorities(*front.middleware.Authorities());
    SSL_CTX_set_tlsext_servername_arg(front.context(), other.context());
    SSL_CTX_set_tlsext_servername_callback(
        front.context(), +[](SSL* connection, int* /*alert*/, void* elsewhere) -> int {
          SSL_set_SSL_CTX(connection, static_cast<SSL_CTX*>(elsewhere));
          return SSL_TLSEXT_ERR_OK;
        });
    const Ended ended = front.Connect({.certificate = &front.device});
    EXPECT_TRUE(ended.echoed);
    EXPECT_EQ(Identify(front.middleware, ended.server_end.get()).refusal, Refusal::kNoCredential);
    EXPECT_EQ(Identify(other.middleware, ended.server_end.get()).device.id, id);
    EXPECT_EQ(other.OnlyNote().id, id);
    EXPECT_TRUE(front.middleware.TakeNotes().empty());
    std::vector<Refusal> told;
    const auto watch =
        Watch(other.middleware, ended.server_end.get(), [&](Refusal refusal) { told.push_back(refusal); });
    front.middleware.SetState(front.device_id, CredentialState::kRevoked);
    EXPECT_TRUE(told.empty());
    other.middleware.SetState(id, CredentialState::kRevoked);
    EXPECT_EQ(told.size(), 1U);
  }
}

/// A front that takes both kinds of credentials, and a host behind it that takes one.
class BehindAFront : public ::testing::TestWithParam<std::tuple<Kind, bool>> {
 protected:
  BehindAFront() : world(std::get<0>(GetParam())), host_(SSL_CTX_new(TLS_server_method())) {}

  void Start(const AttachOptions& host) {
    SSL_CTX* const front = world.context();
    world.Start();
    SSL_CTX_use_certificate(host_.get(), SSL_CTX_get0_certificate(front));
    SSL_CTX_use_PrivateKey(host_.get(), SSL_CTX_get0_privatekey(front));
    ASSERT_TRUE(Attach(world.middleware, host_.get(), host));
    SSL_CTX_set_tlsext_servername_arg(front, host_.get());
  }
  /// Whether the name of the host in the hello counts.
  void Choose(bool on) {
    int (*const chosen)(SSL*, int*, void*) = on ? OnName : nullptr;
    SSL_CTX_set_tlsext_servername_callback(world.context(), chosen);
  }
  void ExpectOut(const ClientWish& wish) {
    (void)world.middleware.TakeNotes();
    const Ended ended = world.Connect(wish);
    EXPECT_FALSE(ended.echoed);
    EXPECT_EQ(Identify(world.middleware, ended.server_end.get()).refusal, Refusal::kNoCredential);
    int gone = 0;
    EXPECT_EQ(Watch(world.middleware, ended.server_end.get(), [&](Refusal /*refusal*/) { ++gone; }), nullptr);
    EXPECT_EQ(gone, 1);
    for (const Noted& noted : world.middleware.TakeNotes()) {
      EXPECT_NE(noted.refusal, Refusal::kNone);
    }
  }
  /// First as a whole handshake, then with a ticket that the front has given.
  void ExpectOutBothWays(ClientWish wish) {
    Choose(true);
    ExpectOut(wish);
    Choose(false);
    const Ended first = world.Connect(wish);
    EXPECT_TRUE(first.echoed);
    wish.session = first.session.get();
    Choose(true);
    ExpectOut(wish);
  }
  [[nodiscard]] bool Optional() const { return std::get<1>(GetParam()); }

  TlsWorld world;

 private:
  static int OnName(SSL* connection, int* /*alert*/, void* host) {
    SSL_set_SSL_CTX(connection, static_cast<SSL_CTX*>(host));
    return SSL_TLSEXT_ERR_OK;
  }

  Context host_;
};
INSTANTIATE_TEST_SUITE_P(Tls, BehindAFront,
                         ::testing::Combine(::testing::Values(Kind::kTls12, Kind::kTls13), ::testing::Bool()));

TEST_P(BehindAFront, AHostForCertificatesTakesNoKey) {
  Start({.psk = false, .optional = Optional()});
  ExpectOutBothWays({.psk_identity = "psk-1", .psk = world.psk, .ciphers = "PSK"});
  EXPECT_TRUE(world.Connect({.certificate = &world.device}).echoed);
}

TEST_P(BehindAFront, AHostForKeysTakesNoCertificate) {
  Start({.certificates = false, .optional = Optional()});
  Choose(false);
  ClientWish wish{.certificate = &world.device};
  const Ended first = world.Connect(wish);
  EXPECT_TRUE(first.echoed);
  wish.session = first.session.get();
  Choose(true);
  ExpectOut(wish);
}

/// Whoever is refused is shut out before anything else is done, which may fail.
TEST(SecondLine, HoldsWithoutMemoryForTheLog) {
  for (const bool is_refused : {true, false}) {
    TlsWorld world(Kind::kTls13);
    world.Start();
    SSL_CTX_set_session_ticket_cb(
        world.context(), nullptr,
        [](SSL* /*connection*/, SSL_SESSION* /*session*/, const unsigned char* /*name*/, std::size_t /*size*/,
           SSL_TICKET_STATUS /*status*/, void* /*unused*/) -> SSL_TICKET_RETURN { return SSL_TICKET_RETURN_USE; },
        nullptr);
    ClientWish wish{.certificate = &world.device};
    const Ended first = world.Connect(wish);
    EXPECT_TRUE(first.echoed);
    wish.session = first.session.get();
    world.middleware.SetState(world.device_id, is_refused ? CredentialState::kRevoked : CredentialState::kActive);
    world.middleware.FailToNote();
    const Ended again = world.Connect(wish);
    EXPECT_TRUE(again.resumed);
    EXPECT_FALSE(again.echoed);
    EXPECT_EQ(SSL_get_shutdown(again.server_end.get()), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }
}

TEST(SeveralContexts, OneMiddlewareForTlsAndDtls) {
  TlsWorld world(Kind::kTls13);
  world.Start();
  const Context dtls(SSL_CTX_new(DTLS_server_method()));
  ASSERT_TRUE(Attach(world.middleware, dtls.get()));
  EXPECT_EQ(SSL_CTX_get_min_proto_version(dtls.get()), DTLS1_2_VERSION);
  EXPECT_TRUE(world.Connect({.certificate = &world.device}).echoed);
}

/// Two tenants' listeners that share their ticket keys.
TEST(SecondLine, ASessionIsOfItsTenant) {
  TlsWorld world(Kind::kTls13);
  world.Start();
  FakeMiddleware other("globex");
  const Holder server = Issue({.name = "server", .for_servers = true}, &world.root);
  const Context context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_use_certificate(context.get(), server.certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), server.key.get());
  ASSERT_TRUE(Attach(other, context.get()));
  std::array<unsigned char, 80> keys{};
  SSL_CTX_get_tlsext_ticket_keys(world.context(), keys.data(), keys.size());
  SSL_CTX_set_tlsext_ticket_keys(context.get(), keys.data(), keys.size());

  ClientWish wish{.certificate = &world.device};
  const Ended first = world.Connect(wish);
  wish.session = first.session.get();
  EXPECT_TRUE(world.Connect(wish).resumed);
  const Ended elsewhere = world.Connect(wish, context.get());
  EXPECT_FALSE(elsewhere.resumed);
  EXPECT_FALSE(elsewhere.echoed);
}

}  // namespace
}  // namespace simroot::server::testing
