// SPDX-License-Identifier: Apache-2.0
/// Two operations at once: nobody uses them, and no card could do them faster.
#include "device/pkcs11/entry.hpp"

namespace simroot::pkcs11 {

namespace {

[[nodiscard]] Outcome NotSupported(Module& /*module*/, Session& /*session*/) {
  return Refuse(CKR_FUNCTION_NOT_SUPPORTED);
}

}  // namespace

extern "C" {

CK_RV C_DigestEncryptUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR /*part*/, CK_ULONG /*part_size*/, CK_BYTE_PTR /*out*/,
                            CK_ULONG_PTR /*size*/) {
  return WithSession(handle, NotSupported);
}

CK_RV C_DecryptDigestUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR /*part*/, CK_ULONG /*part_size*/, CK_BYTE_PTR /*out*/,
                            CK_ULONG_PTR /*size*/) {
  return WithSession(handle, NotSupported);
}

CK_RV C_SignEncryptUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR /*part*/, CK_ULONG /*part_size*/, CK_BYTE_PTR /*out*/,
                          CK_ULONG_PTR /*size*/) {
  return WithSession(handle, NotSupported);
}

CK_RV C_DecryptVerifyUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR /*part*/, CK_ULONG /*part_size*/, CK_BYTE_PTR /*out*/,
                            CK_ULONG_PTR /*size*/) {
  return WithSession(handle, NotSupported);
}

}  // extern "C"
}  // namespace simroot::pkcs11
