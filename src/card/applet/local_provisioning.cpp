// SPDX-License-Identifier: Apache-2.0
// What the device may do to its own credentials (IoT.04 H1 to H3), our extension: GENERATE CSR, WRITE FILE, DELETE
// OBJECT (docs/formats/personalisation.md).
#include "card/applet/applet.hpp"
#include "card/applet/certificate.hpp"

namespace simroot::card {
namespace {

using iotsafe::ObjectClass;
using iotsafe::Tag;
using wire::StatusWord;

[[nodiscard]] std::size_t OffsetOf(const wire::CommandApdu& command) {
  return static_cast<std::size_t>(command.p1) << 8U | command.p2;
}

/// The class of the object that a command names; nothing if it names none, or objects of several classes.
[[nodiscard]] std::optional<ObjectClass> OnlyClassIn(const CommandData& data) {
  std::optional<ObjectClass> only;
  for (const iotsafe::ClassTags& tags : iotsafe::kClassTags) {
    if (!data.Has(tags.id) && !data.Has(tags.label)) {
      continue;
    }
    if (only) {
      return std::nullopt;
    }
    only = tags.object_class;
  }
  return only;
}

/// True if the device has filled the object and may change it.
[[nodiscard]] bool IsOwn(const StoredObject& object) {
  return object.made_by_device && Has(object.info.access, iotsafe::Access::kUpdatable);
}

}  // namespace

// GENERATE CSR: the request from the offset in P1 P2 on, as much as fits; 6300 means that there is more. The whole
// command is repeated for it, and the signature of offset 0 stays.
StatusWord Applet::GenerateCsr(const Call& call) {
  const auto data = CommandData::Parse(call.command.data,
                                       {Tag::kPrivateKeyId, Tag::kPrivateKeyLabel, Tag::kSubject, Tag::kAttributes});
  if (!data) {
    return ToStatusWord(data.error());
  }
  const auto object = FindObject(*data, ObjectClass::kPrivateKey);
  if (!object) {
    return object.error();
  }
  const iotsafe::ObjectInfo& info = (*object)->info;
  const CsrContent content{
      {}, data->Find(Tag::kSubject).value_or(ByteView()), data->Find(Tag::kAttributes).value_or(ByteView())};
  if (!IsName(content.subject) || (!content.attributes.empty() && !IsAttributes(content.attributes))) {
    return Sw::kIncorrectData;
  }
  std::array<std::uint8_t, kMaxPublicValue> memory{};
  const auto half = PublicHalf(crypto_, info.key_type, store_.Value(**object), memory);
  if (!half || !IsOffered(info.key_type) || !MaySignDocuments(info, *half) ||
      info.key_usage == iotsafe::KeyUsage::kAttestation) {
    return Sw::kConditionsNotSatisfied;
  }
  const SigningKey key{*half, store_.Value(**object), store_.SlotOf(**object), (*object)->generation};
  return PutCsr(call, {*half, content.subject, content.attributes}, key);
}

StatusWord Applet::PutCsr(const Call& call, const CsrContent& content, const SigningKey& key) {
  DocumentSignature& signature = administration_.csr_signature();
  const CsrInfo info(content);
  const std::size_t offset = OffsetOf(call.command);
  if (offset == 0 && !signature.Make(info, key, crypto_)) {
    return Sw::kOtherError;
  }
  if (offset != 0 && !signature.IsOver(info, key.public_half, crypto_)) {
    return Sw::kConditionsNotSatisfied;
  }
  const Csr csr(content, signature.view());
  const std::size_t total = SizeOf(csr);
  if (offset > total) {
    return Sw::kIncorrectP1P2;
  }
  const std::size_t size = std::min(total - offset, call.response.free());
  WindowSink window(offset, call.response.Reserve(size));
  csr.Write(window);
  return offset + size < total ? Sw::kMoreDataAvailable : Sw::kOk;
}

// WRITE FILE: P1 P2 is the offset of the piece in 9B, 20 at offset 0 the size of the whole. The content becomes visible
// with its last byte, or not at all.
StatusWord Applet::WriteFile(const Call& call) {
  const auto data = CommandData::Parse(call.command.data, {Tag::kFileId, Tag::kFileLabel, Tag::kFileSize, Tag::kData});
  if (!data) {
    EndWrite();
    return ToStatusWord(data.error());
  }
  const auto object = FindObject(*data, ObjectClass::kFile);
  const StatusWord sw = object ? TakeFilePiece(call, *data, **object) : object.error();
  if (sw != Sw::kOk) {
    EndWrite();
  }
  return sw;
}

StatusWord Applet::TakeFilePiece(const Call& call, const CommandData& data, const StoredObject& object) {
  if (!Has(object.info.access, iotsafe::Access::kUpdatable)) {
    return Sw::kConditionsNotSatisfied;
  }
  const std::size_t offset = OffsetOf(call.command);
  if (offset == 0) {
    EndWrite();  // whoever begins anew forgets what came before
  }
  const auto total = data.FindU16(Tag::kFileSize);
  const auto complete =
      written_.Take(object, {call.channel, offset, total ? std::optional<std::size_t>(*total) : std::nullopt,
                             data.Find(Tag::kData).value_or(ByteView())});
  if (!complete || !*complete) {
    return complete ? Sw::kOk : complete.error();
  }
  const StatusWord sw = CheckCertificate(object, store_.ValueFor(StoreWriter::kDevice, object));
  if (sw != Sw::kOk) {
    return sw;
  }
  const auto stored = store_.Commit();
  return stored ? Sw::kOk : ToStatusWord(stored.error());
}

/// IoT.04 H3: in a file with an issuer the device may only store certificates of that issuer, and, if the identifier is
/// that of a key pair, for that key.
StatusWord Applet::CheckCertificate(const StoredObject& file, ByteView content) {
  if (file.issuer_id.empty()) {
    return Sw::kOk;
  }
  const StoredObject* const issuer = store_.Find({ObjectClass::kPublicKey, false, file.issuer_id.view()});
  const StoredObject* const own = store_.Find({ObjectClass::kPrivateKey, false, file.info.id.view()});
  if ((issuer != nullptr && store_.IsUnderUpdate(*issuer)) || (own != nullptr && store_.IsUnderUpdate(*own))) {
    return Sw::kReferencedDataInvalidated;
  }
  if (issuer == nullptr) {
    return Sw::kConditionsNotSatisfied;
  }
  const auto issuer_key = PublicKeyOf(issuer->info.key_type, store_.Value(*issuer));
  if (!issuer_key) {
    return Sw::kConditionsNotSatisfied;
  }
  const auto certificate = ParseCertificate(content);
  if (!certificate || !IsSignedBy(*certificate, *issuer_key, crypto_)) {
    return Sw::kIncorrectData;
  }
  if (own == nullptr) {
    return Sw::kOk;
  }
  std::array<std::uint8_t, kMaxPublicValue> memory{};
  const auto half = PublicHalf(crypto_, own->info.key_type, store_.Value(*own), memory);
  return half && certificate->key && SameKey(*half, *certificate->key) ? Sw::kOk : Sw::kIncorrectData;
}

/// A command that commits would make the half-written file visible: the write ends before it.
void Applet::EndWrite() {
  if (written_.IsRunning() || store_.HasPrepared(StoreWriter::kDevice)) {
    store_.Discard();
  }
  written_.Forget();
}

// DELETE OBJECT: empties what the device itself has filled. The container stays: the device could not make it again.
StatusWord Applet::DeleteObject(const Call& call) {
  const auto data = CommandData::Parse(
      call.command.data, {Tag::kFileId, Tag::kFileLabel, Tag::kPrivateKeyId, Tag::kPrivateKeyLabel, Tag::kPublicKeyId,
                          Tag::kPublicKeyLabel, Tag::kSecretKeyId, Tag::kSecretKeyLabel});
  if (!data) {
    return ToStatusWord(data.error());
  }
  const auto object_class = OnlyClassIn(*data);
  if (!object_class) {
    return Sw::kIncorrectData;
  }
  const auto object = FindObject(*data, *object_class);
  if (!object) {
    return object.error();
  }
  EndWrite();
  const StoredObject* const half = *object_class == ObjectClass::kPrivateKey
                                       ? store_.Find({ObjectClass::kPublicKey, false, (*object)->pair_id.view()})
                                       : nullptr;
  if (!IsOwn(**object)) {
    return Sw::kConditionsNotSatisfied;
  }
  auto stored = store_.Stage(**object, {});
  if (stored && half != nullptr && half->made_by_device) {
    stored = store_.Stage(*half, {});
  }
  if (stored) {
    stored = store_.Commit();
  }
  if (!stored) {
    store_.Discard();
    return ToStatusWord(stored.error());
  }
  crypto_.ForgetKey(store_.SlotOf(**object));
  return Sw::kOk;
}

}  // namespace simroot::card
