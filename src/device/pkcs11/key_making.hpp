// SPDX-License-Identifier: Apache-2.0
/// Key pairs made on the card, and secrets agreed by its keys.
#pragma once

#include "device/pkcs11/module.hpp"

namespace simroot::pkcs11 {

struct MadeKeyPair {
  CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
  CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
};

/// Makes a pair in a container of the card: the one that CKA_ID or CKA_LABEL of the templates name, else the first
/// empty one, else one for volatile keys. A pair that is there is replaced only when the templates name it.
/// @returns CKR_TEMPLATE_INCOMPLETE (no CKA_EC_PARAMS or CKA_MODULUS_BITS), CKR_CURVE_NOT_SUPPORTED,
/// CKR_KEY_SIZE_RANGE, CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_VALUE_INVALID (no container of that name that may be
/// filled), CKR_DEVICE_MEMORY (none left).
[[nodiscard]] RvOr<MadeKeyPair> MakeKeyPair(Session& session, const Mechanism& mechanism, const Template& for_public,
                                            const Template& for_private);

/// CKM_ECDH1_DERIVE without a derivation function: the shared X coordinate as a secret of the session.
/// @returns CKR_MECHANISM_PARAM_INVALID, CKR_KEY_TYPE_INCONSISTENT, CKR_DEVICE_MEMORY (the card has no place for the
/// other side's key), and what MakeSessionSecret returns.
[[nodiscard]] RvOr<CK_OBJECT_HANDLE> DeriveSecret(Module& module, Session& session, const CK_MECHANISM& mechanism,
                                                  const Object& key, const Template& wanted);

}  // namespace simroot::pkcs11
