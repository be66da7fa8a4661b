// SPDX-License-Identifier: Apache-2.0
/// Decryption by keys on the card, and messages sealed by them.
#pragma once

#include "device/pkcs11/session.hpp"

namespace simroot::pkcs11 {

/// @returns CKR_KEY_TYPE_INCONSISTENT if the mechanism is not for this kind of key.
[[nodiscard]] RvOr<std::unique_ptr<KeyOperation>> BeginCipher(Mechanism mechanism, ObjectPtr key);

/// The most bytes the text can have: nobody knows more before the card has decrypted it.
[[nodiscard]] std::size_t MaxPlainSize(const KeyOperation& operation, std::size_t more);

/// Has the card decrypt what was given. @returns CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_INVALID, or an error
/// of the card.
[[nodiscard]] RvOr<Bytes> FinishDecrypt(Session& session, KeyOperation& operation);

/// Checks what an application gives with a message of AES-GCM. @param encrypting the card chooses the nonce, so the
/// application must ask for that. @returns CKR_ARGUMENTS_BAD, CKR_MECHANISM_PARAM_INVALID.
[[nodiscard]] RvOr<CK_GCM_MESSAGE_PARAMS*> CheckMessage(void* params, CK_ULONG size, bool encrypting);

/// Encrypts a message, writes nonce and tag into `params`. @returns the ciphertext; CKR_DATA_LEN_RANGE.
[[nodiscard]] RvOr<Bytes> SealMessage(Session& session, const Object& key, CK_GCM_MESSAGE_PARAMS& params, ByteView aad,
                                      ByteView text);
/// @returns the text; CKR_AEAD_DECRYPT_FAILED if anything was changed.
[[nodiscard]] RvOr<Bytes> OpenMessage(Session& session, const Object& key, const CK_GCM_MESSAGE_PARAMS& params,
                                      ByteView aad, ByteView ciphertext);

}  // namespace simroot::pkcs11
