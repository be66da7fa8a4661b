// SPDX-License-Identifier: Apache-2.0
// CSR and ATTEST. Both answer documents that are longer than one answer: the whole command is repeated with another
// offset, and the signature made with offset 0 is kept until then.
#include "card/applet/administration.hpp"
#include "card/applet/public_keys.hpp"

namespace simroot::card {
namespace {

using iotsafe::AdminField;
using iotsafe::KeyUsage;
using iotsafe::ObjectClass;
using iotsafe::Tag;
using wire::StatusWord;

/// What a backend may know a key under management by: no object has this slot. Values in preparation have no generation
/// of their own, so nothing of them may stay prepared.
constexpr std::uint16_t kScratchSlot = 0xFFFF;

/// What an attestation says, as docs/formats/personalisation.md lists it. Views borrow.
struct Statement {
  ByteView iccid;
  ByteView application_id;
  ByteView key_id;
  iotsafe::KeyType key_type;
  ByteView attesting_key_id;
  ByteView nonce;
  PublicKey key;
  const Document* csr;  ///< nullptr: none
};

class StatementContent final : public Document {
 public:
  explicit StatementContent(const Statement& statement) : statement_(statement) {}
  void Write(DocumentSink& out) const override {
    PutU8(Code(AdminField::kVersion), iotsafe::kPersonalisationVersion, out);
    if (!statement_.iccid.empty()) {
      PutElement(Code(AdminField::kIccid), statement_.iccid, out);
    }
    PutElement(Code(AdminField::kApplicationId), statement_.application_id, out);
    PutElement(Code(Tag::kPrivateKeyId), statement_.key_id, out);
    PutU8(Code(Tag::kKeyType), static_cast<std::uint8_t>(statement_.key_type), out);
    PutU8(Code(AdminField::kOrigin), static_cast<std::uint8_t>(iotsafe::KeyOrigin::kMadeOnCard), out);
    PutElement(Code(AdminField::kAttestingKey), statement_.attesting_key_id, out);
    PutElement(Code(AdminField::kNonce), statement_.nonce, out);
    std::array<std::uint8_t, 4 * 4 + kMaxPublicValue> memory{};
    ByteWriter key(memory);
    iotsafe::PutPublicKeyData({statement_.key.point, statement_.key.rsa.modulus, statement_.key.rsa.exponent}, key);
    out.Put(key.written());
    if (statement_.csr != nullptr) {
      PutHead(Code(AdminField::kCsr), SizeOf(*statement_.csr), out);
      statement_.csr->Write(out);
    }
  }

 private:
  static void PutU8(std::uint8_t tag, std::uint8_t value, DocumentSink& out) {
    PutElement(tag, ByteView(&value, 1), out);
  }
  const Statement& statement_;
};

/// The statement with tag and length; with the prefix it is what the attesting key signs.
class StatementDocument final : public Document {
 public:
  StatementDocument(const Statement& statement, bool with_prefix) : content_(statement), with_prefix_(with_prefix) {}
  void Write(DocumentSink& out) const override {
    if (with_prefix_) {
      out.Put(iotsafe::kAttestationPrefix);
    }
    PutHead(Code(AdminField::kStatement), SizeOf(content_), out);
    content_.Write(out);
  }

 private:
  StatementContent content_;
  bool with_prefix_;
};

class AttestationDocument final : public Document {
 public:
  AttestationDocument(const Statement& statement, ByteView signature)
      : statement_(statement, false), signature_(signature) {}
  void Write(DocumentSink& out) const override {
    statement_.Write(out);
    PutElement(Code(Tag::kSignature), signature_, out);
  }

