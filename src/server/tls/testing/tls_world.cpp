// SPDX-License-Identifier: Apache-2.0
#include "server/tls/testing/tls_world.hpp"

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cstring>

namespace simroot::server::testing {
namespace {

using Bio = std::unique_ptr<BIO, crypto::FreeWith<BIO_free_all>>;

void AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  ASSERT_NE(extension, nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

void SetName(X509_NAME* name, const std::string& text) {
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1,
                             0);
}

Key MakeKey(const std::string& group) {
  if (group == "RSA-PSS") {
    const crypto::EvpPkeyCtx context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr));
    EVP_PKEY* made = nullptr;
    EXPECT_TRUE(EVP_PKEY_keygen_init(context.get()) == 1 && EVP_PKEY_generate(context.get(), &made) == 1);
    return {made, EVP_PKEY_free};
  }
  EVP_PKEY* const made = group == "RSA"        ? EVP_RSA_gen(2048)
                         : group == "RSA-2560" ? EVP_RSA_gen(2560)
                         : group == "ED25519"  ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                                               : EVP_EC_gen(group.c_str());
  return {made, EVP_PKEY_free};
}

/// The client keeps what it is sent in its Ended.
void OnClientInfo(const SSL* client, int where, int value) {
  auto* const ended = static_cast<Ended*>(SSL_get_app_data(client));
  if (where == SSL_CB_READ_ALERT && ended != nullptr && value >> 8 == SSL3_AL_FATAL) {
    ended->alert = value;
  }
}
/// The application's own info callback: Attach must go on calling it.
void OnServerInfo(const SSL* server, int where, int value) {
  auto* const ended = static_cast<Ended*>(SSL_get_app_data(server));
  if (where == SSL_CB_WRITE_ALERT && ended != nullptr && value >> 8 == SSL3_AL_FATAL) {
    ended->alert_state = SSL_get_state(server);
  }
}

thread_local Bytes g_psk;  // of the client that connects in this thread
thread_local std::string g_identity;
unsigned OnClientPsk(SSL* /*client*/, const char* /*hint*/, char* identity, unsigned identity_room, unsigned char* psk,
                     unsigned room) {
  if (g_identity.size() >= identity_room || g_psk.size() > room) {
    return 0;
  }
  std::memcpy(identity, g_identity.c_str(), g_identity.size() + 1);
  std::memcpy(psk, g_psk.data(), g_psk.size());
  return static_cast<unsigned>(g_psk.size());
}

void GiveSockets(SSL* one, SSL* other, bool datagrams) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, (datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()),
            0);
  for (const auto& [connection, fd] : {std::pair(one, ends[0]), std::pair(other, ends[1])}) {
    BIO* const bio = BIO_new_socket(fd, BIO_CLOSE);
    SSL_set_bio(connection, bio, bio);
    if (datagrams) {
      SSL_set_options(connection, SSL_OP_NO_QUERY_MTU);
      SSL_set_mtu(connection, 1400);
    }
  }
}

/// Lets both ends speak until neither has anything new to say.
void Pump(SSL* client, SSL* server, Ended& ended) {
  constexpr std::string_view kPing = "meter reading 42";
  std::array<char, 64> buffer{};
  bool sent = false;
  for (int round = 0; round < 12; ++round) {
    ERR_clear_error();
    ended.client = SSL_do_handshake(client) == 1;
    if (ended.client && !sent) {
      sent = SSL_write(client, kPing.data(), static_cast<int>(kPing.size())) > 0;
    }
    ERR_clear_error();
    ended.server = SSL_do_handshake(server) == 1;
    if (ended.server) {
      if (const int got = SSL_read(server, buffer.data(), buffer.size()); got > 0) {
        SSL_write(server, buffer.data(), got);
      }
    }
    ERR_clear_error();
    if (ended.client && SSL_read(client, buffer.data(), buffer.size()) > 0) {
      ended.echoed = true;
    }
  }
  ERR_clear_error();
}

}  // namespace

const char* NameOf(Kind kind) {
  return kind == Kind::kTls12 ? "TLS 1.2" : kind == Kind::kTls13 ? "TLS 1.3" : "DTLS 1.2";
}

server::Fingerprint Holder::Fingerprint() const {
  server::Fingerprint fingerprint{};
  X509_digest(certificate.get(), EVP_sha256(), fingerprint.data(), nullptr);
  return fingerprint;
}

Holder Issue(const CertificateWish& wish, const Holder* issuer) {
  static long serial = 1000;
  Holder made{.certificate = {X509_new(), X509_free}, .key = MakeKey(wish.group)};
  X509* const x = made.certificate.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(x), wish.begins_s);
  X509_gmtime_adj(X509_getm_notAfter(x), wish.ends_s);
  SetName(X509_get_subject_name(x), wish.name);
  X509* const parent = issuer == nullptr ? x : issuer->certificate.get();
  if (wish.issuer_name.empty()) {
    X509_set_issuer_name(x, X509_get_subject_name(parent));
  } else {
    SetName(X509_get_issuer_name(x), wish.issuer_name);
  }
  X509_set_pubkey(x, made.key.get());
  AddExtension(x, parent, NID_basic_constraints, wish.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  AddExtension(x, parent, NID_key_usage, wish.ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
  if (!wish.ca) {
    AddExtension(x, parent, NID_ext_key_usage, wish.for_servers ? "serverAuth" : "clientAuth");
  }
  EVP_PKEY* const signer = (issuer == nullptr ? made.key : issuer->key).get();
  X509_sign(x, signer, EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256());
  return made;
}

Holder Stolen(const Holder& from) {
  // The public half of the one and the private half of the other: OpenSSL's client compares the public halves only.
  const Key thief = MakeKey("P-256");
  BIGNUM* number = nullptr;
  std::array<unsigned char, 65> point{};
  std::size_t size = 0;
  EVP_PKEY_get_bn_param(thief.get(), OSSL_PKEY_PARAM_PRIV_KEY, &number);
  const crypto::SecretBignum scalar(number);
  EVP_PKEY_get_octet_string_param(from.key.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &size);
  const crypto::ParamBuilder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), size);
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar.get());
  const crypto::Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const crypto::EvpPkeyCtx context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* made = nullptr;
  EVP_PKEY_fromdata_init(context.get());
  EXPECT_EQ(EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, params.get()), 1);
  return {.certificate = from.certificate, .key = {made, EVP_PKEY_free}};
}

