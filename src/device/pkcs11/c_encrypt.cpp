// SPDX-License-Identifier: Apache-2.0
/// C_Encrypt*: the card chooses nonces itself, so it encrypts messages only (c_messages.cpp).
#include "device/pkcs11/entry.hpp"

namespace simroot::pkcs11 {

namespace {

[[nodiscard]] Outcome NotInitialised(Module& /*module*/, Session& /*session*/) {
  return Refuse(CKR_OPERATION_NOT_INITIALIZED);
}

}  // namespace

extern "C" {

CK_RV C_EncryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE /*key*/) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (mechanism == nullptr) {
      return {};
    }
    SR_TRY(const TokenPtr token, session.slot->Token(Freshness::kKnown));
    SR_TRY_VOID(ParseMechanism(mechanism, CKF_ENCRYPT, token.get()));
    return Refuse(CKR_MECHANISM_INVALID);
  });
}

CK_RV C_Encrypt(CK_SESSION_HANDLE handle, CK_BYTE_PTR /*data*/, CK_ULONG /*data_size*/, CK_BYTE_PTR /*encrypted*/,
                CK_ULONG_PTR /*encrypted_size*/) {
  return WithSession(handle, NotInitialised);
}

CK_RV C_EncryptUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR /*part*/, CK_ULONG /*part_size*/, CK_BYTE_PTR /*encrypted*/,
                      CK_ULONG_PTR /*encrypted_size*/) {
  return WithSession(handle, NotInitialised);
}

CK_RV C_EncryptFinal(CK_SESSION_HANDLE handle, CK_BYTE_PTR /*encrypted*/, CK_ULONG_PTR /*encrypted_size*/) {
  return WithSession(handle, NotInitialised);
}

}  // extern "C"
}  // namespace simroot::pkcs11
