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
/// the sizes of the hashes the key is allowed.
[[nodiscard]] CardDigest FitDigest(const Object& key, ByteView digest) {
  const std::size_t order = ScalarSizeOf(key);
  const ByteView number = digest.first(std::min(digest.size(), order));
  const std::uint16_t allowed = key.info.hash_algorithms;
  for (const HashAlgorithm hash : kHashes) {
    const std::size_t size = iotsafe::DigestSize(hash);
    if ((allowed != 0 && !iotsafe::Has(allowed, hash)) || size < number.size()) {
      continue;
    }
    CardDigest fitted{hash, Bytes(size)};
    // Beyond the order the card cuts, so what fills the digest up there goes behind the number.
    const std::size_t in_front = std::min(size, order) - number.size();
    std::ranges::copy(number, ByteSpan(fitted.bytes).subspan(in_front).begin());
    return fitted;
  }
  CardDigest unfitted{HashAlgorithm::kSha256, Bytes(iotsafe::DigestSize(HashAlgorithm::kSha256))};
  std::ranges::copy(number.first(std::min(number.size(), unfitted.bytes.size())), unfitted.bytes.begin());
  return unfitted;
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

[[nodiscard]] RvOr<Bytes> SignWithCurve(Session& session, const Object& key, const CardDigest& digest) {
  device::Point expected{};
  const bool is_256 = key.key && CopyBytes(key.key->point, expected) && key.key->point.size() == expected.size();
  if (is_256) {
    // With the point the client proves once that this is still the card the key was found on.
    const auto raw = session.slot->Run(
        [&](device::Card& card) { return card.Sign(key.name, digest.hash, digest.bytes, &expected); });
    if (!raw) {
      session.slot->Forget();  // it may be another card: what is known has to be read anew
      return Refuse(raw.error());
    }
    return Bytes(raw->begin(), raw->end());
  }
  return session.slot->Run([&](device::Card& card) {
    return card.SignDigest(key.name, SignatureScheme::kEcdsa, digest.hash, digest.bytes);
  });
}

[[nodiscard]] SignatureScheme SchemeOf(const Mechanism& mechanism) {
  return mechanism.family() == Family::kRsaPss ? SignatureScheme::kRsaPss : SignatureScheme::kRsaPkcs1;
}

[[nodiscard]] RvOr<crypto::VerifyResult> VerifyOnHost(Session& session, KeyOperation& operation, ByteView signature) {
  SR_TRY(const CardDigest digest, TakeDigest(operation));
  SR_TRY(crypto::OpenSslCrypto* const crypto, session.Crypto());
  const Object& key = *operation.key;
  if (!key.key) {
    return Refuse(CKR_KEY_TYPE_INCONSISTENT);
  }
  const auto curve = CurveOf(key.info.key_type);
  if (operation.mechanism.family() == Family::kEcdsa && curve) {
    return crypto->VerifyEcdsa(*curve, key.key->point, digest.bytes, signature);
  }
  const auto padding =
      operation.mechanism.family() == Family::kRsaPss ? crypto::RsaPadding::kPss : crypto::RsaPadding::kPkcs1;
  return crypto->VerifyRsa({key.key->modulus, key.key->exponent}, padding, digest.hash, digest.bytes, signature);
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
    return SignWithCurve(session, key, FitDigest(key, digest.bytes));
  }
  return session.slot->Run([&](device::Card& card) {
    return card.SignDigest(key.name, SchemeOf(operation.mechanism), digest.hash, digest.bytes);
  });
}

Outcome FinishVerify(Session& session, KeyOperation& operation, ByteView signature) {
  if (signature.size() != SignatureSize(operation)) {
    return Refuse(CKR_SIGNATURE_LEN_RANGE);
  }
  if (operation.mechanism.family() == Family::kCmac) {
    SR_TRY(const Bytes mac, FinishSign(session, operation));
    return SameSecret(mac, signature) ? Outcome() : Refuse(CKR_SIGNATURE_INVALID);
  }
  SR_TRY(const crypto::VerifyResult result, VerifyOnHost(session, operation, signature));
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
