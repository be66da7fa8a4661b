// SPDX-License-Identifier: Apache-2.0
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstdio>

#include "bench/openssl_with_card.hpp"
#include "bench/sections.hpp"
#include "bench/served_modem.hpp"

namespace simroot::bench {
namespace {

using X509Ptr = std::unique_ptr<X509, Free<X509_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using SessionPtr = std::unique_ptr<SSL_SESSION, Free<SSL_SESSION_free>>;
using SslPtr = std::unique_ptr<SSL, Free<SSL_free>>;

/// A self-signed certificate for `key`, valid for an hour.
X509Ptr SelfSigned(OSSL_LIB_CTX* library, EVP_PKEY* key, const char* name) {
  X509Ptr certificate(X509_new_ex(library, nullptr));
  X509_NAME* const subject = X509_get_subject_name(certificate.get());
  const bool done = X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
                    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1) == 1 &&
                    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60) != nullptr &&
                    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600) != nullptr &&
                    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0) == 1 &&
                    X509_set_issuer_name(certificate.get(), subject) == 1 &&
                    X509_set_pubkey(certificate.get(), key) == 1;
  EVP_MD_CTX* const sign = EVP_MD_CTX_new();
  const bool is_signed = done && EVP_DigestSignInit_ex(sign, nullptr, "SHA256", library, nullptr, key, nullptr) == 1 &&
                         X509_sign_ctx(certificate.get(), sign) > 0;
  EVP_MD_CTX_free(sign);
  if (!is_signed) {
    GiveUp("cannot make a certificate: " + OpensslErrors());
  }
  return certificate;
}

enum class Credential : unsigned char { kCertificate, kPsk };

/// One row of the table.
struct Mode {
  const char* name;
  int version;
  Credential credential = Credential::kCertificate;
  const char* cipher = nullptr;         ///< of TLS 1.2; null: OpenSSL's choice
  const char* settings = "";            ///< of the provider's section
  const char* groups = "X25519:P-256";  ///< of the key exchange
  bool resumed = false;                 ///< the second handshake resumes the first
};

constexpr auto kPskSuite = "PSK-AES128-GCM-SHA256";
constexpr auto kEcdhePskSuite = "ECDHE-PSK-CHACHA20-POLY1305";
constexpr std::array kModes{
    Mode{"mutual TLS 1.2", TLS1_2_VERSION},
    Mode{"mutual TLS 1.3", TLS1_3_VERSION},
    Mode{"mutual DTLS 1.2", DTLS1_2_VERSION},
    Mode{"PSK, TLS 1.2", TLS1_2_VERSION, Credential::kPsk, kPskSuite},
    Mode{"ECDHE-PSK, TLS 1.2", TLS1_2_VERSION, Credential::kPsk, kEcdhePskSuite},
    Mode{"PSK, DTLS 1.2", DTLS1_2_VERSION, Credential::kPsk, kPskSuite},
    Mode{"PSK, TLS 1.3", TLS1_3_VERSION, Credential::kPsk},
    Mode{"PSK, TLS 1.3, deep", TLS1_3_VERSION, Credential::kPsk, nullptr, "psk = deep\n"},
    Mode{"mutual TLS 1.3, ECDH on card", TLS1_3_VERSION, Credential::kCertificate, nullptr, "ecdhe = card\n", "P-256"},
    Mode{"mutual TLS 1.2, resumed", TLS1_2_VERSION, Credential::kCertificate, nullptr, "", "X25519:P-256", true},
    Mode{"mutual TLS 1.3, resumed", TLS1_3_VERSION, Credential::kCertificate, nullptr, "", "X25519:P-256", true},
    Mode{"PSK, TLS 1.2, resumed", TLS1_2_VERSION, Credential::kPsk, kPskSuite, "", "X25519:P-256", true},
};

