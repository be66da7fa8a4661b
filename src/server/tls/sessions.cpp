// SPDX-License-Identifier: Apache-2.0
#include "server/tls/sessions.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace simroot::server::tls {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic{'s', 'r', 's', '2'};
constexpr std::size_t kTagAt = kMagic.size();
constexpr std::size_t kIdAt = kTagAt + std::tuple_size_v<Attachment::Tag>;
constexpr std::size_t kIdSize = 8;
constexpr std::size_t kWhoseAt = kIdAt + kIdSize;
constexpr std::size_t kWhoseSize = 8;
using Owner = std::array<std::uint8_t, kWhoseAt + kWhoseSize>;

/// All that a session remembers of a credential: its id and, as the platform may give that again, a hash of what it is.
/// Nothing: OpenSSL failed.
[[nodiscard]] std::optional<Owner> OwnerFor(const Attachment& attachment, const Found& credential) {
  Owner owner{};
  std::ranges::copy(kMagic, owner.begin());
  std::ranges::copy(attachment.tag, owner.begin() + kTagAt);
  for (std::size_t i = 0; i < kIdSize; ++i) {
    owner.at(kIdAt + i) = LowByte(static_cast<std::uint64_t>(credential.id) >> (8 * (kIdSize - 1 - i)));
  }
  // Neither an ICCID nor a kind has a space in it.
  const std::string text = std::to_string(static_cast<unsigned>(credential.kind)) + " " + credential.iccid.data() +
                           " " + credential.name.data();
  std::array<std::uint8_t, 32> hash{};
  if (EVP_Digest(text.data(), text.size(), hash.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    return std::nullopt;
  }
  std::ranges::copy_n(hash.begin(), kWhoseSize, owner.begin() + kWhoseAt);
  return owner;
}

/// May this session be resumed?
[[nodiscard]] bool Resumable(const Attachment& attachment, SSL_SESSION* session) {
  return MayStay(attachment, VerdictOf(attachment, session));
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

bool Mark(SSL_SESSION* session, const Attachment& attachment, const Found& credential) {
  const auto owner = OwnerFor(attachment, credential);
  return owner && session != nullptr && SSL_SESSION_set1_ticket_appdata(session, owner->data(), owner->size()) == 1;
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
  for (const std::uint8_t byte : owner.subspan(kIdAt, kIdSize)) {
    credential = credential << 8 | byte;
  }
  Verdict verdict = attachment.middleware.JudgeAgain(static_cast<CredentialId>(credential));
  if (!verdict.accepted()) {
    return verdict;
  }
  if (const auto now = OwnerFor(attachment, verdict.device); !now || !std::ranges::equal(owner, *now)) {
    return {.refusal = Refusal::kRevoked, .device = {}};  // the id is another credential's by now
  }
  // OpenSSL asks for keys and tickets of TLS 1.3 before it chooses a context by SNI.
  const bool psk = verdict.device.kind == CredentialKind::kPsk;
  if (!(psk ? attachment.options.psk : attachment.options.certificates)) {
    verdict.refusal = Refusal::kNoCredential;
  }
  return verdict;
}

bool MayStay(const Attachment& attachment, const Verdict& verdict) {
  // A credential that this context does not take is not nobody.
  return verdict.accepted() ||
         (attachment.options.optional && verdict.refusal == Refusal::kNoCredential && verdict.device.id == 0);
}

bool HookSessions(SSL_CTX* context, Attachment& attachment) {
  // A session of another tenant's listener in the same program, with the same ticket keys, does not fit here.
  if (SSL_CTX_set_session_id_context(context, attachment.tag.data(), static_cast<unsigned>(attachment.tag.size())) !=
          1 ||
      SSL_CTX_set_session_ticket_cb(context, nullptr, OnTicket, nullptr) != 1) {
    return false;
  }
  SSL_CTX_set_session_cache_mode(context, SSL_CTX_get_session_cache_mode(context) | SSL_SESS_CACHE_NO_INTERNAL);
  attachment.previous_get = SSL_CTX_sess_get_get_cb(context);
  if (attachment.previous_get != nullptr) {
    SSL_CTX_sess_set_get_cb(context, OnGet);
  }
  return true;
}

}  // namespace simroot::server::tls
