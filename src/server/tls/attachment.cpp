// SPDX-License-Identifier: Apache-2.0
#include "server/tls/attachment.hpp"

#include <algorithm>

#include "server/tls/certificates.hpp"
#include "server/tls/ciphers.hpp"
#include "server/tls/context.hpp"
#include "server/tls/psk.hpp"
#include "server/tls/sessions.hpp"

namespace simroot::server {
namespace {

using Connection = std::unique_ptr<SSL, crypto::FreeWith<SSL_free>>;

[[nodiscard]] Verdict Nobody() {
  return {.refusal = Refusal::kNoCredential, .device = {}};
}

/// Stands for tenant and platform in sessions.
Result<tls::Attachment::Tag> TagOf(const Middleware& middleware) {
  const MiddlewareStatus status = middleware.status();
  const std::string text = "simroot " + status.tenant + " " + status.platform_url;
  std::array<std::uint8_t, 32> hash{};
  tls::Attachment::Tag tag{};
  if (EVP_Digest(text.data(), text.size(), hash.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL cannot compute SHA-256", "check the system's OpenSSL configuration");
  }
  std::ranges::copy_n(hash.begin(), tag.size(), tag.begin());
  return tag;
}

/// True: it is DTLS.
Result<bool> SetVersions(SSL_CTX* context) {
  const crypto::ErrorScope errors;
  const Connection probe(SSL_new(context));
  if (probe == nullptr) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL cannot make a connection of this SSL_CTX",
                "give its ciphers and versions first, and check that they are possible");
  }
  const bool dtls = SSL_is_dtls(probe.get()) == 1;
  const long lowest = dtls ? DTLS1_2_VERSION : TLS1_2_VERSION;
  const long highest = SSL_CTX_get_max_proto_version(context);
  const long set = SSL_CTX_get_min_proto_version(context);
  // DTLS counts downwards.
  const auto is_lower = [dtls](long a, long b) { return dtls ? a > b : a < b; };
  if (highest != 0 && is_lower(highest, lowest)) {
    return Fail(ErrorDomain::kUsage, "the SSL_CTX allows no version from (D)TLS 1.2 on",
                "raise its highest version, or leave it open");
  }
  if ((set == 0 || is_lower(set, lowest)) && SSL_CTX_set_min_proto_version(context, static_cast<int>(lowest)) != 1) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL does not offer (D)TLS 1.2");
  }
  return dtls;
}

void SetHooks(SSL_CTX* context, tls::Attachment& attachment) {
  const int required = attachment.options.optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  // Asked for also where only keys are let in: who has none must not get through with nothing.
  if (attachment.options.certificates || required != 0) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | required, nullptr);
    SSL_CTX_set_cert_verify_callback(context, tls::VerifyCertificate, &attachment);
  }
  if (attachment.options.psk) {
    SSL_CTX_set_psk_server_callback(context, tls::OnPsk12);
    SSL_CTX_set_psk_find_session_callback(context, tls::OnPsk13);
  }
  attachment.previous_info = SSL_CTX_get_info_callback(context);
  SSL_CTX_set_info_callback(context, tls::OnInfo);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_max_early_data(context, 0);
}

}  // namespace

Result<void> Attach(Middleware& middleware, SSL_CTX* context, const AttachOptions& options) {
  if (context == nullptr || (!options.certificates && !options.psk)) {
    return Fail(ErrorDomain::kUsage, "there is no SSL_CTX, or no kind of credential to let in",
                "give a server's SSL_CTX and certificates, PSK or both");
  }
  if (tls::IsInstalled(context)) {
    return Fail(ErrorDomain::kUsage, "this SSL_CTX has a middleware already", "attach once to each SSL_CTX");
  }
  SR_TRY(const bool dtls, SetVersions(context));
  SR_TRY_VOID(tls::SetCiphers(context, options.psk, dtls));
  SR_TRY(const auto tag, TagOf(middleware));
  auto attachment = std::make_shared<tls::Attachment>(middleware, options, tag);
  if (!tls::MakeDecoys(attachment->decoys)) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL cannot make a key on P-256", "check the system's OpenSSL configuration");
  }
  attachment->registry = tls::Registry::Make(middleware);
  if (!tls::Install(context, attachment)) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL cannot keep the middleware in this SSL_CTX", "free some memory");
  }
  if (!tls::HookSessions(context, *attachment)) {
    tls::Uninstall(context);
    return Fail(ErrorDomain::kCrypto, "OpenSSL cannot use the callbacks for sessions");
  }
  SetHooks(context, *attachment);
  return {};
}

Verdict Identify(Middleware& middleware, SSL* connection) {
  if (connection == nullptr || SSL_is_init_finished(connection) != 1 || SSL_is_server(connection) != 1) {
    return Nobody();
  }
  const tls::Attachment* const attachment = tls::AttachmentOf(connection);
  if (attachment == nullptr || &attachment->middleware != &middleware) {
    return Nobody();
  }
  tls::NoteIfMissed(connection);
  return tls::Current(connection);
}

std::shared_ptr<void> Watch(Middleware& middleware, SSL* connection, std::function<void(Refusal)> gone) {
  const Verdict verdict = Identify(middleware, connection);
  const auto attachment = connection == nullptr ? nullptr : tls::SharedAttachmentOf(connection);
  // Without credential, or with one that this context does not take: there is no change that would tell of it.
  const bool nobody = verdict.device.id == 0 || verdict.refusal == Refusal::kNoCredential;
  if (attachment == nullptr || (!verdict.accepted() && nobody)) {
    gone(verdict.refusal);
    return nullptr;
  }
  return attachment->registry->Add(verdict.device, std::move(gone));
}

}  // namespace simroot::server
