// SPDX-License-Identifier: Apache-2.0
/// Keys: made on the card, agreed by it; nothing is wrapped or unwrapped.
#include "device/pkcs11/entry.hpp"
#include "device/pkcs11/key_making.hpp"

namespace simroot::pkcs11 {

namespace {

[[nodiscard]] Outcome NotSupported(Module& /*module*/, Session& /*session*/) {
  return Refuse(CKR_FUNCTION_NOT_SUPPORTED);
}

}  // namespace

extern "C" {

CK_RV C_GenerateKey(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR /*mechanism*/, CK_ATTRIBUTE_PTR /*attributes*/,
                    CK_ULONG /*count*/, CK_OBJECT_HANDLE_PTR /*key*/) {
  return WithSession(handle, NotSupported);  // the issuer gives a card its secrets
}

CK_RV C_GenerateKeyPair(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR for_public,
                        CK_ULONG public_count, CK_ATTRIBUTE_PTR for_private, CK_ULONG private_count,
                        CK_OBJECT_HANDLE_PTR public_key, CK_OBJECT_HANDLE_PTR private_key) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (mechanism == nullptr || public_key == nullptr || private_key == nullptr) {
      return Refuse(CKR_ARGUMENTS_BAD);
    }
    SR_TRY(const TokenPtr token, session.slot->Token(Freshness::kKnown));
    SR_TRY(const Mechanism parsed, ParseMechanism(mechanism, CKF_GENERATE_KEY_PAIR, token.get()));
    SR_TRY(const Template public_template, CopyTemplate(for_public, public_count));
    SR_TRY(const Template private_template, CopyTemplate(for_private, private_count));
    if (!session.read_write) {
      return Refuse(CKR_SESSION_READ_ONLY);
    }
    if (!session.slot->IsOpen(*token)) {
      return Refuse(CKR_USER_NOT_LOGGED_IN);
    }
    SR_TRY(const MadeKeyPair made, MakeKeyPair(session, parsed, public_template, private_template));
    *public_key = made.public_key;
    *private_key = made.private_key;
    return {};
  });
}

CK_RV C_WrapKey(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR /*mechanism*/, CK_OBJECT_HANDLE /*wrapping_key*/,
                CK_OBJECT_HANDLE /*key*/, CK_BYTE_PTR /*wrapped*/, CK_ULONG_PTR /*wrapped_size*/) {
  return WithSession(handle, NotSupported);
}

CK_RV C_UnwrapKey(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR /*mechanism*/, CK_OBJECT_HANDLE /*unwrapping_key*/,
                  CK_BYTE_PTR /*wrapped*/, CK_ULONG /*wrapped_size*/, CK_ATTRIBUTE_PTR /*attributes*/,
                  CK_ULONG /*count*/, CK_OBJECT_HANDLE_PTR /*key*/) {
  return WithSession(handle, NotSupported);
}

CK_RV C_DeriveKey(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE base_key,
                  CK_ATTRIBUTE_PTR attributes, CK_ULONG count, CK_OBJECT_HANDLE_PTR key) {
  return WithSession(handle, [&](Module& module, Session& session) -> Outcome {
    if (mechanism == nullptr || key == nullptr) {
      return Refuse(CKR_ARGUMENTS_BAD);
    }
    SR_TRY(const Template wanted, CopyTemplate(attributes, count));
    SR_TRY(const TokenPtr token, session.slot->Token(Freshness::kKnown));
    SR_TRY_VOID(ParseMechanism(mechanism, CKF_DERIVE, token.get()));
    SR_TRY(const ObjectPtr base, FindKey(module, session, base_key, CKO_PRIVATE_KEY, CKA_DERIVE));
    SR_TRY(*key, DeriveSecret(module, session, *mechanism, *base, wanted));
    return {};
  });
}

}  // extern "C"
}  // namespace simroot::pkcs11
