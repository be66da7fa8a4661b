// SPDX-License-Identifier: Apache-2.0
#include "device/pkcs11/decryption.hpp"

namespace simroot::pkcs11 {
namespace {

using device::Sealed;
using iotsafe::CipherMode;
using iotsafe::KeyType;

[[nodiscard]] CipherMode ModeOf(Family family) {
  switch (family) {
    case Family::kAesCbcPad:
      return CipherMode::kCbc;
    case Family::kAesCtr:
      return CipherMode::kCtr;
    case Family::kRsaOaep:
      return CipherMode::kOaep;
    default:
      return CipherMode::kGcm;
  }
}

/// Lengths that no ciphertext of the mode has.
[[nodiscard]] bool HasPossibleSize(CipherMode mode, std::size_t size) {
  switch (mode) {
    case CipherMode::kCbc:
      return size > 0 && size % crypto::kAesBlockSize == 0;
    case CipherMode::kOaep:
      return size == crypto::kRsaSize;
    case CipherMode::kGcm:
      return size >= crypto::kGcmTagSize && size <= crypto::kGcmTagSize + device::kMaxGcmText;
    case CipherMode::kCtr:
      break;
  }
  return size > 0;
}

[[nodiscard]] Bytes ToBytes(ByteView bytes) {
  return {bytes.begin(), bytes.end()};
}

/// A wrong ciphertext is told apart from a broken card: the client calls it kCrypto.
[[nodiscard]] RvOr<Bytes> Decrypt(Session& session, const Object& key, const Sealed& sealed, ByteView aad,
                                  CK_RV if_wrong) {
  bool wrong = false;
  auto text = session.slot->Run([&](device::Card& card) {
    auto result = card.Decrypt(key.name, sealed, aad);
    wrong = !result && result.error().domain == ErrorDomain::kCrypto;
    return result;
  });
  return wrong ? RvOr<Bytes>(Refuse(if_wrong)) : text;
}

}  // namespace

RvOr<std::unique_ptr<KeyOperation>> BeginCipher(Mechanism mechanism, ObjectPtr key) {
  const bool wants_rsa = mechanism.family() == Family::kRsaOaep;
  const bool fits = wants_rsa ? key->object_class == CKO_PRIVATE_KEY && IsRsa(key->info.key_type)
                              : key->object_class == CKO_SECRET_KEY && key->info.key_type == KeyType::kAes;
  if (!fits) {
    return Refuse(CKR_KEY_TYPE_INCONSISTENT);
  }
  auto operation = std::make_unique<KeyOperation>();
  operation->mechanism = std::move(mechanism);
  operation->key = std::move(key);
  return operation;
}

std::size_t MaxPlainSize(const KeyOperation& operation, std::size_t more) {
  const std::size_t size = operation.text.size() + more;
  switch (operation.mechanism.family()) {
    case Family::kRsaOaep:
      return crypto::kRsaSize - 66;  // RFC 8017 7.1.1 with SHA-256
    case Family::kAesGcm:
      return size - std::min(size, crypto::kGcmTagSize);
    default:
      return size;
  }
}

RvOr<Bytes> FinishDecrypt(Session& session, KeyOperation& operation) {
  const CipherMode mode = ModeOf(operation.mechanism.family());
  const ByteView given(operation.text);
  if (!HasPossibleSize(mode, given.size())) {
    return Refuse(CKR_ENCRYPTED_DATA_LEN_RANGE);
  }
  // PKCS#11 has the tag behind the ciphertext.
  const std::size_t tag_size = mode == CipherMode::kGcm ? crypto::kGcmTagSize : 0;
  const Sealed sealed{mode, operation.mechanism.nonce, ToBytes(given.first(given.size() - tag_size)),
                      ToBytes(given.last(tag_size))};
  return Decrypt(session, *operation.key, sealed, operation.mechanism.aad, CKR_ENCRYPTED_DATA_INVALID);
}

RvOr<CK_GCM_MESSAGE_PARAMS*> CheckMessage(void* params, CK_ULONG size, bool encrypting) {
  if (params == nullptr) {
    return Refuse(CKR_ARGUMENTS_BAD);
  }
  auto* const message = static_cast<CK_GCM_MESSAGE_PARAMS*>(params);
  if (size != sizeof(CK_GCM_MESSAGE_PARAMS) || message->pIv == nullptr || message->pTag == nullptr ||
      message->ulIvLen != crypto::kGcmNonceSize || message->ulTagBits != 8 * crypto::kGcmTagSize) {
    return Refuse(CKR_MECHANISM_PARAM_INVALID);
  }
  const bool lets_card_choose = message->ulIvFixedBits == 0 &&
                                (message->ivGenerator == CKG_GENERATE || message->ivGenerator == CKG_GENERATE_COUNTER ||
                                 message->ivGenerator == CKG_GENERATE_RANDOM);
  if (encrypting && !lets_card_choose) {
    return Refuse(CKR_MECHANISM_PARAM_INVALID);
  }
  return message;
}

RvOr<Bytes> SealMessage(Session& session, const Object& key, CK_GCM_MESSAGE_PARAMS& params, ByteView aad,
                        ByteView text) {
  if (text.size() > device::kMaxGcmText || aad.size() > iotsafe::kMaxAssociatedData) {
    return Refuse(CKR_DATA_LEN_RANGE);
  }
  SR_TRY(Sealed sealed,
         session.slot->Run([&](device::Card& card) { return card.Encrypt(key.name, CipherMode::kGcm, text, aad); }));
  std::ranges::copy(sealed.nonce, params.pIv);
  std::ranges::copy(sealed.tag, params.pTag);
  return std::move(sealed.ciphertext);
}

RvOr<Bytes> OpenMessage(Session& session, const Object& key, const CK_GCM_MESSAGE_PARAMS& params, ByteView aad,
                        ByteView ciphertext) {
  if (ciphertext.size() > device::kMaxGcmText || aad.size() > iotsafe::kMaxAssociatedData) {
    return Refuse(CKR_ENCRYPTED_DATA_LEN_RANGE);
  }
  const Sealed sealed{CipherMode::kGcm, ToBytes({params.pIv, params.ulIvLen}), ToBytes(ciphertext),
                      ToBytes({params.pTag, crypto::kGcmTagSize})};
  return Decrypt(session, key, sealed, aad, CKR_AEAD_DECRYPT_FAILED);
}

}  // namespace simroot::pkcs11
