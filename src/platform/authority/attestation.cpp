// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/attestation.hpp"

#include <openssl/rsa.h>

#include <map>

#include "common/iotsafe/objects.hpp"
#include "common/iotsafe/personalisation.hpp"
#include "common/wire/tlv.hpp"
#include "platform/authority/public_key.hpp"

namespace simroot::platform {
namespace {

using iotsafe::AdminField;
using iotsafe::KeyType;

constexpr std::uint8_t kKeyIdTag = 0x84;
constexpr std::uint8_t kKeyTypeTag = 0x4B;
constexpr std::uint8_t kPublicKeyTag = 0x34;
constexpr std::uint8_t kSignatureTag = 0x33;
constexpr std::size_t kMaxIccidSize = 10;

using Fields = std::map<std::uint16_t, ByteView>;

tl::unexpected<Failure> BadAttestation(const std::string& what) {
  return Refuse(FailureKind::kInvalid, "the attestation " + what);
}

struct Document {
  ByteView statement;  ///< with tag and length: what is signed
  ByteView signature;
  Fields fields;
};

Outcome<Document> Parse(ByteView bytes) {
  Document document;
  ByteReader reader(bytes);
  wire::Tlv statement;
  wire::Tlv signature;
  if (!wire::ReadBerTlv(reader, statement) || statement.tag != Code(AdminField::kStatement)) {
    return BadAttestation("has no statement");
  }
  document.statement = bytes.first(bytes.size() - reader.remaining());
  if (!wire::ReadBerTlv(reader, signature) || signature.tag != kSignatureTag || !reader.empty()) {
    return BadAttestation("has no signature at its end");
  }
  document.signature = signature.value;
  ByteReader fields(statement.value);
  while (!fields.empty()) {
    wire::Tlv field;
    if (!wire::ReadBerTlv(fields, field) || !document.fields.emplace(field.tag, field.value).second) {
      return BadAttestation("cannot be understood");
    }
  }
  return document;
}

/// All that must be there, and nothing that is unknown.
bool HasItsFields(const Fields& fields) {
  constexpr std::array<std::uint16_t, 8> kRequired{Code(AdminField::kVersion),
                                                   Code(AdminField::kApplicationId),
                                                   kKeyIdTag,
                                                   kKeyTypeTag,
                                                   Code(AdminField::kOrigin),
                                                   Code(AdminField::kAttestingKey),
                                                   Code(AdminField::kNonce),
                                                   kPublicKeyTag};
  const bool has_all = std::ranges::all_of(kRequired, [&](std::uint16_t tag) { return fields.contains(tag); });
  const std::size_t optional = fields.count(Code(AdminField::kIccid)) + fields.count(Code(AdminField::kCsr));
  return has_all && fields.size() == kRequired.size() + optional;
}

bool IsByte(ByteView value, std::uint8_t expected) {
  return value.size() == 1 && value.front() == expected;
}

/// The attested key as IssueRequest wants it.
Outcome<Bytes> AttestedKey(ByteView type, ByteView value_of_34) {
  const auto parts = iotsafe::ParseAnyPublicKeyValue(value_of_34);
  if (!parts || type.size() != 1) {
    return BadAttestation("holds no public key");
  }
  EvpPkey key;
  switch (static_cast<KeyType>(type.front())) {
    case KeyType::kP256Persistent:
      key = KeyFromPoint("P-256", parts->point);
      break;
    case KeyType::kBrainpoolP256Persistent:
      key = KeyFromPoint("brainpoolP256r1", parts->point);
      break;
    case KeyType::kP384Persistent:
      key = KeyFromPoint("P-384", parts->point);
      break;
    case KeyType::kRsa2048:
      key = KeyFromRsaNumbers(parts->modulus, parts->exponent);
      break;
    default:
      break;
  }
  if (!key || !JudgePublicKey(key.get())) {
    return BadAttestation("is for a key that is not right, or of a kind that gets no certificate");
  }
  return ExportPublicKey(key.get());
}

/// The card's signature, raw r||s or RSA, with the digest that goes with the key.
bool Verifies(const KnownKey& key, ByteView statement, ByteView signature) {
  const bool is_p384 = key.type == "p384";
  Bytes message(iotsafe::kAttestationPrefix.begin(), iotsafe::kAttestationPrefix.end());
  message.insert(message.end(), statement.begin(), statement.end());
  Bytes der(signature.begin(), signature.end());
  if (!key.type.starts_with("rsa")) {
    const auto converted =
        iotsafe::RawSignatureToDer(signature, is_p384 ? iotsafe::kP384ScalarSize : iotsafe::kP256ScalarSize);
    der.assign(converted.view().begin(), converted.view().end());
  }
  const crypto::EvpMdCtx context(EVP_MD_CTX_new());
  return !der.empty() && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, is_p384 ? EVP_sha384() : EVP_sha256(), nullptr, key.key.get()) ==
             1 &&
         EVP_DigestVerify(context.get(), der.data(), der.size(), message.data(), message.size()) == 1;
}

/// True if there is no request, or it names this key.
bool RequestIsFor(const Fields& fields, ByteView public_key) {
  const auto found = fields.find(Code(AdminField::kCsr));
  if (found == fields.end()) {
    return true;
  }
  const auto request = DecodeDer<RequestPtr>(found->second, d2i_X509_REQ);
  EVP_PKEY* const key = request ? X509_REQ_get0_pubkey(request.get()) : nullptr;
  const auto exported = key != nullptr ? ExportPublicKey(key) : Outcome<Bytes>(Bytes());
  return exported && SameBytes(*exported, public_key);
}

}  // namespace

Outcome<CheckedAttestation> CheckAttestationDocument(ByteView document, ByteView attesting_key, ByteView nonce) {
  const ErrorScope errors;
  SR_TRY(const Document parsed, Parse(document));
  SR_TRY(const KnownKey signer, ImportPublicKey(attesting_key));
  // First of all: what is not signed says nothing that is worth a sentence.
  if (!Verifies(signer, parsed.statement, parsed.signature)) {
    return BadAttestation("is not signed with the attesting key");
  }
  const Fields& fields = parsed.fields;
  if (!HasItsFields(fields) || !IsByte(fields.at(Code(AdminField::kVersion)), iotsafe::kPersonalisationVersion)) {
    return BadAttestation("is of an unknown version or form");
  }
  if (nonce.size() < iotsafe::kMinNonceSize || !SameBytes(fields.at(Code(AdminField::kNonce)), nonce)) {
    return BadAttestation("answers another question: the nonce is not the one that was sent");
  }
  if (!IsByte(fields.at(Code(AdminField::kOrigin)), static_cast<std::uint8_t>(iotsafe::KeyOrigin::kMadeOnCard))) {
    return BadAttestation("is for a key that was not made on the card");
  }
  CheckedAttestation checked;
  SR_TRY(checked.public_key, AttestedKey(fields.at(kKeyTypeTag), fields.at(kPublicKeyTag)));
  if (!RequestIsFor(fields, checked.public_key)) {
    return BadAttestation("holds a certificate request for another key");
  }
  const ByteView key_id = fields.at(kKeyIdTag);
  checked.key_id.assign(key_id.begin(), key_id.end());
  if (const auto iccid = fields.find(Code(AdminField::kIccid)); iccid != fields.end()) {
    if (iccid->second.size() > kMaxIccidSize) {
      return BadAttestation("is of an unknown version or form");
    }
    checked.iccid.assign(iccid->second.begin(), iccid->second.end());
  }
  return checked;
}

}  // namespace simroot::platform
