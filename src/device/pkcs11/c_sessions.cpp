// SPDX-License-Identifier: Apache-2.0
/// Sessions, login, and the PIN.
#include "device/pkcs11/entry.hpp"

namespace simroot::pkcs11 {

namespace {

[[nodiscard]] CK_STATE StateOf(const Session& session) {
  if (session.slot->IsLoggedIn()) {
    return session.read_write ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
  }
  return session.read_write ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
}

[[nodiscard]] Outcome NotSupported(Module& /*module*/, Session& /*session*/) {
  return Refuse(CKR_FUNCTION_NOT_SUPPORTED);
}

/// What each flag of C_SessionCancel ends.
void Cancel(Session& session, CK_FLAGS flags) {
  const auto end = [&](CK_FLAGS flag, auto&... operations) {
    if ((flags & flag) != 0) {
      (operations.reset(), ...);
    }
  };
  end(CKF_FIND_OBJECTS, session.search);
  end(CKF_DIGEST, session.digest);
  end(CKF_SIGN, session.sign);
  end(CKF_VERIFY, session.verify);
  end(CKF_DECRYPT, session.decrypt);
  end(CKF_MESSAGE_ENCRYPT, session.encrypting, session.message_encrypt);
  end(CKF_MESSAGE_DECRYPT, session.decrypting, session.message_decrypt);
}

}  // namespace

extern "C" {

CK_RV C_OpenSession(CK_SLOT_ID id, CK_FLAGS flags, CK_VOID_PTR /*application*/, CK_NOTIFY /*notify*/,
                    CK_SESSION_HANDLE_PTR handle) {
  return WithSlot(id, [&](Module& module, const SlotPtr& slot) -> Outcome {
    if (handle == nullptr) {
      return Refuse(CKR_ARGUMENTS_BAD);
    }
    if ((flags & CKF_SERIAL_SESSION) == 0) {
      return Refuse(CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    }
    SR_TRY_VOID(slot->Token(Freshness::kNow));
    *handle = module.OpenSession(slot, (flags & CKF_RW_SESSION) != 0)->handle;
    return {};
  });
}

CK_RV C_CloseSession(CK_SESSION_HANDLE handle) {
  return WithModule([&](Module& module) { return module.CloseSession(handle); });
}

CK_RV C_CloseAllSessions(CK_SLOT_ID id) {
  return WithSlot(id, [](Module& module, const SlotPtr& slot) -> Outcome {
    module.CloseSessions(slot);
    return {};
  });
}

CK_RV C_GetSessionInfo(CK_SESSION_HANDLE handle, CK_SESSION_INFO_PTR info) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (info == nullptr) {
      return Refuse(CKR_ARGUMENTS_BAD);
    }
    *info = {session.slot->id(), StateOf(session),
             CKF_SERIAL_SESSION | (session.read_write ? CKF_RW_SESSION : CK_FLAGS{0}), 0};
    return {};
  });
}

CK_RV C_SessionCancel(CK_SESSION_HANDLE handle, CK_FLAGS flags) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    Cancel(session, flags);
    return {};
  });
}

CK_RV C_GetOperationState(CK_SESSION_HANDLE handle, CK_BYTE_PTR /*state*/, CK_ULONG_PTR /*size*/) {
  return WithSession(handle, NotSupported);
}

CK_RV C_SetOperationState(CK_SESSION_HANDLE handle, CK_BYTE_PTR /*state*/, CK_ULONG /*size*/,
                          CK_OBJECT_HANDLE /*encryption_key*/, CK_OBJECT_HANDLE /*authentication_key*/) {
  return WithSession(handle, NotSupported);
}

CK_RV C_Login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG pin_size) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (user == CKU_CONTEXT_SPECIFIC) {
      return Refuse(CKR_OPERATION_NOT_INITIALIZED);  // no key asks for a PIN of its own
    }
    if (user != CKU_USER) {
      return Refuse(CKR_USER_TYPE_INVALID);
    }
    SR_TRY(const ByteView given, Given(pin, pin_size));
    return session.slot->Login(given);
  });
}

CK_RV C_LoginUser(CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG pin_size,
                  CK_UTF8CHAR_PTR /*name*/, CK_ULONG name_size) {
  if (name_size != 0) {
    return WithSession(handle, NotSupported);  // a card has one user
  }
  return ::C_Login(handle, user, pin, pin_size);
}

CK_RV C_Logout(CK_SESSION_HANDLE handle) {
  return WithSession(handle, [](Module& /*module*/, Session& session) { return session.slot->Logout(); });
}

CK_RV C_InitPIN(CK_SESSION_HANDLE handle, CK_UTF8CHAR_PTR /*pin*/, CK_ULONG /*pin_size*/) {
  return WithSession(handle, NotSupported);
}

CK_RV C_SetPIN(CK_SESSION_HANDLE handle, CK_UTF8CHAR_PTR /*old_pin*/, CK_ULONG /*old_size*/,
               CK_UTF8CHAR_PTR /*new_pin*/, CK_ULONG /*new_size*/) {
  return WithSession(handle, NotSupported);  // the applet has no command for it: the issuer sets the PIN
}

}  // extern "C"
}  // namespace simroot::pkcs11