 private:
  StatementDocument statement_;
  ByteView signature_;
};

}  // namespace

/// The private key that the session sees under this reference, with its public half computed into `memory`.
Expected<SigningKey, StatusWord> Administration::SigningKeyOf(const StoredObject& object, bool attesting,
                                                              ByteSpan memory) {
  const iotsafe::ObjectInfo info = store_.After(object, StoreWriter::kManagement).info;
  const auto half = PublicHalf(crypto_, info.key_type, ValueOf(object), memory);
  if (!half || attesting != (info.key_usage == KeyUsage::kAttestation) || !MaySignDocuments(info, *half)) {
    return Unexpected(Sw::kConditionsNotSatisfied);
  }
  return SigningKey{*half, ValueOf(object), kScratchSlot, 0};
}

Expected<CsrContent, StatusWord> Administration::CsrContentOf(const Call& call, const PublicKey& key) {
  const auto subject = call.data.Find(AdminField::kSubject);
  const ByteView attributes = call.data.Find(AdminField::kAttributes).value_or(ByteView());
  if (!subject || !IsName(*subject) || (!attributes.empty() && !IsAttributes(attributes))) {
    return Unexpected(Sw::kIncorrectData);
  }
  return CsrContent{key, *subject, attributes};
}

StatusWord Administration::SignDocument(const Call& call, const Document& document, const SigningKey& key,
                                        DocumentSignature& signature) {
  if (call.data.FindU16(Code(AdminField::kOffset)).value_or(0) != 0) {
    return signature.IsOver(document, key.public_half, crypto_) ? Sw::kOk : Sw::kConditionsNotSatisfied;
  }
  crypto_.ForgetKey(kScratchSlot);
  const bool made = signature.Make(document, key, crypto_);
  crypto_.ForgetKey(kScratchSlot);
  return made ? Sw::kOk : Sw::kOtherError;
}

StatusWord Administration::MakeCsr(const Call& call) {
  const auto object = FindObject(call, {ObjectClass::kPrivateKey});
  if (!object) {
    return object.error();
  }
  if (!call.data.HasOnly({Code(Tag::kPrivateKeyId), Code(Tag::kPrivateKeyLabel), Code(AdminField::kSubject),
                          Code(AdminField::kAttributes), Code(AdminField::kOffset)})) {
    return Sw::kIncorrectData;
  }
  std::array<std::uint8_t, kMaxPublicValue> memory{};
  const auto key = SigningKeyOf(**object, false, memory);
  if (!key) {
    return key.error();
  }
  const auto content = CsrContentOf(call, key->public_half);
  if (!content) {
    return content.error();
  }
  const StatusWord sw = SignDocument(call, CsrInfo(*content), *key, csr_signature_);
  return sw == Sw::kOk ? PutPiece(call, Csr(*content, csr_signature_.view())) : sw;
}

StatusWord Administration::Attest(const Call& call) {
  const auto object = FindObject(call, {ObjectClass::kPrivateKey});
  if (!object) {
    return object.error();
  }
  const auto attester_id = call.data.Find(AdminField::kAttestingKey);
  const auto nonce = call.data.Find(AdminField::kNonce);
  if (!attester_id || !nonce ||
      !call.data.HasOnly({Code(Tag::kPrivateKeyId), Code(Tag::kPrivateKeyLabel), Code(AdminField::kAttestingKey),
                          Code(AdminField::kNonce), Code(AdminField::kSubject), Code(AdminField::kAttributes),
                          Code(AdminField::kOffset)})) {
    return Sw::kIncorrectData;
  }
  const StoredObject* const attester =
      store_.FindFor(StoreWriter::kManagement, {ObjectClass::kPrivateKey, false, *attester_id});
  if (attester == nullptr) {
    return Sw::kIncorrectData;
  }
  if (store_.After(**object, StoreWriter::kManagement).origin != iotsafe::KeyOrigin::kMadeOnCard) {
    return Sw::kConditionsNotSatisfied;
  }
  std::array<std::uint8_t, kMaxPublicValue> attester_memory{};
  const auto attesting_key = SigningKeyOf(*attester, true, attester_memory);
  return attesting_key ? AttestWith(call, **object, *attester, *attesting_key) : attesting_key.error();
}

StatusWord Administration::AttestWith(const Call& call, const StoredObject& object, const StoredObject& attester,
                                      const SigningKey& attesting_key) {
  std::array<std::uint8_t, kMaxPublicValue> memory{};
  const auto half = PublicHalf(crypto_, object.info.key_type, ValueOf(object), memory);
  if (!half) {
    return Sw::kConditionsNotSatisfied;
  }
  Statement statement{iccid_,
                      application_id_,
                      object.info.id.view(),
                      object.info.key_type,
                      attester.info.id.view(),
                      call.data.Find(AdminField::kNonce).value_or(ByteView()),
                      *half,
                      nullptr};
  const auto answer = [&] {
    const StatementDocument to_be_signed(statement, true);
    const StatusWord sw = SignDocument(call, to_be_signed, attesting_key, attestation_signature_);
    return sw == Sw::kOk ? PutPiece(call, AttestationDocument(statement, attestation_signature_.view())) : sw;
  };
  if (!call.data.Find(AdminField::kSubject)) {
    return call.data.Find(AdminField::kAttributes) ? Sw::kIncorrectData : answer();
  }
  const auto key = SigningKeyOf(object, false, memory);
  if (!key) {
    return key.error();
  }
  const auto content = CsrContentOf(call, key->public_half);
  if (!content) {
    return content.error();
  }
  const StatusWord sw = SignDocument(call, CsrInfo(*content), *key, csr_signature_);
  if (sw != Sw::kOk) {
    return sw;
  }
  const Csr csr(*content, csr_signature_.view());
  statement.csr = &csr;
  return answer();
}

}  // namespace simroot::card
