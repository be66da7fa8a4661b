// SPDX-License-Identifier: Apache-2.0
#include "server/tls/context.hpp"

#include <openssl/sslerr.h>

#include <algorithm>

#include "server/tls/peer_address.hpp"
#include "server/tls/sessions.hpp"

namespace simroot::server::tls {
namespace {

void FreeAttachment(void* /*parent*/, void* pointer, CRYPTO_EX_DATA* /*data*/, int /*index*/, long /*unused*/,
                    void* /*unused*/) {
  delete static_cast<std::shared_ptr<Attachment>*>(pointer);
}

void Note(Handshake& handshake, const Verdict& verdict) {
  handshake.noted = true;
  handshake.attachment->middleware.Note(verdict, handshake.peer);
}

/// What had no end that could be seen: the peer went, or DTLS told nobody.
void NoteTheRest(Handshake& handshake) {
  if (handshake.noted || !handshake.judged) {
    return;
  }
  if (handshake.silent && handshake.verdict.accepted()) {
    handshake.verdict.refusal = Refusal::kWrongKey;
  }
  if (!handshake.verdict.accepted()) {
    Note(handshake, handshake.verdict);
  }
}

void FreeHandshake(void* /*parent*/, void* pointer, CRYPTO_EX_DATA* /*data*/, int /*index*/, long /*unused*/,
                   void* /*unused*/) {
  const std::unique_ptr<Handshake> handshake(static_cast<Handshake*>(pointer));
  if (handshake != nullptr) {
    Guarded(0, [&] {
      NoteTheRest(*handshake);
      return 0;
    });
  }
}

/// A copy of a connection is a connection that has not begun.
int CopyNothing(CRYPTO_EX_DATA* /*to*/, const CRYPTO_EX_DATA* /*from*/, void** pointer, int /*index*/, long /*unused*/,
                void* /*unused*/) {
  *pointer = nullptr;
  return 1;
}

int ContextIndex() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, FreeAttachment);
  return index;
}
int ConnectionIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, CopyNothing, FreeHandshake);
  return index;
}

std::shared_ptr<Attachment>* Slot(const SSL* connection) {
  return static_cast<std::shared_ptr<Attachment>*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), ContextIndex()));
}

/// That of this connection, made if there is none. nullptr: not attached.
Handshake* HandshakeOf(SSL* connection) {
  auto* handshake = static_cast<Handshake*>(SSL_get_ex_data(connection, ConnectionIndex()));
  const std::shared_ptr<Attachment> attachment = SharedAttachmentOf(connection);
  if (attachment == nullptr) {
    return nullptr;
  }
  if (handshake == nullptr) {
    auto made = std::make_unique<Handshake>();
    if (SSL_set_ex_data(connection, ConnectionIndex(), made.get()) != 1) {
      return nullptr;
    }
    handshake = made.release();
  }
  if (handshake->attachment != attachment) {  // the first, or another one by SNI
    handshake->attachment = attachment;
  }
  return handshake;
}

/// A new handshake on an object that may have had one before (SSL_clear).
void Begin(SSL* connection) {
  if (Handshake* const handshake = HandshakeOf(connection); handshake != nullptr) {
    NoteTheRest(*handshake);
    auto attachment = std::move(handshake->attachment);
    *handshake = Handshake{};
    handshake->attachment = std::move(attachment);
  }
}

/// Why OpenSSL ended the handshake, as far as it is a reason of ours; kNone: it is not.
Refusal ReasonOf(unsigned long error) {
  switch (ERR_GET_REASON(error)) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_INAPPROPRIATE_FALLBACK:
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SUITABLE_DIGEST_ALGORITHM:
    case SSL_R_WRONG_SIGNATURE_TYPE:
    case SSL_R_DH_KEY_TOO_SMALL:
    case SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED:
      return Refusal::kDowngrade;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return Refusal::kNoCredential;
    case SSL_R_BAD_SIGNATURE:
    case SSL_R_BINDER_DOES_NOT_VERIFY:
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
    case SSL_R_DIGEST_CHECK_FAILED:
      return Refusal::kWrongKey;
    default:
      return Refusal::kNone;
  }
}

