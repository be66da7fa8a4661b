// SPDX-License-Identifier: Apache-2.0
#include "device/pkcs11/signing.hpp"

namespace simroot::pkcs11 {
namespace {

using device::SignatureScheme;
using iotsafe::HashAlgorithm;

/// A digest and the hash the card is told it comes from.
struct CardDigest {
  HashAlgorithm hash = HashAlgorithm::kSha256;
  Bytes bytes;
};

constexpr std::array kHashes{HashAlgorithm::kSha256, HashAlgorithm::kSha384, HashAlgorithm::kSha512};

/// DigestInfo of RFC 8017 9.2 up to the digest.
struct DigestInfoPrefix {
  HashAlgorithm hash;
  std::array<std::uint8_t, 19> bytes;
};
constexpr std::array kDigestInfoPrefixes{
    DigestInfoPrefix{HashAlgorithm::kSha256,
                     {0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
                      0x00, 0x04, 0x20}},
    DigestInfoPrefix{HashAlgorithm::kSha384,
                     {0x30, 0x41, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05,
                      0x00, 0x04, 0x30}},
    DigestInfoPrefix{HashAlgorithm::kSha512,
                     {0x30, 0x51, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05,
                      0x00, 0x04, 0x40}},
};

[[nodiscard]] std::size_t ScalarSizeOf(const Object& key) {
  return crypto::ScalarSize(CurveOf(key.info.key_type).value_or(crypto::Curve::kP256));
}

/// ECDSA looks at the digest as a number of as many bits as the curve's order has: a longer one is cut, a shorter one
/// is the same number with zeros in front (FIPS 186-4 6.4). That gives a form the card takes for any digest: one of
/// the sizes of the hashes the key is allowed. @returns CKR_DATA_LEN_RANGE if the number is longer than those: what
/// would be signed after cutting it further is another digest.
[[nodiscard]] RvOr<CardDigest> FitDigest(const Object& key, ByteView digest) {
  const std::size_t order = ScalarSizeOf(key);
  const ByteView number = digest.first(std::min(digest.size(), order));
  const std::uint16_t allowed = key.info.hash_algorithms;
  const auto is_fitting = [&](HashAlgorithm hash) {
    return (allowed == 0 || iotsafe::Has(allowed, hash)) && iotsafe::DigestSize(hash) >= number.size();
  };
  const auto* const row = std::ranges::find_if(kHashes, is_fitting);
  // If none is, the card may still take SHA-256, and says so itself if not.
  const HashAlgorithm hash = row == kHashes.end() ? HashAlgorithm::kSha256 : *row;
  const std::size_t size = iotsafe::DigestSize(hash);
  if (number.size() > size) {
    return Refuse(CKR_DATA_LEN_RANGE);
  }
  CardDigest fitted{hash, Bytes(size)};
  // Beyond the order the card cuts, so what fills the digest up there goes behind the number.
  const std::size_t in_front = std::min(size, order) - number.size();
  std::ranges::copy(number, ByteSpan(fitted.bytes).subspan(in_front).begin());
  return fitted;
}

/// CKM_RSA_PKCS is given a DigestInfo; the card makes it itself, so it has to be taken apart.
[[nodiscard]] RvOr<CardDigest> DigestOfInfo(ByteView info) {
  for (const DigestInfoPrefix& prefix : kDigestInfoPrefixes) {
    const std::size_t size = iotsafe::DigestSize(prefix.hash);
    if (info.size() == prefix.bytes.size() + size && SameBytes(info.first(prefix.bytes.size()), prefix.bytes)) {
      const ByteView digest = info.last(size);
      return CardDigest{prefix.hash, Bytes(digest.begin(), digest.end())};
    }
  }
  const std::size_t longest = crypto::kRsaSize - 11;  // RFC 8017 9.2
  return Refuse(info.size() > longest ? CKR_DATA_LEN_RANGE : CKR_DATA_INVALID);
}

/// What was given, as the digest it stands for.
[[nodiscard]] RvOr<CardDigest> TakeDigest(KeyOperation& operation) {
  CardDigest given;
  if (operation.hash != nullptr) {
    given.hash = operation.hash->hash();
    SR_TRY(given.bytes, operation.hash->Finish());
  } else {
    given.bytes = operation.text;
  }
  switch (operation.mechanism.family()) {
    case Family::kEcdsa:
      return given.bytes.empty() ? RvOr<CardDigest>(Refuse(CKR_DATA_LEN_RANGE)) : given;
    case Family::kRsaPkcs1:
      return operation.hash != nullptr ? RvOr<CardDigest>(given) : DigestOfInfo(given.bytes);
    case Family::kRsaPss:
      given.hash = operation.mechanism.pss_hash;
      return given.bytes.size() == iotsafe::DigestSize(given.hash) ? RvOr<CardDigest>(given)
                                                                   : Refuse(CKR_DATA_LEN_RANGE);
    default:
      return Refuse(CKR_MECHANISM_INVALID);
  }
}

[[nodiscard]] RvOr<crypto::VerifyResult> VerifyOnHost(Session& session, const Object& key, const Mechanism& mechanism,
                                                      const CardDigest& digest, ByteView signature) {
  SR_TRY(crypto::OpenSslCrypto* const crypto, session.Crypto());
  if (!key.key) {
    return Refuse(CKR_KEY_TYPE_INCONSISTENT);
  }
  const auto curve = CurveOf(key.info.key_type);
  if (mechanism.family() == Family::kEcdsa && curve) {
    return crypto->VerifyEcdsa(*curve, key.key->point, digest.bytes, signature);
  }
  const auto padding = mechanism.family() == Family::kRsaPss ? crypto::RsaPadding::kPss : crypto::RsaPadding::kPkcs1;
  return crypto->VerifyRsa({key.key->modulus, key.key->exponent}, padding, digest.hash, digest.bytes, signature);
}

/// What the card signed, checked with the public half the key was found with: a swapped SIM may have a key of this name
/// too. The client does that for points of 256 bits by itself.
[[nodiscard]] RvOr<Bytes> SignAndProve(Session& session, const Object& key, const Mechanism& mechanism,
                                       SignatureScheme scheme, const CardDigest& digest) {
  SR_TRY(Bytes signature, session.slot->Run([&](device::Card& card) {
    return card.SignDigest(key.name, scheme, digest.hash, digest.bytes);
  }));
  if (!key.key) {
    return signature;
  }
  SR_TRY(const crypto::VerifyResult result, VerifyOnHost(session, key, mechanism, digest, signature));
  if (result != crypto::VerifyResult::kInvalid) {  // a host that cannot tell is no sign of another card
    return signature;
  }
  Report(Error{ErrorDomain::kCrypto,
               "the signature by " + key.name.Text() + " does not match the public key it was found with",
               "if the SIM was swapped, search for the key again", wire::StatusWord::kOk});
  session.slot->Forget();
  return Refuse(CKR_FUNCTION_FAILED);
}

[[nodiscard]] RvOr<Bytes> SignWithCurve(Session& session, const Object& key, const Mechanism& mechanism,
                                        const CardDigest& digest) {
  device::Point expected{};
  const bool is_256 = key.key && CopyBytes(key.key->point, expected) && key.key->point.size() == expected.size();
  if (!is_256) {
    return SignAndProve(session, key, mechanism, SignatureScheme::kEcdsa, digest);
  }
  // With the point the client proves once that this is still the card the key was found on.
  const auto raw =
      session.slot->Run([&](device::Card& card) { return card.Sign(key.name, digest.hash, digest.bytes, &expected); });
  if (!raw) {
    session.slot->Forget();  // it may be another card: what is known has to be read anew
    return Refuse(raw.error());
  }
  return Bytes(raw->begin(), raw->end());
}

[[nodiscard]] SignatureScheme SchemeOf(const Mechanism& mechanism) {
  return mechanism.family() == Family::kRsaPss ? SignatureScheme::kRsaPss : SignatureScheme::kRsaPkcs1;
}

[[nodiscard]] bool FitsKey(Family family, const Object& key) {
  using iotsafe::KeyType;
  const KeyType type = key.info.key_type;
  const bool is_pair = key.object_class != CKO_SECRET_KEY;
  switch (family) {
    case Family::kEcdsa:
      return is_pair && CurveOf(type).has_value();
    case Family::kRsaPkcs1:
    case Family::kRsaPss:
      return is_pair && IsRsa(type);
    case Family::kCmac:
      return !is_pair && type == KeyType::kAesCmac;
    default:
      return false;
  }
}

}  // namespace

RvOr<std::unique_ptr<KeyOperation>> BeginSignature(Session& session, Mechanism mechanism, ObjectPtr key) {
  if (!FitsKey(mechanism.family(), *key)) {
    return Refuse(CKR_KEY_TYPE_INCONSISTENT);
  }
  auto operation = std::make_unique<KeyOperation>();
  if (mechanism.row->hash) {
    SR_TRY(operation->hash, session.BeginHash(*mechanism.row->hash));
  }
  operation->mechanism = std::move(mechanism);
  operation->key = std::move(key);
  return operation;
}

Outcome UpdateSignature(KeyOperation& operation, ByteView part) {
  operation.updated = true;
  if (operation.hash != nullptr) {
    return operation.hash->Update(part) ? Outcome() : Refuse(CKR_FUNCTION_FAILED);
  }
  return AddPart(part, operation.text);
}

std::size_t SignatureSize(const KeyOperation& operation) {
  switch (operation.mechanism.family()) {
    case Family::kEcdsa:
      return 2 * ScalarSizeOf(*operation.key);
    case Family::kCmac:
      return crypto::kAesBlockSize;
    default:
      return crypto::kRsaSize;
  }
}

RvOr<Bytes> FinishSign(Session& session, KeyOperation& operation) {
  const Object& key = *operation.key;
  if (operation.mechanism.family() == Family::kCmac) {
    return session.slot->Run([&](device::Card& card) { return card.Mac(key.name, operation.text); });
  }
  SR_TRY(const CardDigest digest, TakeDigest(operation));
  if (operation.mechanism.family() == Family::kEcdsa) {
    SR_TRY(const CardDigest fitted, FitDigest(key, digest.bytes));
    return SignWithCurve(session, key, operation.mechanism, fitted);
  }
  return SignAndProve(session, key, operation.mechanism, SchemeOf(operation.mechanism), digest);
}

Outcome FinishVerify(Session& session, KeyOperation& operation, ByteView signature) {
  if (signature.size() != SignatureSize(operation)) {
    return Refuse(CKR_SIGNATURE_LEN_RANGE);
  }
  if (operation.mechanism.family() == Family::kCmac) {
    SR_TRY(const Bytes mac, FinishSign(session, operation));
    return SameSecret(mac, signature) ? Outcome() : Refuse(CKR_SIGNATURE_INVALID);
  }
  SR_TRY(const CardDigest digest, TakeDigest(operation));
  SR_TRY(const crypto::VerifyResult result,
         VerifyOnHost(session, *operation.key, operation.mechanism, digest, signature));
  switch (result) {
    case crypto::VerifyResult::kValid:
      return {};
    case crypto::VerifyResult::kInvalid:
      return Refuse(CKR_SIGNATURE_INVALID);
    case crypto::VerifyResult::kError:
      break;
  }
  return Refuse(CKR_FUNCTION_FAILED);
}

}  // namespace simroot::pkcs11
