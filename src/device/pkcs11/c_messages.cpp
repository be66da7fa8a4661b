// SPDX-License-Identifier: Apache-2.0
/// The message functions of PKCS#11 3.0: AES-GCM with nonces the card chooses.
#include "device/pkcs11/decryption.hpp"
#include "device/pkcs11/entry.hpp"

namespace simroot::pkcs11 {

namespace {

[[nodiscard]] Outcome NotSupported(Module& /*module*/, Session& /*session*/) {
  return Refuse(CKR_FUNCTION_NOT_SUPPORTED);
}

/// C_MessageEncryptInit and C_MessageDecryptInit. @param use CKA_ENCRYPT or CKA_DECRYPT.
[[nodiscard]] Outcome Begin(Module& module, Session& session, const CK_MECHANISM* mechanism,
                            CK_OBJECT_HANDLE key_handle, bool encrypting) {
  auto& operation = encrypting ? session.message_encrypt : session.message_decrypt;
  if (mechanism == nullptr) {
    operation.reset();
    return {};
  }
  if (operation != nullptr) {
    return Refuse(CKR_OPERATION_ACTIVE);
  }
  SR_TRY(const TokenPtr token, session.slot->Token(Freshness::kKnown));
  SR_TRY(Mechanism parsed,
         ParseMechanism(mechanism, encrypting ? CKF_MESSAGE_ENCRYPT : CKF_MESSAGE_DECRYPT, token.get()));
  SR_TRY(ObjectPtr key, FindKey(module, session, key_handle, CKO_SECRET_KEY, encrypting ? CKA_ENCRYPT : CKA_DECRYPT));
  SR_TRY(operation, BeginCipher(std::move(parsed), std::move(key)));
  return {};
}

/// A whole message, out of `text` into `out`.
[[nodiscard]] Outcome Process(Session& session, bool encrypting, CK_GCM_MESSAGE_PARAMS& params, ByteView aad,
                              ByteView text, CK_BYTE* out, CK_ULONG* size) {
  if (size == nullptr) {
    return Refuse(CKR_ARGUMENTS_BAD);
  }
  if (out == nullptr || *size < text.size()) {
    *size = text.size();
    return out == nullptr ? Outcome() : Refuse(CKR_BUFFER_TOO_SMALL);
  }
  const KeyOperation& operation = encrypting ? *session.message_encrypt : *session.message_decrypt;
  SR_TRY(Bytes made, encrypting ? SealMessage(session, *operation.key, params, aad, text)
                                : OpenMessage(session, *operation.key, params, aad, text));
  const Outcome given = GiveBack(made, out, size);
  Wipe(made);
  return given;
}

[[nodiscard]] Outcome One(Session& session, bool encrypting, void* params, CK_ULONG params_size, const CK_BYTE* aad,
                          CK_ULONG aad_size, const CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out, CK_ULONG* size) {
  if ((encrypting ? session.message_encrypt : session.message_decrypt) == nullptr) {
    return Refuse(CKR_OPERATION_NOT_INITIALIZED);
  }
  if ((encrypting ? session.encrypting : session.decrypting) != nullptr) {
    return Refuse(CKR_OPERATION_ACTIVE);
  }
  SR_TRY(CK_GCM_MESSAGE_PARAMS* const message, CheckMessage(params, params_size, encrypting));
  SR_TRY(const ByteView associated, Given(aad, aad_size));
  SR_TRY(const ByteView text, Given(in, in_size));
  return Process(session, encrypting, *message, associated, text, out, size);
}

[[nodiscard]] Outcome BeginOne(Session& session, bool encrypting, void* params, CK_ULONG params_size,
                               const CK_BYTE* aad, CK_ULONG aad_size) {
  if ((encrypting ? session.message_encrypt : session.message_decrypt) == nullptr) {
    return Refuse(CKR_OPERATION_NOT_INITIALIZED);
  }
  auto& message = encrypting ? session.encrypting : session.decrypting;
  if (message != nullptr) {
    return Refuse(CKR_OPERATION_ACTIVE);
  }
  SR_TRY_VOID(CheckMessage(params, params_size, encrypting));
  SR_TRY(const ByteView associated, Given(aad, aad_size));
  message = std::make_unique<Message>();
  message->aad.assign(associated.begin(), associated.end());
  return {};
}

/// Parts are gathered: the card takes a message whole, and gives no text before its tag is found right. So the nonce
/// and tag that count are those of the last part; nothing of an application's is kept from one call to the next.
[[nodiscard]] Outcome NextPart(Session& session, bool encrypting, void* params, CK_ULONG params_size, const CK_BYTE* in,
                               CK_ULONG in_size, CK_BYTE* out, CK_ULONG* size, CK_FLAGS flags) {
  auto& message = encrypting ? session.encrypting : session.decrypting;
  if (message == nullptr) {
    return Refuse(CKR_OPERATION_NOT_INITIALIZED);
  }
  SR_TRY(const ByteView part, Given(in, in_size));
  if (size == nullptr) {
    return Refuse(CKR_ARGUMENTS_BAD);
  }
  if ((flags & CKF_END_OF_MESSAGE) == 0) {
    *size = 0;
    return AddPart(part, message->text);
  }
  SR_TRY(CK_GCM_MESSAGE_PARAMS* const checked, CheckMessage(params, params_size, encrypting));
  Bytes whole = message->text;
  SR_TRY_VOID(AddPart(part, whole));
  const Outcome outcome = Process(session, encrypting, *checked, message->aad, whole, out, size);
  Wipe(whole);
  return EndUnlessAsked(outcome, out == nullptr, message);
}

[[nodiscard]] Outcome End(Session& session, bool encrypting) {
  auto& operation = encrypting ? session.message_encrypt : session.message_decrypt;
  if (operation == nullptr) {
    return Refuse(CKR_OPERATION_NOT_INITIALIZED);
  }
  (encrypting ? session.encrypting : session.decrypting).reset();
  operation.reset();
  return {};
}

}  // namespace

extern "C" {

CK_RV C_MessageEncryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  return WithSession(handle,
                     [&](Module& module, Session& session) { return Begin(module, session, mechanism, key, true); });
}

CK_RV C_EncryptMessage(CK_SESSION_HANDLE handle, CK_VOID_PTR params, CK_ULONG params_size, CK_BYTE_PTR aad,
                       CK_ULONG aad_size, CK_BYTE_PTR text, CK_ULONG text_size, CK_BYTE_PTR out, CK_ULONG_PTR size) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) {
    return One(session, true, params, params_size, aad, aad_size, text, text_size, out, size);
  });
}

