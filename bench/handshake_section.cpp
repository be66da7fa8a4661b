// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "bench/openssl_with_card.hpp"
#include "bench/sections.hpp"
#include "card/host/virtual_card.hpp"
#include "card/modem/pty_modem.hpp"

namespace simroot::bench {
namespace {

using X509Ptr = std::unique_ptr<X509, Free<X509_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
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

ContextPtr NewContext(OSSL_LIB_CTX* library, const SSL_METHOD* method, X509* own, EVP_PKEY* key, X509* peer) {
  ContextPtr context(SSL_CTX_new_ex(library, nullptr, method));
  if (!context || SSL_CTX_use_certificate(context.get(), own) != 1 || SSL_CTX_use_PrivateKey(context.get(), key) != 1 ||
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), peer) != 1) {
    GiveUp("cannot prepare TLS: " + OpensslErrors());
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

/// One full mutual handshake in memory.
void Handshake(SSL_CTX* client_context, SSL_CTX* server_context, int version) {
  const SslPtr client(SSL_new(client_context));
  const SslPtr server(SSL_new(server_context));
  BIO* client_side = nullptr;
  BIO* server_side = nullptr;
  if (BIO_new_bio_pair(&client_side, 0, &server_side, 0) != 1) {
    GiveUp("cannot connect client and server");
  }
  SSL_set_bio(client.get(), client_side, client_side);
  SSL_set_bio(server.get(), server_side, server_side);
  SSL_set_connect_state(client.get());
  SSL_set_accept_state(server.get());
  if (SSL_set_min_proto_version(client.get(), version) != 1 || SSL_set_max_proto_version(client.get(), version) != 1) {
    GiveUp("this OpenSSL lacks the protocol");
  }
  for (int turn = 0; turn < 20 && !(SSL_is_init_finished(client.get()) && SSL_is_init_finished(server.get())); ++turn) {
    static_cast<void>(SSL_do_handshake(client.get()));
    static_cast<void>(SSL_do_handshake(server.get()));
  }
  const X509Ptr seen(SSL_get1_peer_certificate(server.get()));
  if (!SSL_is_init_finished(server.get()) || !seen) {
    GiveUp("the handshake fails: " + OpensslErrors());
  }
}

/// A modem with a card, served by a thread while the object lives.
class ServedModem {
 public:
  ServedModem(const BenchCard& card, bool automatic_get_response) : port_(card.folder() + "/modem") {
    auto opened = card::VirtualCard::Open(card.file(), {});
    if (!opened) {
      GiveUp(opened.error().Text());
    }
    card_ = std::move(*opened);
    card::PtyModemOptions options;
    options.link = port_;
    options.identity.iccid = card_->Iccid();
    options.modem.automatic_get_response = automatic_get_response;
    auto modem = card::PtyModem::Open(card_->Endpoint(), std::move(options));
    std::array<int, 2> ends{};
    if (!modem || ::pipe2(ends.data(), O_CLOEXEC) != 0) {
      GiveUp("the emulated modem does not start");
    }
    modem_ = std::move(*modem);
    stop_write_ = ends[1];
    thread_ = std::thread([this, stop_read = ends[0]] {
      static_cast<void>(modem_->Run(stop_read));
      ::close(stop_read);
    });
  }
  ~ServedModem() {
    ::close(stop_write_);
    thread_.join();
  }
  ServedModem(const ServedModem&) = delete;
  ServedModem& operator=(const ServedModem&) = delete;

  [[nodiscard]] const std::string& port() const { return port_; }
  [[nodiscard]] card::ModemCounters Counters() const { return modem_->Counters(); }

 private:
  std::string port_;
  std::unique_ptr<card::VirtualCard> card_;
  std::unique_ptr<card::PtyModem> modem_;
  int stop_write_ = -1;
  std::thread thread_;
};

void PrintRow(const char* name, const card::ModemCounters& counters) {
  std::printf("  %-34s %4llu exchanges   %5llu characters\n", name,
              static_cast<unsigned long long>(counters.command_lines),
              static_cast<unsigned long long>(counters.characters_in + counters.characters_out));
}

void MeasureHandshakes(const std::string& provider_folder, bool automatic_get_response) {
  const BenchCard card;
  const ServedModem modem(card, automatic_get_response);
  const OpensslWithCard openssl(provider_folder, "at:" + modem.port());
  const PkeyPtr key = openssl.LoadKey("iotsafe:01");
  const X509Ptr certificate = SelfSigned(openssl.context(), key.get(), "device");
  const PkeyPtr server_key(EVP_EC_gen("P-256"));
  const X509Ptr server_certificate = SelfSigned(nullptr, server_key.get(), "localhost");
  const ContextPtr client =
      NewContext(openssl.context(), TLS_client_method(), certificate.get(), key.get(), server_certificate.get());
  const ContextPtr server =
      NewContext(nullptr, TLS_server_method(), server_certificate.get(), server_key.get(), certificate.get());
  const char* const kind = automatic_get_response ? "T=1 or automatic GET RESPONSE" : "T=0";
  std::printf("  %s\n", kind);
  for (const auto& [name, version] :
       {std::pair{"  mutual TLS 1.2, warm", TLS1_2_VERSION}, std::pair{"  mutual TLS 1.3, warm", TLS1_3_VERSION}}) {
    Handshake(client.get(), server.get(), version);  // opens the channel
    const card::ModemCounters before = modem.Counters();
    Handshake(client.get(), server.get(), version);
    PrintRow(name, modem.Counters().Since(before));
  }
}

}  // namespace

void RunHandshakeSection(const std::string& provider_folder) {
  std::printf(
      "\nFull mutual handshakes over AT+CSIM/AT+CGLA, client key in the SIM\n"
      "(budget: 3 exchanges on T=0, 2 with automatic GET RESPONSE, under 400 characters;\n"
      " wolfSSL's port: 26 exchanges, 43 lines, 3241 characters)\n");
  MeasureHandshakes(provider_folder, false);
  MeasureHandshakes(provider_folder, true);
}

}  // namespace simroot::bench
