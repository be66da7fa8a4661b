// SPDX-License-Identifier: Apache-2.0
/// C_Sign*: signatures and MACs by keys on the card.
#include "device/pkcs11/entry.hpp"
#include "device/pkcs11/signing.hpp"

namespace simroot::pkcs11 {

extern "C" {

CK_RV C_SignInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key_handle) {
  return WithSession(handle, [&](Module& module, Session& session) -> Outcome {
    if (mechanism == nullptr) {  // PKCS#11 3.0: ends what runs
      session.sign.reset();
      return {};
    }
    if (session.sign != nullptr) {
      return Refuse(CKR_OPERATION_ACTIVE);
    }
    SR_TRY(const TokenPtr token, session.slot->Token(Freshness::kKnown));
    SR_TRY(Mechanism parsed, ParseMechanism(mechanism, CKF_SIGN, token.get()));
    SR_TRY(ObjectPtr key, FindKey(module, session, key_handle, CKO_PRIVATE_KEY, CKA_SIGN));
    SR_TRY(session.sign, BeginSignature(session, std::move(parsed), std::move(key)));
    return {};
  });
}

CK_RV C_Sign(CK_SESSION_HANDLE handle, CK_BYTE_PTR data, CK_ULONG data_size, CK_BYTE_PTR signature,
             CK_ULONG_PTR signature_size) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (session.sign == nullptr || session.sign->updated) {
      return Refuse(session.sign == nullptr ? CKR_OPERATION_NOT_INITIALIZED : CKR_OPERATION_ACTIVE);
    }
    const auto sign = [&]() -> Outcome {
      SR_TRY(const ByteView text, Given(data, data_size));
      if (signature_size == nullptr) {
        return Refuse(CKR_ARGUMENTS_BAD);
      }
      if (const std::size_t size = SignatureSize(*session.sign); signature == nullptr || *signature_size < size) {
        // Neither a question nor a small buffer touches the card or ends the operation (trap T7).
        *signature_size = size;
        return signature == nullptr ? Outcome() : Refuse(CKR_BUFFER_TOO_SMALL);
      }
      SR_TRY_VOID(UpdateSignature(*session.sign, text));
      SR_TRY(const Bytes made, FinishSign(session, *session.sign));
      return GiveBack(made, signature, signature_size);
    };
    return EndUnlessAsked(sign(), signature == nullptr, session.sign);
  });
}

CK_RV C_SignUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR part, CK_ULONG part_size) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (session.sign == nullptr) {
      return Refuse(CKR_OPERATION_NOT_INITIALIZED);
    }
    const auto update = [&]() -> Outcome {
      SR_TRY(const ByteView text, Given(part, part_size));
      return UpdateSignature(*session.sign, text);
    };
    return EndUnlessAsked(update(), true, session.sign);
  });
}

CK_RV C_SignFinal(CK_SESSION_HANDLE handle, CK_BYTE_PTR signature, CK_ULONG_PTR signature_size) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (session.sign == nullptr) {
      return Refuse(CKR_OPERATION_NOT_INITIALIZED);
    }
    const auto sign = [&]() -> Outcome {
      if (signature_size == nullptr) {
        return Refuse(CKR_ARGUMENTS_BAD);
      }
      if (const std::size_t size = SignatureSize(*session.sign); signature == nullptr || *signature_size < size) {
        *signature_size = size;
        return signature == nullptr ? Outcome() : Refuse(CKR_BUFFER_TOO_SMALL);
      }
      SR_TRY(const Bytes made, FinishSign(session, *session.sign));
      return GiveBack(made, signature, signature_size);
    };
    return EndUnlessAsked(sign(), signature == nullptr, session.sign);
  });
}

CK_RV C_SignRecoverInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR /*mechanism*/, CK_OBJECT_HANDLE /*key*/) {
  return WithSession(handle, [](Module&, Session&) -> Outcome { return Refuse(CKR_FUNCTION_NOT_SUPPORTED); });
}

CK_RV C_SignRecover(CK_SESSION_HANDLE handle, CK_BYTE_PTR /*data*/, CK_ULONG /*data_size*/, CK_BYTE_PTR /*signature*/,
                    CK_ULONG_PTR /*signature_size*/) {
  return WithSession(handle, [](Module&, Session&) -> Outcome { return Refuse(CKR_FUNCTION_NOT_SUPPORTED); });
}

}  // extern "C"
}  // namespace simroot::pkcs11