/// Secret key 06 of the demo profile, and its handle (docs/formats/psk-handle.md).
constexpr std::array<unsigned char, 16> kPsk{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
constexpr std::array<unsigned char, 16> kHandle{'s', 'i', 'm', 'r', 'o', 'o', 't', '-', 'p', 's', 'k', 1, 1, 6, 0, 0};

unsigned GiveKey(const std::array<unsigned char, 16>& key, unsigned char* out, unsigned room) {
  if (room < key.size()) {
    return 0;
  }
  std::ranges::copy(key, out);
  return static_cast<unsigned>(key.size());
}
unsigned AskClient(SSL* /*ssl*/, const char* /*hint*/, char* identity, unsigned room, unsigned char* psk,
                   unsigned psk_room) {
  std::snprintf(identity, room, "device");
  return GiveKey(kHandle, psk, psk_room);
}
unsigned AskServer(SSL* /*ssl*/, const char* /*identity*/, unsigned char* psk, unsigned psk_room) {
  return GiveKey(kPsk, psk, psk_room);
}

/// Certificates and keys of both sides.
struct Identities {
  PkeyPtr key;
  X509Ptr certificate;
  PkeyPtr server_key;
  X509Ptr server_certificate;
};

/// @param properties of what libssl fetches; null: those of the configuration.
ContextPtr NewContext(OSSL_LIB_CTX* library, const char* properties, const SSL_METHOD* method, const Mode& mode) {
  ContextPtr context(SSL_CTX_new_ex(library, properties, method));
  if (!context || SSL_CTX_set1_groups_list(context.get(), mode.groups) != 1 ||
      (mode.cipher != nullptr && SSL_CTX_set_cipher_list(context.get(), mode.cipher) != 1) ||
      SSL_CTX_set_min_proto_version(context.get(), mode.version) != 1 ||
      SSL_CTX_set_max_proto_version(context.get(), mode.version) != 1) {
    GiveUp("cannot prepare TLS: " + OpensslErrors());
  }
  SSL_CTX_set_options(context.get(), SSL_OP_NO_QUERY_MTU);
  return context;
}

void UseCertificate(SSL_CTX* context, X509* own, EVP_PKEY* key, X509* peer) {
  if (SSL_CTX_use_certificate(context, own) != 1 || SSL_CTX_use_PrivateKey(context, key) != 1 ||
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context), peer) != 1) {
    GiveUp("cannot prepare TLS: " + OpensslErrors());
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
}

/// One handshake in memory. @param resume a session of an earlier one; null for a full handshake. @param reused what
/// libssl must say of it: a pre-shared key of TLS 1.3 counts as a session too. @returns the session.
SessionPtr Handshake(SSL_CTX* client_context, SSL_CTX* server_context, SSL_SESSION* resume, bool reused) {
  constexpr long kMtu = 1400;
  const SslPtr client(SSL_new(client_context));
  const SslPtr server(SSL_new(server_context));
  BIO* client_side = nullptr;
  BIO* server_side = nullptr;
  if (BIO_new_bio_pair(&client_side, 0, &server_side, 0) != 1) {
    GiveUp("cannot connect client and server");
  }
  SSL_set_bio(client.get(), client_side, client_side);
  SSL_set_bio(server.get(), server_side, server_side);
  SSL_set_mtu(client.get(), kMtu);
  SSL_set_mtu(server.get(), kMtu);
  SSL_set_connect_state(client.get());
  SSL_set_accept_state(server.get());
  if (resume != nullptr && SSL_set_session(client.get(), resume) != 1) {
    GiveUp("the session cannot be resumed");
  }
  for (int turn = 0; turn < 20 && !(SSL_is_init_finished(client.get()) && SSL_is_init_finished(server.get())); ++turn) {
    static_cast<void>(SSL_do_handshake(client.get()));
    static_cast<void>(SSL_do_handshake(server.get()));
  }
  char byte = 'x';
  const bool talked = SSL_write(server.get(), &byte, 1) == 1 && SSL_read(client.get(), &byte, 1) == 1;
  if (!talked || (SSL_session_reused(server.get()) == 1) != reused) {
    GiveUp("the handshake fails: " + OpensslErrors());
  }
  // A connection that was not closed leaves no session behind.
  static_cast<void>(SSL_shutdown(client.get()));
  static_cast<void>(SSL_shutdown(server.get()));
  return SessionPtr(SSL_get1_session(client.get()));
}