std::string Pem(const Holder& holder) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), holder.certificate.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

TlsWorld::TlsWorld(Kind kind) : kind_(kind) {
  middleware.SetAuthorities(Pem(root) + Pem(issuing));
  context_.reset(SSL_CTX_new(kind == Kind::kDtls12 ? DTLS_server_method() : TLS_server_method()));
  SSL_CTX_use_certificate(context_.get(), server_.certificate.get());
  SSL_CTX_use_PrivateKey(context_.get(), server_.key.get());
  SSL_CTX_set_info_callback(context_.get(), OnServerInfo);
  if (kind == Kind::kTls12) {
    SSL_CTX_set_max_proto_version(context_.get(), TLS1_2_VERSION);
  } else if (kind == Kind::kTls13) {
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_3_VERSION);
  }
}

void TlsWorld::Start(const AttachOptions& options) {
  const auto attached = Attach(middleware, context_.get(), options);
  ASSERT_TRUE(attached) << attached.error().Text();
}

Context TlsWorld::MakeClient(const ClientWish& wish) const {
  Context client(SSL_CTX_new(kind_ == Kind::kDtls12 ? DTLS_client_method() : TLS_client_method()));
  SSL_CTX* const context = client.get();
  SSL_CTX_set_security_level(context, 0);  // it may offer what it wants
  SSL_CTX_set_info_callback(context, OnClientInfo);
  SSL_CTX_set_min_proto_version(context, 0);
  SSL_CTX_set_max_proto_version(context, wish.highest);
  if (wish.certificate != nullptr) {
    SSL_CTX_use_certificate(context, wish.certificate->certificate.get());
    SSL_CTX_use_PrivateKey(context, wish.certificate->key.get());
    if (wish.chain != nullptr) {
      SSL_CTX_add1_chain_cert(context, wish.chain->certificate.get());
    }
    if (wish.chain_end != nullptr) {
      SSL_CTX_add1_chain_cert(context, wish.chain_end->certificate.get());
    }
  }
  if (!wish.psk_identity.empty()) {
    SSL_CTX_set_psk_client_callback(context, OnClientPsk);
  }
  if (!wish.ciphers.empty()) {
    EXPECT_EQ(SSL_CTX_set_cipher_list(context, wish.ciphers.c_str()), 1) << wish.ciphers;
  }
  if (!wish.suites.empty()) {
    EXPECT_EQ(SSL_CTX_set_ciphersuites(context, wish.suites.c_str()), 1) << wish.suites;
  }
  if (!wish.groups.empty()) {
    EXPECT_EQ(SSL_CTX_set1_groups_list(context, wish.groups.c_str()), 1) << wish.groups;
  }
  if (wish.fallback) {
    SSL_CTX_set_mode(context, SSL_MODE_SEND_FALLBACK_SCSV);
  }
  if (wish.no_tickets) {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  }
  return client;
}

Ended TlsWorld::Connect(const ClientWish& wish, SSL_CTX* elsewhere) {
  Ended ended;
  const Context client = MakeClient(wish);
  ended.client_end.reset(SSL_new(client.get()));
  ended.server_end.reset(SSL_new(elsewhere == nullptr ? context_.get() : elsewhere));
  SSL* const ours = ended.client_end.get();
  SSL* const theirs = ended.server_end.get();
  g_identity = wish.psk_identity;
  g_psk = wish.psk;
  SSL_set_app_data(ours, &ended);
  SSL_set_app_data(theirs, &ended);
  GiveSockets(ours, theirs, kind_ == Kind::kDtls12);
  SSL_set_connect_state(ours);
  SSL_set_accept_state(theirs);
  SSL_set_tlsext_host_name(ours, "localhost");
  if (wish.session != nullptr) {
    SSL_set_session(ours, wish.session);
  }
  Pump(ours, theirs, ended);
  ended.resumed = SSL_session_reused(theirs) == 1 && wish.session != nullptr;
  // With TLS 1.3 the session came after the handshake.
  ended.session.reset(SSL_get1_session(ours));
  SSL_set_app_data(ours, nullptr);
  SSL_set_app_data(theirs, nullptr);
  return ended;
}

Noted TlsWorld::OnlyNote() {
  const auto notes = middleware.TakeNotes();
  EXPECT_EQ(notes.size(), 1U);
  return notes.empty() ? Noted{} : notes.front();
}

}  // namespace simroot::server::testing