CK_RV C_EncryptMessageBegin(CK_SESSION_HANDLE handle, CK_VOID_PTR params, CK_ULONG params_size, CK_BYTE_PTR aad,
                            CK_ULONG aad_size) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) {
    return BeginOne(session, true, params, params_size, aad, aad_size);
  });
}

CK_RV C_EncryptMessageNext(CK_SESSION_HANDLE handle, CK_VOID_PTR params, CK_ULONG params_size, CK_BYTE_PTR part,
                           CK_ULONG part_size, CK_BYTE_PTR out, CK_ULONG_PTR size, CK_FLAGS flags) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) {
    return NextPart(session, true, params, params_size, part, part_size, out, size, flags);
  });
}

CK_RV C_MessageEncryptFinal(CK_SESSION_HANDLE handle) {
  return WithSession(handle, [](Module& /*module*/, Session& session) { return End(session, true); });
}

CK_RV C_MessageDecryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  return WithSession(handle,
                     [&](Module& module, Session& session) { return Begin(module, session, mechanism, key, false); });
}

CK_RV C_DecryptMessage(CK_SESSION_HANDLE handle, CK_VOID_PTR params, CK_ULONG params_size, CK_BYTE_PTR aad,
                       CK_ULONG aad_size, CK_BYTE_PTR text, CK_ULONG text_size, CK_BYTE_PTR out, CK_ULONG_PTR size) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) {
    return One(session, false, params, params_size, aad, aad_size, text, text_size, out, size);
  });
}

