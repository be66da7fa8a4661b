// SPDX-License-Identifier: Apache-2.0
/// Who is let in and who is not, by real handshakes: each refusal has its own reason for us and the same face for the
/// peer.
#include "server/tls/attachment.hpp"

#include <algorithm>

#include "server/tls/testing/tls_world.hpp"

namespace simroot::server::testing {
namespace {

constexpr int kDecryptError = SSL3_AL_FATAL << 8 | SSL_AD_DECRYPT_ERROR;

class EveryKind : public ::testing::TestWithParam<Kind> {
 protected:
  TlsWorld world{GetParam()};

  /// A certificate of this world's CA that the middleware knows in this state.
  Holder Known(CredentialState state, const CertificateWish& wish = {}) {
    Holder holder = Issue(wish, &world.issuing);
    world.middleware.AddCertificate(holder.Fingerprint(), "meter-x", state);
    return holder;
  }
  void ExpectIn(const Ended& ended, CredentialId id) {
    EXPECT_TRUE(ended.client && ended.server && ended.echoed);
    const Verdict verdict = Identify(world.middleware, ended.server_end.get());
    EXPECT_TRUE(verdict.accepted());
    EXPECT_EQ(verdict.device.id, id);
    const Noted noted = world.OnlyNote();
    EXPECT_EQ(noted.refusal, Refusal::kNone);
    EXPECT_EQ(noted.id, id);
    EXPECT_EQ(noted.peer, "unix");
  }
  void ExpectOut(Ended& ended, Refusal refusal) {
    EXPECT_FALSE(ended.server);
    EXPECT_FALSE(ended.echoed);
    EXPECT_FALSE(Identify(world.middleware, ended.server_end.get()).accepted());
    ended.server_end.reset();
    EXPECT_EQ(NameOf(world.OnlyNote().refusal), NameOf(refusal));
  }
};
INSTANTIATE_TEST_SUITE_P(Tls, EveryKind, ::testing::ValuesIn(kAllKinds), [](const auto& test) {
  return std::string(test.param == Kind::kTls12 ? "Tls12" : test.param == Kind::kTls13 ? "Tls13" : "Dtls12");
});

TEST_P(EveryKind, LetsInACertificate) {
  world.Start();
  ExpectIn(world.Connect({.certificate = &world.device}), world.device_id);
}

TEST_P(EveryKind, LetsInACertificateThatComesWithItsChain) {
  world.middleware.SetAuthorities(Pem(world.root));
  world.Start();
  ExpectIn(world.Connect({.certificate = &world.device, .chain = &world.issuing}), world.device_id);
}

TEST_P(EveryKind, LetsInACertificateOfAnImportedCaWhoseRootNobodyHas) {
  world.middleware.SetAuthorities(Pem(world.issuing));
  world.Start();
  ExpectIn(world.Connect({.certificate = &world.device}), world.device_id);
}

TEST_P(EveryKind, LetsInASupersededCertificate) {
  world.Start();
  const Holder holder = Known(CredentialState::kSuperseded);
  ExpectIn(world.Connect({.certificate = &holder}), world.psk_id + 1);
}

TEST_P(EveryKind, LetsInAKey) {
  world.Start();
  ExpectIn(world.Connect({.psk_identity = "psk-1", .psk = world.psk}), world.psk_id);
}

TEST_P(EveryKind, LetsInAKeyWithCcm8AndWithEcdhe) {
  if (GetParam() == Kind::kTls12) {
    SSL_CTX_set_cipher_list(world.context(), "ALL");
  }
  world.Start();  // DTLS has CCM8 without being asked
  for (const char* const cipher : {"PSK-AES128-CCM8", "ECDHE-PSK-CHACHA20-POLY1305", "PSK-AES256-GCM-SHA384"}) {
    SCOPED_TRACE(cipher);
    ExpectIn(world.Connect({.psk_identity = "psk-1", .psk = world.psk, .ciphers = cipher}), world.psk_id);
  }
}

TEST_P(EveryKind, CertificatesAlone) {
  world.Start({.psk = false});
  ExpectIn(world.Connect({.certificate = &world.device}), world.device_id);
  Ended ended = world.Connect({.psk_identity = "psk-1", .psk = world.psk, .ciphers = "PSK"});
  ExpectOut(ended, GetParam() == Kind::kTls13 ? Refusal::kNoCredential : Refusal::kDowngrade);
}

TEST_P(EveryKind, KeysAlone) {
  world.Start({.certificates = false});
  ExpectIn(world.Connect({.psk_identity = "psk-1", .psk = world.psk, .ciphers = "PSK"}), world.psk_id);
  Ended ended = world.Connect({.certificate = &world.device});
  ExpectOut(ended, Refusal::kNoCredential);
  ended = world.Connect({});
  ExpectOut(ended, Refusal::kNoCredential);
}

TEST_P(EveryKind, RefusesNobody) {
  world.Start();
  Ended ended = world.Connect({});
  ExpectOut(ended, Refusal::kNoCredential);
}

TEST_P(EveryKind, LetsNobodyInWhereThatIsAllowedAndSaysSo) {
  world.Start({.optional = true});
  const Ended ended = world.Connect({});
  EXPECT_TRUE(ended.server && ended.echoed);
  EXPECT_EQ(Identify(world.middleware, ended.server_end.get()).refusal, Refusal::kNoCredential);
  EXPECT_EQ(world.OnlyNote().refusal, Refusal::kNoCredential);
  Refusal gone = Refusal::kNone;
  const auto watch = Watch(world.middleware, ended.server_end.get(), [&](Refusal refusal) { gone = refusal; });
  EXPECT_EQ(gone, Refusal::kNoCredential);

  ExpectIn(world.Connect({.certificate = &world.device}), world.device_id);
  const Holder suspended = Known(CredentialState::kSuspended);
  Ended out = world.Connect({.certificate = &suspended});
  ExpectOut(out, Refusal::kSuspended);
}

/// The platform has the issuing CA alone: nothing above or below it may count for more.
TEST_P(EveryKind, AnImportedCaIsTrustedForItsOwnClientsOnly) {
  const Holder sibling = Issue({.name = "sibling", .ca = true}, &world.root);
  const Holder below = Issue({.name = "below", .ca = true}, &sibling);
  const Holder ended = Issue({.name = "ended", .ca = true, .begins_s = -7200, .ends_s = -60}, &world.root);
  world.middleware.SetAuthorities(Pem(world.issuing) + Pem(ended));
  world.Start();
  struct Row {
    const char* name;
    Holder holder;
    const Holder* chain;
    Refusal refusal;
  };
  const Row rows[] = {
      {"of a sibling", Issue({}, &sibling), &sibling, Refusal::kForeignCertificate},
      {"of a CA below a sibling", Issue({}, &below), &below, Refusal::kForeignCertificate},
      {"of the root", Issue({}, &world.root), &world.root, Refusal::kForeignCertificate},
      {"for servers", Issue({.for_servers = true}, &world.issuing), nullptr, Refusal::kForeignCertificate},
      {"of a CA that has ended", Issue({}, &ended), nullptr, Refusal::kExpired},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    world.middleware.AddCertificate(row.holder.Fingerprint(), "meter-x");
    Ended out = world.Connect({.certificate = &row.holder, .chain = row.chain, .chain_end = &world.root});
    EXPECT_EQ(out.alert, kDecryptError);
    ExpectOut(out, row.refusal);
  }
}

TEST_P(EveryKind, ADeviceAmongTheAuthoritiesIssuesNothing) {
  world.middleware.SetAuthorities(Pem(world.device));
  world.Start();
  const Holder made = Issue({}, &world.device);
  world.middleware.AddCertificate(made.Fingerprint(), "meter-x");
  Ended ended = world.Connect({.certificate = &made, .chain = &world.device});
  EXPECT_EQ(ended.alert, kDecryptError);
  ExpectOut(ended, Refusal::kForeignCertificate);
}

/// A stranger does not choose what the server generates: no key of this size is made, the alert is the same.
TEST_P(EveryKind, AKeyOfAnOddSizeIsRefusedAtOnce) {
  world.Start();
  const Holder odd = Issue({.group = "RSA-2560"}, nullptr);
  Ended ended = world.Connect({.certificate = &odd});
  EXPECT_EQ(ended.alert, kDecryptError);
  EXPECT_NE(ended.alert_state, TLS_ST_SR_CERT_VRFY);
  ExpectOut(ended, Refusal::kForeignCertificate);
}

/// The table of everything that can be wrong with a certificate.
TEST_P(EveryKind, RefusalsOfCertificatesHaveTheirReasonForUsAndOneAlertForThePeer) {
  world.Start();
  const Holder other_root = Issue({.name = "root", .ca = true}, nullptr);
  const Holder no_ca = Known(CredentialState::kActive);
  struct Row {
    const char* name;
    Holder holder;
    Refusal refusal;
  };
  const Row rows[] = {
      {"key of another", Stolen(world.device), Refusal::kWrongKey},
      {"another tenant's CA", Issue({}, &other_root), Refusal::kForeignCertificate},
      {"forged issuer", Issue({.issuer_name = "issuing"}, &other_root), Refusal::kForeignCertificate},
      {"self signed", Issue({}, nullptr), Refusal::kForeignCertificate},
      {"issued by a device", Issue({}, &no_ca), Refusal::kForeignCertificate},
      {"for servers", Issue({.for_servers = true}, &world.issuing), Refusal::kForeignCertificate},
      {"unknown", Issue({}, &world.issuing), Refusal::kUnknownCertificate},
      {"unknown on P-384", Issue({.group = "P-384"}, &world.issuing), Refusal::kUnknownCertificate},
      {"unknown on P-521", Issue({.group = "P-521"}, &world.issuing), Refusal::kUnknownCertificate},
      {"unknown RSA", Issue({.group = "RSA"}, &world.issuing), Refusal::kUnknownCertificate},
      {"unknown RSA-PSS", Issue({.group = "RSA-PSS"}, &world.issuing), Refusal::kUnknownCertificate},
      {"unknown Ed25519", Issue({.group = "ED25519"}, &world.issuing), Refusal::kUnknownCertificate},
      {"expired", Known(CredentialState::kActive, {.begins_s = -7200, .ends_s = -60}), Refusal::kExpired},
      {"expired and unknown", Issue({.begins_s = -7200, .ends_s = -60}, &world.issuing), Refusal::kExpired},
      {"not yet valid", Known(CredentialState::kActive, {.begins_s = 600, .ends_s = 7200}), Refusal::kNotYetValid},
      {"expired as the platform says", Known(CredentialState::kExpired), Refusal::kExpired},
      {"pending", Known(CredentialState::kPending), Refusal::kPending},
      {"suspended", Known(CredentialState::kSuspended), Refusal::kSuspended},
      {"revoked", Known(CredentialState::kRevoked), Refusal::kRevoked},
      {"deleted", Known(CredentialState::kDeleted), Refusal::kRevoked},
      {"revoked and stolen", Stolen(Known(CredentialState::kRevoked)), Refusal::kRevoked},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Ended ended = world.Connect({.certificate = &row.holder});
    EXPECT_EQ(ended.alert, kDecryptError);
    // Not even the moment tells: all are refused where the proof of possession is.
    EXPECT_EQ(ended.alert_state, TLS_ST_SR_CERT_VRFY);
    ExpectOut(ended, row.refusal);
  }
}

TEST_P(EveryKind, RefusalsOfKeysHaveTheirReasonForUsAndOneFaceForThePeer) {
  world.Start();
  struct Row {
    const char* identity;
    Bytes key;
    Refusal refusal;
  };
  const Bytes key(16, 0x22);
  world.middleware.AddPsk("pending", "a", key, CredentialState::kPending);
  world.middleware.AddPsk("suspended", "b", key, CredentialState::kSuspended);
  world.middleware.AddPsk("revoked", "c", key, CredentialState::kRevoked);
  const std::string too_long(129, 'x');
  std::vector<Row> rows{
      {"psk-1", Bytes(16, 0x12), Refusal::kWrongKey},  {"psk-1", Bytes(15, 0x11), Refusal::kWrongKey},
      {"psk-2", world.psk, Refusal::kUnknownIdentity}, {"PSK-1", world.psk, Refusal::kUnknownIdentity},
      {"psk-", world.psk, Refusal::kUnknownIdentity},  {"pending", key, Refusal::kPending},
      {"suspended", key, Refusal::kSuspended},         {"revoked", key, Refusal::kRevoked},
      {"revoked", Bytes(16, 0x23), Refusal::kRevoked}};
  if (GetParam() != Kind::kTls13) {  // there it would be a ticket
    rows.push_back({too_long.c_str(), key, Refusal::kUnknownIdentity});
    rows.push_back({"psk\x01", key, Refusal::kUnknownIdentity});
  }
  const int alert = GetParam() == Kind::kTls12   ? SSL3_AL_FATAL << 8 | SSL_AD_BAD_RECORD_MAC
                    : GetParam() == Kind::kTls13 ? SSL3_AL_FATAL << 8 | SSL_AD_ILLEGAL_PARAMETER
                                                 : -1;  // DTLS says nothing (RFC 6347 4.1.2.7)
  for (const Row& row : rows) {
    SCOPED_TRACE(row.identity);
    Ended ended = world.Connect({.psk_identity = row.identity, .psk = row.key, .ciphers = "PSK"});
    EXPECT_EQ(ended.alert, alert);
    ExpectOut(ended, row.refusal);
  }
  ExpectIn(world.Connect({.psk_identity = "psk-1", .psk = world.psk}), world.psk_id);
}

TEST_P(EveryKind, RefusesEverybodyWhenStale) {
  world.Start();
  world.middleware.SetStale(true);
  Ended ended = world.Connect({.certificate = &world.device});
  EXPECT_EQ(ended.alert, kDecryptError);
  ExpectOut(ended, Refusal::kStale);
  ended = world.Connect({.psk_identity = "psk-1", .psk = world.psk, .ciphers = "PSK"});
  ExpectOut(ended, Refusal::kStale);
}

TEST_P(EveryKind, FollowsNewAuthorities) {
  world.Start();
  const Holder root = Issue({.name = "new root", .ca = true}, nullptr);
  const Holder holder = Issue({}, &root);
  const CredentialId id = world.middleware.AddCertificate(holder.Fingerprint(), "meter-3");
  Ended ended = world.Connect({.certificate = &holder});
  ExpectOut(ended, Refusal::kForeignCertificate);
  world.middleware.SetAuthorities(Pem(root));
  ExpectIn(world.Connect({.certificate = &holder}), id);
  ended = world.Connect({.certificate = &world.device});
  ExpectOut(ended, Refusal::kForeignCertificate);
  world.middleware.SetAuthorities("no certificates");
  ended = world.Connect({.certificate = &holder});
  ExpectOut(ended, Refusal::kForeignCertificate);
}

TEST_P(EveryKind, KnowsWhoIsThereAsOfNow) {
  world.Start();
  const Ended ended = world.Connect({.certificate = &world.device});
  EXPECT_TRUE(Identify(world.middleware, ended.server_end.get()).accepted());
  world.middleware.SetState(world.device_id, CredentialState::kSuspended);
  EXPECT_EQ(Identify(world.middleware, ended.server_end.get()).refusal, Refusal::kSuspended);
  world.middleware.SetState(world.device_id, CredentialState::kActive);
  EXPECT_TRUE(Identify(world.middleware, ended.server_end.get()).accepted());
  // Somebody else's middleware knows nobody of this one.
  FakeMiddleware other;
  EXPECT_EQ(Identify(other, ended.server_end.get()).refusal, Refusal::kNoCredential);
  EXPECT_EQ(Identify(world.middleware, ended.client_end.get()).refusal, Refusal::kNoCredential);
  EXPECT_EQ(Identify(world.middleware, nullptr).refusal, Refusal::kNoCredential);
}

TEST_P(EveryKind, AConnectionThatIsUsedAgainIsNobodysBefore) {
  world.Start();
  const Ended ended = world.Connect({.certificate = &world.device});
  ASSERT_EQ(SSL_clear(ended.server_end.get()), 1);
  EXPECT_EQ(Identify(world.middleware, ended.server_end.get()).refusal, Refusal::kNoCredential);
}

TEST_P(EveryKind, RefusesWeakOffers) {
  world.Start();
  std::vector<ClientWish> offers;
  offers.push_back({.certificate = &world.device,
                    .ciphers = "AES128-SHA:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0",
                    .suites = "TLS_AES_128_CCM_8_SHA256"});
  offers.push_back(
      {.certificate = &world.device, .ciphers = "AECDH:NULL:@SECLEVEL=0", .suites = "TLS_AES_128_CCM_SHA256"});
  offers.push_back({.psk_identity = "psk-1",
                    .psk = world.psk,
                    .ciphers = "PSK-AES128-CBC-SHA256:PSK-AES128-CBC-SHA",
                    .suites = "TLS_AES_128_CCM_8_SHA256"});
  if (GetParam() == Kind::kTls13) {
    offers.push_back({.certificate = &world.device, .highest = TLS1_2_VERSION});
  } else {
    offers.push_back(
        {.certificate = &world.device, .highest = GetParam() == Kind::kTls12 ? TLS1_1_VERSION : DTLS1_VERSION});
  }
  for (const ClientWish& offer : offers) {
    SCOPED_TRACE(offer.ciphers);
    Ended ended = world.Connect(offer);
    EXPECT_NE(ended.alert, -1);
    ended.server_end.reset();
    const Noted noted = world.OnlyNote();
    EXPECT_EQ(NameOf(noted.refusal), "downgrade");
    EXPECT_EQ(noted.id, 0);  // names nobody
  }
}

TEST(Downgrade, ASecondTryWithALowerVersionIsRefused) {
  TlsWorld world(Kind::kTls13);
  SSL_CTX_set_min_proto_version(world.context(), 0);
  world.Start();
  EXPECT_EQ(SSL_CTX_get_min_proto_version(world.context()), TLS1_2_VERSION);
  Ended ended = world.Connect({.certificate = &world.device, .highest = TLS1_2_VERSION, .fallback = true});
  EXPECT_EQ(ended.alert, SSL3_AL_FATAL << 8 | SSL_AD_INAPPROPRIATE_FALLBACK);
  EXPECT_EQ(world.OnlyNote().refusal, Refusal::kDowngrade);
}

TEST(Downgrade, NoiseIsNoRefusal) {
  TlsWorld world(Kind::kTls12);
  world.Start();
  const Connection server(SSL_new(world.context()));
  BIO* const in = BIO_new(BIO_s_mem());
  BIO_puts(in, "GET / HTTP/1.1\r\n\r\n");
  SSL_set_bio(server.get(), in, BIO_new(BIO_s_mem()));
  SSL_set_accept_state(server.get());
  EXPECT_NE(SSL_do_handshake(server.get()), 1);
  ERR_clear_error();
  EXPECT_TRUE(world.middleware.TakeNotes().empty());
}

TEST(Attach, RefusesWhatCannotBe) {
  TlsWorld world(Kind::kTls12);
  EXPECT_FALSE(Attach(world.middleware, nullptr));
  EXPECT_FALSE(Attach(world.middleware, world.context(), {.certificates = false, .psk = false}));
  ASSERT_TRUE(Attach(world.middleware, world.context()));
  EXPECT_FALSE(Attach(world.middleware, world.context()));

  // What is refused changes nothing.
  const auto count = [&] { return sk_SSL_CIPHER_num(SSL_CTX_get_ciphers(world.context())); };
  const int ciphers = count();
  EXPECT_FALSE(Attach(world.middleware, world.context(), {.psk = false}));
  EXPECT_EQ(count(), ciphers);

  const Context old(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_max_proto_version(old.get(), TLS1_1_VERSION);
  EXPECT_FALSE(Attach(world.middleware, old.get()));
  const Context weak(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_cipher_list(weak.get(), "AES128-SHA256");
  EXPECT_FALSE(Attach(world.middleware, weak.get()));
}

TEST(Attach, KeepsAHigherVersionAndTheOrderOfCiphers) {
  FakeMiddleware middleware;
  const Context context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
  SSL_CTX_set_cipher_list(context.get(), "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA:ECDHE-ECDSA-AES256-GCM-SHA384");
  ASSERT_TRUE(Attach(middleware, context.get()));
  EXPECT_EQ(SSL_CTX_get_min_proto_version(context.get()), TLS1_3_VERSION);
  const STACK_OF(SSL_CIPHER)* const ciphers = SSL_CTX_get_ciphers(context.get());
  std::string names;
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    names += std::string(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i))) + " ";
  }
  EXPECT_EQ(names,
            "TLS_CHACHA20_POLY1305_SHA256 TLS_AES_256_GCM_SHA384 ECDHE-RSA-AES128-GCM-SHA256 "
            "ECDHE-ECDSA-AES256-GCM-SHA384 ");
}

TEST(Attach, AKeyGoesWithSha256OnlyAndIsTriedWithNoOther) {
  TlsWorld world(Kind::kTls13);
  world.Start();
  Ended ended = world.Connect(
      {.psk_identity = "psk-1", .psk = world.psk, .suites = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"});
  EXPECT_TRUE(ended.echoed);
  EXPECT_STREQ(SSL_get_cipher(ended.server_end.get()), "TLS_AES_128_GCM_SHA256");
}

TEST(Attach, AKeySurvivesASecondHello) {
  TlsWorld world(Kind::kTls13);
  SSL_CTX_set1_groups_list(world.context(), "P-256");
  world.Start();
  const Ended ended = world.Connect({.psk_identity = "psk-1", .psk = world.psk, .groups = "X25519:P-256"});
  EXPECT_TRUE(ended.echoed);
  EXPECT_EQ(world.OnlyNote().id, world.psk_id);
}

}  // namespace
}  // namespace simroot::server::testing
