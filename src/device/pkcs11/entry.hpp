// SPDX-License-Identifier: Apache-2.0
/// Around every C_* function: finds module and session, takes the session's lock, lets nothing escape.
#pragma once

#include "device/pkcs11/guard.hpp"
#include "device/pkcs11/module.hpp"

namespace simroot::pkcs11 {

/// Guard, for functions that need the module.
template <typename Body>
[[nodiscard]] CK_RV WithModule(Body body) {
  return Guard([&]() -> Outcome {
    const auto module = Module::Current();
    return module != nullptr ? body(*module) : Outcome(Refuse(CKR_CRYPTOKI_NOT_INITIALIZED));
  });
}

template <typename Body>
[[nodiscard]] CK_RV WithSlot(CK_SLOT_ID id, Body body) {
  return WithModule([&](Module& module) -> Outcome {
    SR_TRY(const SlotPtr slot, module.FindSlot(id));
    return body(module, slot);
  });
}

/// `body` is a function of Module& and Session&, whose lock is held.
template <typename Body>
[[nodiscard]] CK_RV WithSession(CK_SESSION_HANDLE handle, Body body) {
  return WithModule([&](Module& module) -> Outcome {
    const SessionPtr session = module.FindSession(handle);
    if (session == nullptr) {
      return Refuse(CKR_SESSION_HANDLE_INVALID);
    }
    const std::lock_guard lock(session->mutex);
    return session->closed ? Outcome(Refuse(CKR_SESSION_HANDLE_INVALID)) : body(module, *session);
  });
}

/// The key an operation is begun with: of `object_class`, with `use` (CKA_SIGN, ...) true.
/// @returns CKR_KEY_HANDLE_INVALID, CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_FUNCTION_NOT_PERMITTED.
[[nodiscard]] RvOr<ObjectPtr> FindKey(Module& module, Session& session, CK_OBJECT_HANDLE handle,
                                      CK_OBJECT_CLASS object_class, CK_ATTRIBUTE_TYPE use);

/// CKR_OK ends `operation`, and so does every error but CKR_BUFFER_TOO_SMALL; a question for the length ends nothing.
template <typename Operation>
[[nodiscard]] Outcome EndUnlessAsked(Outcome outcome, bool only_asked, std::unique_ptr<Operation>& operation) {
  const bool goes_on = outcome ? only_asked : outcome.error() == CKR_BUFFER_TOO_SMALL;
  if (!goes_on) {
    operation.reset();
  }
  return outcome;
}

}  // namespace simroot::pkcs11