/// What the card is asked in the second of two handshakes: the first opens the channel.
card::ModemCounters Measure(const std::string& provider_folder, const ServedModem& modem, const Mode& mode) {
  const bool card_ecdhe = std::string_view(mode.settings).starts_with("ecdhe");
  const OpensslWithCard openssl(provider_folder, "at:" + modem.port(), {card_ecdhe, mode.settings});
  const bool datagrams = mode.version == DTLS1_2_VERSION;
  const ContextPtr client = NewContext(openssl.context(), card_ecdhe ? "?provider=simroot" : nullptr,
                                       datagrams ? DTLS_client_method() : TLS_client_method(), mode);
  const ContextPtr server = NewContext(nullptr, nullptr, datagrams ? DTLS_server_method() : TLS_server_method(), mode);
  // A server that asks for certificates resumes only with it; at a client it would forbid keys of its own for TLS 1.3.
  constexpr unsigned char kSessions = 1;
  if (SSL_CTX_set_session_id_context(server.get(), &kSessions, sizeof(kSessions)) != 1) {
    GiveUp("cannot prepare TLS: " + OpensslErrors());
  }
  Identities identities;
  if (mode.credential == Credential::kPsk) {
    SSL_CTX_set_psk_client_callback(client.get(), AskClient);
    SSL_CTX_set_psk_server_callback(server.get(), AskServer);
  } else {
    identities.key = openssl.LoadKey("iotsafe:01");
    identities.certificate = SelfSigned(openssl.context(), identities.key.get(), "device");
    identities.server_key.reset(EVP_EC_gen("P-256"));
    identities.server_certificate = SelfSigned(nullptr, identities.server_key.get(), "localhost");
    UseCertificate(client.get(), identities.certificate.get(), identities.key.get(),
                   identities.server_certificate.get());
    UseCertificate(server.get(), identities.server_certificate.get(), identities.server_key.get(),
                   identities.certificate.get());
  }
  const bool external_psk = mode.credential == Credential::kPsk && mode.version == TLS1_3_VERSION;
  const SessionPtr session = Handshake(client.get(), server.get(), nullptr, external_psk);
  const card::ModemCounters before = modem.Counters();
  const SessionPtr second =
      Handshake(client.get(), server.get(), mode.resumed ? session.get() : nullptr, mode.resumed || external_psk);
  return modem.Counters().Since(before);
}

}  // namespace

void RunHandshakeSection(const std::string& provider_folder) {
  std::printf(
      "\nHandshakes over AT+CSIM/AT+CGLA, key in the SIM, channel open\n"
      "(budgets: mutual TLS 3 exchanges on T=0, 2 with automatic GET RESPONSE, under 400 characters; PSK in TLS 1.2: "
      "2;\n"
      " wolfSSL's port for mutual TLS: 26 exchanges, 43 lines, 3241 characters)\n"
      "  %-32s %-26s %s\n",
      "", "T=0", "T=1 or automatic GET RESPONSE");
  const BenchCard card;
  const BenchCard other_card;
  const ServedModem t0(card, false);
  const ServedModem automatic(other_card, true);
  for (const Mode& mode : kModes) {
    const card::ModemCounters asked = Measure(provider_folder, t0, mode);
    const card::ModemCounters unasked = Measure(provider_folder, automatic, mode);
    std::printf("  %-32s %2llu exchanges, %4llu chars   %2llu exchanges, %4llu chars\n", mode.name,
                static_cast<unsigned long long>(asked.command_lines),
                static_cast<unsigned long long>(asked.characters_in + asked.characters_out),
                static_cast<unsigned long long>(unasked.command_lines),
                static_cast<unsigned long long>(unasked.characters_in + unasked.characters_out));
  }
}

}  // namespace simroot::bench