/// From here on it can neither read nor write.
void Shut(SSL* connection) {
  SSL_set_shutdown(connection, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

/// A fatal alert was sent to the peer.
void OnAlert(SSL* connection) {
  Handshake* const handshake = HandshakeOf(connection);
  if (handshake == nullptr || handshake->noted) {
    return;
  }
  if (handshake->judged && !handshake->verdict.accepted()) {
    Note(*handshake, handshake->verdict);
    return;
  }
  const Refusal reason = ReasonOf(ERR_peek_last_error());
  if (reason == Refusal::kWrongKey && !handshake->judged) {
    return;  // nobody said who he is: noise on the line
  }
  if (reason != Refusal::kNone) {
    if (handshake->peer.empty()) {
      handshake->peer = PeerAddress(connection);
    }
    Note(*handshake, {.refusal = reason, .device = reason == Refusal::kWrongKey ? handshake->verdict.device : Found{}});
  }
}

}  // namespace

bool Install(SSL_CTX* context, std::shared_ptr<Attachment> attachment) {
  if (IsInstalled(context) || ConnectionIndex() < 0) {
    return false;
  }
  auto slot = std::make_unique<std::shared_ptr<Attachment>>(std::move(attachment));
  if (SSL_CTX_set_ex_data(context, ContextIndex(), slot.get()) != 1) {
    return false;
  }
  (void)slot.release();  // OpenSSL's now
  return true;
}

bool IsInstalled(const SSL_CTX* context) {
  return SSL_CTX_get_ex_data(context, ContextIndex()) != nullptr;
}

void Uninstall(SSL_CTX* context) {
  const std::unique_ptr<std::shared_ptr<Attachment>> slot(
      static_cast<std::shared_ptr<Attachment>*>(SSL_CTX_get_ex_data(context, ContextIndex())));
  SSL_CTX_set_ex_data(context, ContextIndex(), nullptr);
}

Attachment* AttachmentOf(const SSL* connection) {
  const auto* const slot = Slot(connection);
  return slot == nullptr ? nullptr : slot->get();
}

std::shared_ptr<Attachment> SharedAttachmentOf(const SSL* connection) {
  const auto* const slot = Slot(connection);
  return slot == nullptr ? nullptr : *slot;
}

void Judged(SSL* connection, const Verdict& verdict) {
  if (Handshake* const handshake = HandshakeOf(connection); handshake != nullptr) {
    handshake->verdict = verdict;
    handshake->judged = true;
    handshake->noted = false;  // a certificate that was asked for after the handshake
    handshake->silent = SSL_is_dtls(connection) == 1 && verdict.device.kind == CredentialKind::kPsk;
    handshake->peer = PeerAddress(connection);
    if (handshake->silent && !verdict.accepted()) {
      Note(*handshake, verdict);  // the end that will show it is a time limit, minutes from now
    }
  }
}

void Completed(SSL* connection) {
  Handshake* const handshake = HandshakeOf(connection);
  if (handshake == nullptr) {
    if (AttachmentOf(connection) != nullptr) {
      Shut(connection);  // no memory to know who it is
    }
    return;
  }
  const Verdict verdict = Current(connection);
  if (!MayStay(*handshake->attachment, verdict)) {
    // Refused between the look-up and now, a credential of a kind that is not taken here, or hooks of the application's
    // in the place of ours. Shut before anything that may fail.
    Shut(connection);
    SSL_CTX_remove_session(SSL_get_SSL_CTX(connection), SSL_get0_session(connection));
  }
  if (!handshake->noted) {
    if (handshake->peer.empty()) {
      handshake->peer = PeerAddress(connection);
    }
    Note(*handshake, verdict);
  }
}

void NoteIfMissed(SSL* connection) {
  if (const Handshake* const handshake = HandshakeOf(connection); handshake != nullptr && !handshake->noted) {
    Completed(connection);
  }
}

Verdict Current(SSL* connection) {
  const Handshake* const handshake = HandshakeOf(connection);
  if (handshake == nullptr) {
    return {.refusal = Refusal::kNoCredential, .device = {}};
  }
  // Let in is only who is in the session: it is never older than the handshake.
  const bool refused = handshake->judged && !handshake->verdict.accepted();
  return refused ? handshake->verdict : VerdictOf(*handshake->attachment, SSL_get0_session(connection));
}

void OnInfo(const SSL* connection, int where, int value) {
  const Attachment* const attachment = AttachmentOf(connection);
  if (attachment == nullptr) {
    return;
  }
  // OpenSSL promises not to change it, we do not.
  SSL* const changeable = const_cast<SSL*>(connection);  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  const bool done = Guarded(false, [&] {
    constexpr int kAlertWritten = SSL_CB_ALERT | SSL_CB_WRITE;
    if (SSL_is_server(connection) != 1) {
      return true;
    }
    if ((where & SSL_CB_HANDSHAKE_START) != 0) {
      Begin(changeable);
    } else if ((where & SSL_CB_HANDSHAKE_DONE) != 0) {
      Completed(changeable);
    } else if ((where & kAlertWritten) == kAlertWritten && value >> 8 == SSL3_AL_FATAL) {
      OnAlert(changeable);
    }
    return true;
  });
  if (!done && (where & SSL_CB_HANDSHAKE_DONE) != 0) {
    Shut(changeable);  // nobody knows who is there
  }
  if (attachment->previous_info != nullptr) {
    attachment->previous_info(connection, where, value);
  }
}

}  // namespace simroot::server::tls
