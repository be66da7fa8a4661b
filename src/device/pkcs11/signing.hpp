// SPDX-License-Identifier: Apache-2.0
/// Signatures and MACs by keys on the card, and their verification on the host.
#pragma once

#include "device/pkcs11/session.hpp"

namespace simroot::pkcs11 {

/// An operation that has begun. @returns CKR_KEY_TYPE_INCONSISTENT if the mechanism is not for this kind of key.
[[nodiscard]] RvOr<std::unique_ptr<KeyOperation>> BeginSignature(Session& session, Mechanism mechanism, ObjectPtr key);

/// Takes a part of the text. @returns CKR_DATA_LEN_RANGE.
[[nodiscard]] Outcome UpdateSignature(KeyOperation& operation, ByteView part);

/// Bytes of the signature.
[[nodiscard]] std::size_t SignatureSize(const KeyOperation& operation);

/// Has the card sign what was given. @returns CKR_DATA_LEN_RANGE, CKR_DATA_INVALID, or an error of the card.
[[nodiscard]] RvOr<Bytes> FinishSign(Session& session, KeyOperation& operation);

/// @returns CKR_SIGNATURE_LEN_RANGE, CKR_SIGNATURE_INVALID, and as FinishSign.
[[nodiscard]] Outcome FinishVerify(Session& session, KeyOperation& operation, ByteView signature);

}  // namespace simroot::pkcs11
