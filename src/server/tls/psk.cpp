// SPDX-License-Identifier: Apache-2.0
#include "server/tls/psk.hpp"

#include <openssl/rand.h>

#include <algorithm>

#include "server/tls/sessions.hpp"

namespace simroot::server::tls {
namespace {

using Session = std::unique_ptr<SSL_SESSION, crypto::FreeWith<SSL_SESSION_free>>;

[[nodiscard]] bool IsExternal(std::string_view identity) {
  return !identity.empty() && identity.size() <= kMaxName &&
         std::ranges::all_of(identity, [](char c) { return c >= ' ' && c <= '~'; });
}

/// The verdict, and the key to go on with, whatever the verdict is.
SecretBytes JudgeAndOpen(const Attachment& attachment, std::string_view identity, Verdict& verdict) {
  verdict = {.refusal = Refusal::kUnknownIdentity, .device = {}};
  if (IsExternal(identity)) {
    verdict = attachment.middleware.JudgePsk(identity);
  }
  verdict.device.kind = CredentialKind::kPsk;
  if (verdict.accepted() && !attachment.options.psk) {
    verdict.refusal = Refusal::kNoCredential;  // none that this server takes; the SSL was made from one that does
  }
  SecretBytes key = attachment.middleware.PskFor(verdict, identity);
  if (key.size() == 0) {
    verdict.refusal = verdict.accepted() ? Refusal::kUnknownIdentity : verdict.refusal;
    std::array<std::uint8_t, 32> nobodys{};
    if (RAND_priv_bytes(nobodys.data(), static_cast<int>(nobodys.size())) == 1) {
      key = SecretBytes(nobodys);
    }
    Wipe(nobodys);
  }
  return key;
}

unsigned Answer12(SSL* connection, std::string_view identity, ByteSpan out) {
  const crypto::ErrorScope errors;
  const Attachment* const attachment = AttachmentOf(connection);
  if (attachment == nullptr) {
    return 0;
  }
  Verdict verdict;
  const SecretBytes key = JudgeAndOpen(*attachment, identity, verdict);
  if (key.size() > out.size() ||
      (verdict.accepted() && !Mark(SSL_get0_session(connection), *attachment, verdict.device))) {
    return 0;
  }
  Judged(connection, verdict);
  std::ranges::copy(key.Reveal(InsecureReveal::kForCrypto), out.begin());
  return static_cast<unsigned>(key.size());
}

int Answer13(SSL* connection, std::string_view identity, SSL_SESSION** out) {
  const crypto::ErrorScope errors;
  const Attachment* const attachment = AttachmentOf(connection);
  const SSL_CIPHER* const cipher = SSL_get_pending_cipher(connection);
  if (attachment == nullptr || cipher == nullptr || !IsExternal(identity) ||
      EVP_MD_get_type(SSL_CIPHER_get_handshake_digest(cipher)) != NID_sha256) {
    return 1;
  }
  Verdict verdict;
  const SecretBytes key = JudgeAndOpen(*attachment, identity, verdict);
  const ByteView bytes = key.Reveal(InsecureReveal::kForCrypto);
  Session session(SSL_SESSION_new());
  if (session == nullptr || bytes.empty() ||
      SSL_SESSION_set1_master_key(session.get(), bytes.data(), bytes.size()) != 1 ||
      SSL_SESSION_set_cipher(session.get(), cipher) != 1 ||
      SSL_SESSION_set_protocol_version(session.get(), TLS1_3_VERSION) != 1 ||
      (verdict.accepted() && !Mark(session.get(), *attachment, verdict.device))) {
    return 0;
  }
  Judged(connection, verdict);
  *out = session.release();
  return 1;
}

}  // namespace

unsigned OnPsk12(SSL* connection, const char* identity, unsigned char* psk, unsigned room) {
  if (SSL_version(connection) == TLS1_3_VERSION || identity == nullptr) {
    return 0;  // asked once more for what OnPsk13 has answered
  }
  return Guarded(0U, [&] { return Answer12(connection, identity, ByteSpan(psk, room)); });
}

int OnPsk13(SSL* connection, const unsigned char* identity, std::size_t identity_size, SSL_SESSION** session) {
  *session = nullptr;
  const ByteView bytes(identity, identity_size);
  return Guarded(0, [&] { return Answer13(connection, AsText(bytes), session); });
}

}  // namespace simroot::server::tls
