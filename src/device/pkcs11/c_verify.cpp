// SPDX-License-Identifier: Apache-2.0
/// C_Verify*: signatures are checked on the host, MACs by the card.
#include "device/pkcs11/entry.hpp"
#include "device/pkcs11/signing.hpp"

namespace simroot::pkcs11 {

extern "C" {

CK_RV C_VerifyInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key_handle) {
  return WithSession(handle, [&](Module& module, Session& session) -> Outcome {
    if (mechanism == nullptr) {
      session.verify.reset();
      return {};
    }
    if (session.verify != nullptr) {
      return Refuse(CKR_OPERATION_ACTIVE);
    }
    SR_TRY(const TokenPtr token, session.slot->Token(Freshness::kKnown));
    SR_TRY(Mechanism parsed, ParseMechanism(mechanism, CKF_VERIFY, token.get()));
    SR_TRY(ObjectPtr key, FindKey(module, session, key_handle, CKO_PUBLIC_KEY, CKA_VERIFY));
    SR_TRY(session.verify, BeginSignature(session, std::move(parsed), std::move(key)));
    return {};
  });
}

CK_RV C_Verify(CK_SESSION_HANDLE handle, CK_BYTE_PTR data, CK_ULONG data_size, CK_BYTE_PTR signature,
               CK_ULONG signature_size) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (session.verify == nullptr || session.verify->updated) {
      return Refuse(session.verify == nullptr ? CKR_OPERATION_NOT_INITIALIZED : CKR_OPERATION_ACTIVE);
    }
    const auto verify = [&]() -> Outcome {
      SR_TRY(const ByteView text, Given(data, data_size));
      SR_TRY(const ByteView given, Given(signature, signature_size));
      SR_TRY_VOID(UpdateSignature(*session.verify, text));
      return FinishVerify(session, *session.verify, given);
    };
    return EndUnlessAsked(verify(), false, session.verify);
  });
}

CK_RV C_VerifyUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR part, CK_ULONG part_size) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (session.verify == nullptr) {
      return Refuse(CKR_OPERATION_NOT_INITIALIZED);
    }
    const auto update = [&]() -> Outcome {
      SR_TRY(const ByteView text, Given(part, part_size));
      return UpdateSignature(*session.verify, text);
    };
    return EndUnlessAsked(update(), true, session.verify);
  });
}

CK_RV C_VerifyFinal(CK_SESSION_HANDLE handle, CK_BYTE_PTR signature, CK_ULONG signature_size) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (session.verify == nullptr) {
      return Refuse(CKR_OPERATION_NOT_INITIALIZED);
    }
    const auto verify = [&]() -> Outcome {
      SR_TRY(const ByteView given, Given(signature, signature_size));
      return FinishVerify(session, *session.verify, given);
    };
    return EndUnlessAsked(verify(), false, session.verify);
  });
}

CK_RV C_VerifyRecoverInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR /*mechanism*/, CK_OBJECT_HANDLE /*key*/) {
  return WithSession(handle, [](Module&, Session&) -> Outcome { return Refuse(CKR_FUNCTION_NOT_SUPPORTED); });
}

CK_RV C_VerifyRecover(CK_SESSION_HANDLE handle, CK_BYTE_PTR /*signature*/, CK_ULONG /*signature_size*/,
                      CK_BYTE_PTR /*data*/, CK_ULONG_PTR /*data_size*/) {
  return WithSession(handle, [](Module&, Session&) -> Outcome { return Refuse(CKR_FUNCTION_NOT_SUPPORTED); });
}

}  // extern "C"
}  // namespace simroot::pkcs11
