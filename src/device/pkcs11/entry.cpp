// SPDX-License-Identifier: Apache-2.0
#include "device/pkcs11/entry.hpp"

namespace simroot::pkcs11 {

RvOr<ObjectPtr> FindKey(Module& module, Session& session, CK_OBJECT_HANDLE handle, CK_OBJECT_CLASS object_class,
                        CK_ATTRIBUTE_TYPE use) {
  SR_TRY(ObjectPtr key, module.FindObject(session, handle));
  if (key == nullptr) {
    return Refuse(CKR_KEY_HANDLE_INVALID);
  }
  const bool is_key = key->object_class == object_class || key->object_class == CKO_SECRET_KEY;
  if (!is_key) {
    const bool other_key = key->object_class == CKO_PRIVATE_KEY || key->object_class == CKO_PUBLIC_KEY;
    return Refuse(other_key ? CKR_KEY_TYPE_INCONSISTENT : CKR_KEY_HANDLE_INVALID);
  }
  if (!key->Is(use)) {
    return Refuse(CKR_KEY_FUNCTION_NOT_PERMITTED);
  }
  return key;
}

}  // namespace simroot::pkcs11