CK_RV C_DecryptMessageBegin(CK_SESSION_HANDLE handle, CK_VOID_PTR params, CK_ULONG params_size, CK_BYTE_PTR aad,
                            CK_ULONG aad_size) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) {
    return BeginOne(session, false, params, params_size, aad, aad_size);
  });
}

CK_RV C_DecryptMessageNext(CK_SESSION_HANDLE handle, CK_VOID_PTR params, CK_ULONG params_size, CK_BYTE_PTR part,
                           CK_ULONG part_size, CK_BYTE_PTR out, CK_ULONG_PTR size, CK_FLAGS flags) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) {
    return NextPart(session, false, params, params_size, part, part_size, out, size, flags);
  });
}

CK_RV C_MessageDecryptFinal(CK_SESSION_HANDLE handle) {
  return WithSession(handle, [](Module& /*module*/, Session& session) { return End(session, false); });
}

// Signatures over messages with parameters of their own: no mechanism here has them.

CK_RV C_MessageSignInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR /*mechanism*/, CK_OBJECT_HANDLE /*key*/) {
  return WithSession(handle, NotSupported);
}

CK_RV C_SignMessage(CK_SESSION_HANDLE handle, CK_VOID_PTR /*params*/, CK_ULONG /*params_size*/, CK_BYTE_PTR /*data*/,
                    CK_ULONG /*data_size*/, CK_BYTE_PTR /*signature*/, CK_ULONG_PTR /*signature_size*/) {
  return WithSession(handle, NotSupported);
}

CK_RV C_SignMessageBegin(CK_SESSION_HANDLE handle, CK_VOID_PTR /*params*/, CK_ULONG /*params_size*/) {
  return WithSession(handle, NotSupported);
}

CK_RV C_SignMessageNext(CK_SESSION_HANDLE handle, CK_VOID_PTR /*params*/, CK_ULONG /*params_size*/,
                        CK_BYTE_PTR /*data*/, CK_ULONG /*data_size*/, CK_BYTE_PTR /*signature*/,
                        CK_ULONG_PTR /*signature_size*/) {
  return WithSession(handle, NotSupported);
}

CK_RV C_MessageSignFinal(CK_SESSION_HANDLE handle) {
  return WithSession(handle, NotSupported);
}

CK_RV C_MessageVerifyInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR /*mechanism*/, CK_OBJECT_HANDLE /*key*/) {
  return WithSession(handle, NotSupported);
}

CK_RV C_VerifyMessage(CK_SESSION_HANDLE handle, CK_VOID_PTR /*params*/, CK_ULONG /*params_size*/, CK_BYTE_PTR /*data*/,
                      CK_ULONG /*data_size*/, CK_BYTE_PTR /*signature*/, CK_ULONG /*signature_size*/) {
  return WithSession(handle, NotSupported);
}

CK_RV C_VerifyMessageBegin(CK_SESSION_HANDLE handle, CK_VOID_PTR /*params*/, CK_ULONG /*params_size*/) {
  return WithSession(handle, NotSupported);
}

CK_RV C_VerifyMessageNext(CK_SESSION_HANDLE handle, CK_VOID_PTR /*params*/, CK_ULONG /*params_size*/,
                          CK_BYTE_PTR /*data*/, CK_ULONG /*data_size*/, CK_BYTE_PTR /*signature*/,
                          CK_ULONG /*signature_size*/) {
  return WithSession(handle, NotSupported);
}

CK_RV C_MessageVerifyFinal(CK_SESSION_HANDLE handle) {
  return WithSession(handle, NotSupported);
}

}  // extern "C"
}  // namespace simroot::pkcs11
