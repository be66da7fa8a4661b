// SPDX-License-Identifier: Apache-2.0
#include "server/tls/ciphers.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "common/crypto/openssl/handles.hpp"

namespace simroot::server::tls {
namespace {

constexpr std::array kKeyExchanges{NID_kx_ecdhe, NID_kx_dhe, NID_kx_psk, NID_kx_ecdhe_psk, NID_kx_dhe_psk};

[[nodiscard]] bool IsOfTls13(const SSL_CIPHER* cipher) {
  return SSL_CIPHER_get_kx_nid(cipher) == NID_kx_any;
}

[[nodiscard]] bool IsStrong(const SSL_CIPHER* cipher) {
  return SSL_CIPHER_is_aead(cipher) == 1 && SSL_CIPHER_get_auth_nid(cipher) != NID_auth_null &&
         std::ranges::find(kKeyExchanges, SSL_CIPHER_get_kx_nid(cipher)) != kKeyExchanges.end();
}

[[nodiscard]] bool HasPsk(const SSL_CIPHER* cipher) {
  return SSL_CIPHER_get_auth_nid(cipher) == NID_auth_psk;
}

[[nodiscard]] bool HasSha256(const SSL_CIPHER* cipher) {
  return EVP_MD_get_type(SSL_CIPHER_get_handshake_digest(cipher)) == NID_sha256;
}

[[nodiscard]] std::string Names(const std::vector<const SSL_CIPHER*>& ciphers) {
  std::string names;
  for (const SSL_CIPHER* const cipher : ciphers) {
    names += (names.empty() ? "" : ":") + std::string(SSL_CIPHER_get_name(cipher));
  }
  return names;
}

}  // namespace

Result<void> SetCiphers(SSL_CTX* context, bool psk, bool dtls) {
  const crypto::ErrorScope errors;
  const STACK_OF(SSL_CIPHER)* const given = SSL_CTX_get_ciphers(context);
  std::vector<const SSL_CIPHER*> tls13;
  std::vector<const SSL_CIPHER*> tls12;
  for (int i = 0; i < sk_SSL_CIPHER_num(given); ++i) {
    const SSL_CIPHER* const cipher = sk_SSL_CIPHER_value(given, i);
    if (IsOfTls13(cipher)) {
      tls13.push_back(cipher);
    } else if (IsStrong(cipher)) {
      tls12.push_back(cipher);
    }
  }
  if (tls12.empty()) {
    return Fail(ErrorDomain::kUsage, "none of the SSL_CTX's ciphers for (D)TLS 1.2 is strong enough",
                "give it some with ECDHE or PSK and GCM, CCM or ChaCha20-Poly1305, or leave OpenSSL's own");
  }
  std::string names = Names(tls12);
  if (psk) {
    (void)std::stable_partition(tls13.begin(), tls13.end(), HasSha256);
    const auto others = std::stable_partition(tls12.begin(), tls12.end(), HasPsk);
    names = Names({tls12.begin(), others}) + (dtls ? ":PSK-AES128-CCM8:" : ":") + Names({others, tls12.end()});
  }
  if (dtls) {
    names += ":ECDHE-ECDSA-AES128-CCM8";
  }
  if ((!tls13.empty() && SSL_CTX_set_ciphersuites(context, Names(tls13).c_str()) != 1) ||
      SSL_CTX_set_cipher_list(context, names.c_str()) != 1) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL does not take its own names of ciphers");
  }
  return {};
}

}  // namespace simroot::server::tls
