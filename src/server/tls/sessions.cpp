// SPDX-License-Identifier: Apache-2.0
#include "server/tls/sessions.hpp"

#include <algorithm>

namespace simroot::server::tls {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic{'s', 'r', 's', '1'};
constexpr std::size_t kTagAt = kMagic.size();
constexpr std::size_t kIdAt = kTagAt + std::tuple_size_v<Attachment::Tag>;
constexpr std::size_t kIdSize = 8;
using Owner = std::array<std::uint8_t, kIdAt + kIdSize>;

/// May this session be resumed?
[[nodiscard]] bool Resumable(const Attachment& attachment, SSL_SESSION* session) {
  const Verdict verdict = VerdictOf(attachment, session);
  return verdict.accepted() || (attachment.options.optional && verdict.refusal == Refusal::kNoCredential);
}

SSL_TICKET_RETURN OnTicket(SSL* connection, SSL_SESSION* session, const unsigned char* /*key_name*/,
                           std::size_t /*key_name_size*/, SSL_TICKET_STATUS status, void* /*unused*/) {
  return Guarded(SSL_TICKET_RETURN{SSL_TICKET_RETURN_IGNORE}, [&]() -> SSL_TICKET_RETURN {
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) {
      return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    const Attachment* const attachment = AttachmentOf(connection);
    if (attachment == nullptr || !Resumable(*attachment, session)) {
      return SSL_TICKET_RETURN_IGNORE_RENEW;  // a whole handshake, which has its own verdict
    }
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
  });
}

/// In front of the application's own cache.
SSL_SESSION* OnGet(SSL* connection, const unsigned char* id, int id_size, int* copy) {
  const Attachment* const attachment = AttachmentOf(connection);
  if (attachment == nullptr || attachment->previous_get == nullptr) {
    return nullptr;
  }
  SSL_SESSION* const session = attachment->previous_get(connection, id, id_size, copy);
  if (session == nullptr || Guarded(false, [&] { return Resumable(*attachment, session); })) {
    return session;
  }
  if (*copy == 0) {  // it was ours already
    SSL_SESSION_free(session);
  }
  *copy = 0;
  return nullptr;
}

}  // namespace

bool Mark(SSL_SESSION* session, const Attachment& attachment, CredentialId credential) {
  Owner owner{};
  std::ranges::copy(kMagic, owner.begin());
  std::ranges::copy(attachment.tag, owner.begin() + kTagAt);
  for (std::size_t i = 0; i < kIdSize; ++i) {
    owner.at(kIdAt + i) = LowByte(static_cast<std::uint64_t>(credential) >> (8 * (kIdSize - 1 - i)));
  }
  return session != nullptr && SSL_SESSION_set1_ticket_appdata(session, owner.data(), owner.size()) == 1;
}

Verdict VerdictOf(const Attachment& attachment, SSL_SESSION* session) {
  const Verdict nobody{.refusal = Refusal::kNoCredential, .device = {}};
  void* data = nullptr;
  std::size_t size = 0;
  if (session == nullptr || SSL_SESSION_get0_ticket_appdata(session, &data, &size) != 1 || data == nullptr ||
      size != std::tuple_size_v<Owner>) {
    return nobody;
  }
  const ByteView owner(static_cast<const std::uint8_t*>(data), size);
  if (!std::ranges::equal(owner.first(kTagAt), kMagic) ||
      !std::ranges::equal(owner.subspan(kTagAt, kIdAt - kTagAt), attachment.tag)) {
    return nobody;
  }
  std::uint64_t credential = 0;
  for (const std::uint8_t byte : owner.subspan(kIdAt)) {
    credential = credential << 8 | byte;
  }
  return attachment.middleware.JudgeAgain(static_cast<CredentialId>(credential));
}

bool HookSessions(SSL_CTX* context, Attachment& attachment) {
  SSL_CTX_set_session_cache_mode(context, SSL_CTX_get_session_cache_mode(context) | SSL_SESS_CACHE_NO_INTERNAL);
  attachment.previous_get = SSL_CTX_sess_get_get_cb(context);
  if (attachment.previous_get != nullptr) {
    SSL_CTX_sess_set_get_cb(context, OnGet);
  }
  // A session of another tenant's listener in the same program, with the same ticket keys, does not fit here.
  return SSL_CTX_set_session_ticket_cb(context, nullptr, OnTicket, nullptr) == 1 &&
         SSL_CTX_set_session_id_context(context, attachment.tag.data(), static_cast<unsigned>(attachment.tag.size())) ==
             1;
}

}  // namespace simroot::server::tls
