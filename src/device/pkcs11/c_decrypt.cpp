// SPDX-License-Identifier: Apache-2.0
/// C_Decrypt*: by AES and RSA keys on the card.
#include "device/pkcs11/decryption.hpp"
#include "device/pkcs11/entry.hpp"

namespace simroot::pkcs11 {

namespace {

/// Gives out what the card decrypts. What does not fit is kept for the next call, so that the card works once.
[[nodiscard]] Outcome GivePlain(Session& session, CK_BYTE* out, CK_ULONG* size) {
  KeyOperation& operation = *session.decrypt;
  if (size == nullptr) {
    return Refuse(CKR_ARGUMENTS_BAD);
  }
  if (!operation.result) {
    if (out == nullptr) {
      *size = MaxPlainSize(operation, 0);
      return {};
    }
    SR_TRY(operation.result, FinishDecrypt(session, operation));
  }
  return GiveBack(*operation.result, out, size);
}

}  // namespace

extern "C" {

CK_RV C_DecryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key_handle) {
  return WithSession(handle, [&](Module& module, Session& session) -> Outcome {
    if (mechanism == nullptr) {
      session.decrypt.reset();
      return {};
    }
    if (session.decrypt != nullptr) {
      return Refuse(CKR_OPERATION_ACTIVE);
    }
    SR_TRY(const TokenPtr token, session.slot->Token(Freshness::kKnown));
    SR_TRY(Mechanism parsed, ParseMechanism(mechanism, CKF_DECRYPT, token.get()));
    SR_TRY(ObjectPtr key, FindKey(module, session, key_handle, CKO_PRIVATE_KEY, CKA_DECRYPT));
    SR_TRY(session.decrypt, BeginCipher(std::move(parsed), std::move(key)));
    return {};
  });
}

CK_RV C_Decrypt(CK_SESSION_HANDLE handle, CK_BYTE_PTR encrypted, CK_ULONG encrypted_size, CK_BYTE_PTR data,
                CK_ULONG_PTR data_size) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (session.decrypt == nullptr || session.decrypt->updated) {
      return Refuse(session.decrypt == nullptr ? CKR_OPERATION_NOT_INITIALIZED : CKR_OPERATION_ACTIVE);
    }
    KeyOperation& operation = *session.decrypt;
    const auto decrypt = [&]() -> Outcome {
      SR_TRY(const ByteView text, Given(encrypted, encrypted_size));
      if (data == nullptr && data_size != nullptr && !operation.result) {
        *data_size = MaxPlainSize(operation, text.size());
        return {};
      }
      if (!operation.result) {
        SR_TRY_VOID(AddPart(text, operation.text));
      }
      return GivePlain(session, data, data_size);
    };
    return EndUnlessAsked(decrypt(), data == nullptr, session.decrypt);
  });
}

CK_RV C_DecryptUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR part, CK_ULONG part_size, CK_BYTE_PTR /*data*/,
                      CK_ULONG_PTR data_size) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (session.decrypt == nullptr) {
      return Refuse(CKR_OPERATION_NOT_INITIALIZED);
    }
    const auto update = [&]() -> Outcome {
      SR_TRY(const ByteView text, Given(part, part_size));
      if (data_size == nullptr) {
        return Refuse(CKR_ARGUMENTS_BAD);
      }
      session.decrypt->updated = true;
      *data_size = 0;  // everything comes with the end: a tag or padding may be wrong
      return AddPart(text, session.decrypt->text);
    };
    return EndUnlessAsked(update(), true, session.decrypt);
  });
}

CK_RV C_DecryptFinal(CK_SESSION_HANDLE handle, CK_BYTE_PTR data, CK_ULONG_PTR data_size) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (session.decrypt == nullptr) {
      return Refuse(CKR_OPERATION_NOT_INITIALIZED);
    }
    return EndUnlessAsked(GivePlain(session, data, data_size), data == nullptr, session.decrypt);
  });
}

}  // extern "C"
}  // namespace simroot::pkcs11
