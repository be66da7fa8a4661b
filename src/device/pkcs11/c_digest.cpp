// SPDX-License-Identifier: Apache-2.0
/// C_Digest*: on the host.
#include "device/pkcs11/entry.hpp"

namespace simroot::pkcs11 {

namespace {

/// The digest, if there is room for it.
[[nodiscard]] Outcome GiveDigest(RunningHash& hash, CK_BYTE* out, CK_ULONG* size) {
  if (size == nullptr) {
    return Refuse(CKR_ARGUMENTS_BAD);
  }
  if (out == nullptr || *size < hash.size()) {
    *size = hash.size();
    return out == nullptr ? Outcome() : Refuse(CKR_BUFFER_TOO_SMALL);
  }
  SR_TRY(const Bytes digest, hash.Finish());
  return GiveBack(digest, out, size);
}

[[nodiscard]] Outcome Update(Session& session, ByteView part) {
  session.digest_updated = true;
  return session.digest->Update(part) ? Outcome() : Refuse(CKR_FUNCTION_FAILED);
}

}  // namespace

extern "C" {

CK_RV C_DigestInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (mechanism == nullptr) {
      session.digest.reset();
      return {};
    }
    if (session.digest != nullptr) {
      return Refuse(CKR_OPERATION_ACTIVE);
    }
    SR_TRY(const Mechanism parsed, ParseMechanism(mechanism, CKF_DIGEST, nullptr));
    SR_TRY(session.digest, session.BeginHash(*parsed.row->hash));
    session.digest_updated = false;
    return {};
  });
}

CK_RV C_Digest(CK_SESSION_HANDLE handle, CK_BYTE_PTR data, CK_ULONG data_size, CK_BYTE_PTR digest,
               CK_ULONG_PTR digest_size) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (session.digest == nullptr || session.digest_updated) {
      return Refuse(session.digest == nullptr ? CKR_OPERATION_NOT_INITIALIZED : CKR_OPERATION_ACTIVE);
    }
    const auto make = [&]() -> Outcome {
      SR_TRY(const ByteView text, Given(data, data_size));
      const bool has_room = digest != nullptr && digest_size != nullptr && *digest_size >= session.digest->size();
      if (has_room && !session.digest->Update(text)) {
        return Refuse(CKR_FUNCTION_FAILED);
      }
      return GiveDigest(*session.digest, digest, digest_size);
    };
    return EndUnlessAsked(make(), digest == nullptr, session.digest);
  });
}

CK_RV C_DigestUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR part, CK_ULONG part_size) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (session.digest == nullptr) {
      return Refuse(CKR_OPERATION_NOT_INITIALIZED);
    }
    const auto update = [&]() -> Outcome {
      SR_TRY(const ByteView text, Given(part, part_size));
      return Update(session, text);
    };
    return EndUnlessAsked(update(), true, session.digest);
  });
}

CK_RV C_DigestKey(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE key_handle) {
  return WithSession(handle, [&](Module& module, Session& session) -> Outcome {
    if (session.digest == nullptr) {
      return Refuse(CKR_OPERATION_NOT_INITIALIZED);
    }
    const auto update = [&]() -> Outcome {
      SR_TRY(const ObjectPtr key, module.FindObject(session, key_handle));
      if (key == nullptr || key->object_class != CKO_SECRET_KEY) {
        return Refuse(CKR_KEY_HANDLE_INVALID);
      }
      const Attribute* const value = key->Find(CKA_VALUE);
      if (value == nullptr || key->IsSensitive(CKA_VALUE)) {
        return Refuse(CKR_KEY_INDIGESTIBLE);  // it does not leave the card
      }
      return Update(session, value->value);
    };
    return EndUnlessAsked(update(), true, session.digest);
  });
}

CK_RV C_DigestFinal(CK_SESSION_HANDLE handle, CK_BYTE_PTR digest, CK_ULONG_PTR digest_size) {
  return WithSession(handle, [&](Module& /*module*/, Session& session) -> Outcome {
    if (session.digest == nullptr) {
      return Refuse(CKR_OPERATION_NOT_INITIALIZED);
    }
    return EndUnlessAsked(GiveDigest(*session.digest, digest, digest_size), digest == nullptr, session.digest);
  });
}

}  // extern "C"
}  // namespace simroot::pkcs11
