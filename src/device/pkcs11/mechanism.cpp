// SPDX-License-Identifier: Apache-2.0
#include "device/pkcs11/mechanism.hpp"

#include <cstring>

namespace simroot::pkcs11 {
namespace {

using iotsafe::Extension;
using iotsafe::HashAlgorithm;
using iotsafe::SignatureAlgorithm;

constexpr CK_FLAGS kOnCard = CKF_HW;
constexpr CK_FLAGS kSignature = CKF_SIGN | CKF_VERIFY | kOnCard;
constexpr CK_FLAGS kCurves = CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS;
constexpr auto kNoHash = std::nullopt;

constexpr MechanismRow EcRow(CK_MECHANISM_TYPE type, Family family, std::optional<HashAlgorithm> hash, CK_FLAGS flags) {
  return {type, family, hash, 256, 384, flags | kCurves};
}
constexpr MechanismRow RsaRow(CK_MECHANISM_TYPE type, Family family, std::optional<HashAlgorithm> hash,
                              CK_FLAGS flags) {
  return {type, family, hash, 2048, 2048, flags};
}
constexpr MechanismRow DigestRow(CK_MECHANISM_TYPE type, HashAlgorithm hash) {
  return {type, Family::kDigest, hash, 0, 0, CKF_DIGEST};
}
constexpr MechanismRow AesRow(CK_MECHANISM_TYPE type, Family family, CK_FLAGS flags) {
  return {type, family, kNoHash, 16, 32, flags | kOnCard};
}

constexpr std::array kMechanisms{
    EcRow(CKM_ECDSA, Family::kEcdsa, kNoHash, kSignature),
    EcRow(CKM_ECDSA_SHA256, Family::kEcdsa, HashAlgorithm::kSha256, kSignature),
    EcRow(CKM_ECDSA_SHA384, Family::kEcdsa, HashAlgorithm::kSha384, kSignature),
    EcRow(CKM_ECDSA_SHA512, Family::kEcdsa, HashAlgorithm::kSha512, kSignature),
    EcRow(CKM_ECDH1_DERIVE, Family::kEcdh, kNoHash, CKF_DERIVE | kOnCard),
    EcRow(CKM_EC_KEY_PAIR_GEN, Family::kEcGenerate, kNoHash, CKF_GENERATE_KEY_PAIR | kOnCard),
    RsaRow(CKM_RSA_PKCS, Family::kRsaPkcs1, kNoHash, kSignature),
    RsaRow(CKM_SHA256_RSA_PKCS, Family::kRsaPkcs1, HashAlgorithm::kSha256, kSignature),
    RsaRow(CKM_SHA384_RSA_PKCS, Family::kRsaPkcs1, HashAlgorithm::kSha384, kSignature),
    RsaRow(CKM_SHA512_RSA_PKCS, Family::kRsaPkcs1, HashAlgorithm::kSha512, kSignature),
    RsaRow(CKM_RSA_PKCS_PSS, Family::kRsaPss, kNoHash, kSignature),
    RsaRow(CKM_SHA256_RSA_PKCS_PSS, Family::kRsaPss, HashAlgorithm::kSha256, kSignature),
    RsaRow(CKM_SHA384_RSA_PKCS_PSS, Family::kRsaPss, HashAlgorithm::kSha384, kSignature),
    RsaRow(CKM_SHA512_RSA_PKCS_PSS, Family::kRsaPss, HashAlgorithm::kSha512, kSignature),
    RsaRow(CKM_RSA_PKCS_OAEP, Family::kRsaOaep, kNoHash, CKF_DECRYPT | kOnCard),
    RsaRow(CKM_RSA_PKCS_KEY_PAIR_GEN, Family::kRsaGenerate, kNoHash, CKF_GENERATE_KEY_PAIR | kOnCard),
    AesRow(CKM_AES_CMAC, Family::kCmac, CKF_SIGN | CKF_VERIFY),
    AesRow(CKM_AES_CBC_PAD, Family::kAesCbcPad, CKF_DECRYPT),
    AesRow(CKM_AES_CTR, Family::kAesCtr, CKF_DECRYPT),
    AesRow(CKM_AES_GCM, Family::kAesGcm, CKF_DECRYPT | CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT),
    DigestRow(CKM_SHA256, HashAlgorithm::kSha256),
    DigestRow(CKM_SHA384, HashAlgorithm::kSha384),
    DigestRow(CKM_SHA512, HashAlgorithm::kSha512),
};

struct HashNames {
  HashAlgorithm hash;
  CK_MECHANISM_TYPE mechanism;
  CK_RSA_PKCS_MGF_TYPE mgf;
};
constexpr std::array kHashNames{
    HashNames{HashAlgorithm::kSha256, CKM_SHA256, CKG_MGF1_SHA256},
    HashNames{HashAlgorithm::kSha384, CKM_SHA384, CKG_MGF1_SHA384},
    HashNames{HashAlgorithm::kSha512, CKM_SHA512, CKG_MGF1_SHA512},
};

/// The parameter as a structure. @returns CKR_MECHANISM_PARAM_INVALID if it has another size.
template <typename T>
[[nodiscard]] RvOr<T> ParameterAs(const CK_MECHANISM& mechanism) {
  T value{};
  if (mechanism.pParameter == nullptr || mechanism.ulParameterLen != sizeof(T)) {
    return Refuse(CKR_MECHANISM_PARAM_INVALID);
  }
  std::memcpy(&value, mechanism.pParameter, sizeof(T));
  return value;
}

[[nodiscard]] RvOr<Bytes> Copy(const CK_BYTE* data, CK_ULONG size) {
  if (data == nullptr && size != 0) {
    return Refuse(CKR_MECHANISM_PARAM_INVALID);
  }
  const ByteView view(data, size);
  return Bytes(view.begin(), view.end());
}

/// The card salts with as many bytes as the digest has (RFC 8017 9.1), and uses one hash for everything.
[[nodiscard]] Outcome TakePss(const CK_MECHANISM& given, Mechanism& out) {
  SR_TRY(const auto params, ParameterAs<CK_RSA_PKCS_PSS_PARAMS>(given));
  const auto* const names = std::ranges::find(kHashNames, params.hashAlg, &HashNames::mechanism);
  const bool fits = names != kHashNames.end() && params.mgf == names->mgf &&
                    params.sLen == iotsafe::DigestSize(names->hash) &&
                    (!out.row->hash || *out.row->hash == names->hash);
  if (!fits) {
    return Refuse(CKR_MECHANISM_PARAM_INVALID);
  }
  out.pss_hash = names->hash;
  return {};
}

/// The card does OAEP with SHA-256 for label and MGF1, and an empty label.
[[nodiscard]] Outcome CheckOaep(const CK_MECHANISM& given) {
  SR_TRY(const auto params, ParameterAs<CK_RSA_PKCS_OAEP_PARAMS>(given));
  const bool fits = params.hashAlg == CKM_SHA256 && params.mgf == CKG_MGF1_SHA256 && params.ulSourceDataLen == 0;
  return fits ? Outcome() : Refuse(CKR_MECHANISM_PARAM_INVALID);
}

[[nodiscard]] Outcome TakeCounter(const CK_MECHANISM& given, Mechanism& out) {
  SR_TRY(const auto params, ParameterAs<CK_AES_CTR_PARAMS>(given));
  // The card counts the whole block as one number; with 32 bits no text it takes comes to their end.
  if (params.ulCounterBits < 32 || params.ulCounterBits > 128) {
    return Refuse(CKR_MECHANISM_PARAM_INVALID);
  }
  out.nonce.assign(std::begin(params.cb), std::end(params.cb));
  return {};
}

[[nodiscard]] Outcome TakeVector(const CK_MECHANISM& given, Mechanism& out) {
  if (given.pParameter == nullptr || given.ulParameterLen != crypto::kAesBlockSize) {
    return Refuse(CKR_MECHANISM_PARAM_INVALID);
  }
  SR_TRY(out.nonce, Copy(static_cast<const CK_BYTE*>(given.pParameter), given.ulParameterLen));
  return {};
}

[[nodiscard]] Outcome TakeGcm(const CK_MECHANISM& given, Mechanism& out) {
  SR_TRY(const auto params, ParameterAs<CK_GCM_PARAMS_V3>(given));
  if (params.ulIvLen != crypto::kGcmNonceSize || params.ulTagBits != 8 * crypto::kGcmTagSize ||
      params.ulAADLen > iotsafe::kMaxAssociatedData) {
    return Refuse(CKR_MECHANISM_PARAM_INVALID);
  }
  SR_TRY(out.nonce, Copy(params.pIv, params.ulIvLen));
  SR_TRY(out.aad, Copy(params.pAAD, params.ulAADLen));
  return {};
}

[[nodiscard]] Outcome TakeParameters(const CK_MECHANISM& given, CK_FLAGS use, Mechanism& out) {
  switch (out.family()) {
    case Family::kRsaPss:
      return TakePss(given, out);
    case Family::kRsaOaep:
      return CheckOaep(given);
    case Family::kAesCtr:
      return TakeCounter(given, out);
    case Family::kAesCbcPad:
      return TakeVector(given, out);
    case Family::kAesGcm:
      if (use == CKF_DECRYPT) {
        return TakeGcm(given, out);
      }
      break;  // every message brings its own parameters
    case Family::kEcdh:
      return {};  // read by C_DeriveKey
    default:
      break;
  }
  return given.ulParameterLen == 0 ? Outcome() : Refuse(CKR_MECHANISM_PARAM_INVALID);
}

}  // namespace

std::span<const MechanismRow> AllMechanisms() {
  return kMechanisms;
}

bool IsOffered(const MechanismRow& row, const TokenContent& token) {
  const iotsafe::ApplicationInfo& info = token.application;
  const auto signs = [&](SignatureAlgorithm algorithm) { return iotsafe::Has(info.signature_algorithms, algorithm); };
  switch (row.family) {
    case Family::kDigest:
      return true;
    case Family::kEcdsa:
      return signs(SignatureAlgorithm::kEcdsa);
    case Family::kRsaPkcs1:
    case Family::kRsaGenerate:
      return signs(SignatureAlgorithm::kRsaPkcs1);
    case Family::kRsaPss:
      return signs(SignatureAlgorithm::kRsaPss);
    case Family::kCmac:
      return signs(SignatureAlgorithm::kCmac) || token.Offers(Extension::kCmac);
    case Family::kAesCbcPad:
      return token.Offers(Extension::kAesCbc);
    case Family::kAesCtr:
      return token.Offers(Extension::kAesCtr);
    case Family::kAesGcm:
      return token.Offers(Extension::kAesGcm);
    case Family::kRsaOaep:
      return token.Offers(Extension::kRsaOaep);
    case Family::kEcdh:
      return iotsafe::Has(info.functions, iotsafe::Function::kKeyAgreement);
    case Family::kEcGenerate:
      return iotsafe::Has(info.functions, iotsafe::Function::kKeyGeneration);
  }
  return false;
}

RvOr<Mechanism> ParseMechanism(const CK_MECHANISM* mechanism, CK_FLAGS use, const TokenContent* token) {
  if (mechanism == nullptr || (mechanism->pParameter == nullptr && mechanism->ulParameterLen != 0)) {
    return Refuse(CKR_ARGUMENTS_BAD);
  }
  const auto* const row = std::ranges::find(kMechanisms, mechanism->mechanism, &MechanismRow::type);
  if (row == kMechanisms.end() || (row->flags & use) == 0 || (token != nullptr && !IsOffered(*row, *token))) {
    return Refuse(CKR_MECHANISM_INVALID);
  }
  Mechanism parsed;
  parsed.row = row;
  SR_TRY_VOID(TakeParameters(*mechanism, use, parsed));
  return parsed;
}

}  // namespace simroot::pkcs11
