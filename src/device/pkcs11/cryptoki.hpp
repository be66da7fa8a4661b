// SPDX-License-Identifier: Apache-2.0
/// PKCS#11 3.0 as NSS's header declares it. Its functions are the only ones the module exports.
#pragma once

#pragma GCC visibility push(default)
#include <pkcs11.h>
#pragma GCC visibility pop

namespace simroot::pkcs11 {

/// Of PKCS#11 3.0, and missing in NSS's header.
inline constexpr CK_RV CKR_AEAD_DECRYPT_FAILED = 0x42;  // NOLINT(readability-identifier-naming): its name there

}  // namespace simroot::pkcs11
