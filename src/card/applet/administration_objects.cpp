// SPDX-License-Identifier: Apache-2.0
// CREATE, SET INFO, DELETE, DELETE CONTENT, READ, LIST.
#include "card/applet/administration.hpp"
#include "card/applet/public_keys.hpp"
#include "card/applet/user_pin.hpp"

namespace simroot::card {
namespace {

using iotsafe::AdminField;
using iotsafe::ObjectClass;
using iotsafe::Tag;
using wire::StatusWord;

/// Pair, issuer and origin beside a template.
constexpr std::array kClasses{ObjectClass::kPrivateKey, ObjectClass::kPublicKey, ObjectClass::kFile,
                              ObjectClass::kSecretKey};

/// The one template in a command, and its class.
struct Template {
  ObjectClass object_class;
  ByteView content;
};
[[nodiscard]] std::optional<Template> FindTemplate(const AdminData& data) {
  std::optional<Template> found;
  for (const ObjectClass object_class : kClasses) {
    const auto content = data.Find(TagsOf(object_class).info);
    if (content && found) {
      return std::nullopt;
    }
    if (content) {
      found = Template{object_class, *content};
    }
  }
  return found;
}

[[nodiscard]] bool IsKeyPairHalf(ObjectClass object_class) {
  return object_class == ObjectClass::kPrivateKey || object_class == ObjectClass::kPublicKey;
}

/// Takes the elements beside the template: the pair of a private key, the issuer of a file. False if there are others.
[[nodiscard]] bool TakeRelations(const AdminData& data, ObjectClass object_class, StoredObject& object) {
  const auto pair = data.Find(Tag::kPublicKeyId);
  const auto issuer = data.Find(AdminField::kIssuerId);
  if ((pair && object_class != ObjectClass::kPrivateKey) || (issuer && object_class != ObjectClass::kFile) ||
      data.size() != 1U + (pair ? 1 : 0) + (issuer ? 1 : 0)) {
    return false;
  }
  return (!pair || object.pair_id.Assign(*pair)) && (!issuer || object.issuer_id.Assign(*issuer));
}

[[nodiscard]] bool IsPin(const iotsafe::ObjectInfo& info) {
  return info.object_class == ObjectClass::kSecretKey && SameBytes(info.id.view(), kUserPinId);
}

/// Tag 34 with the longest key: four heads of up to 4 bytes.
constexpr std::size_t kMaxPublicKeyData = 4 * 4 + kMaxPublicValue;

/// Bytes held in place, as a document.
class BytesDocument final : public Document {
 public:
  explicit BytesDocument(ByteView bytes) : bytes_(bytes) {}
  void Write(DocumentSink& out) const override { out.Put(bytes_); }

 private:
  ByteView bytes_;
};
/// Information structure, relations and origin: the longest entry of LIST.
constexpr std::size_t kMaxEntry = 160;

void PutEntry(const StoredObject& object, ByteWriter& out) {
  std::array<std::uint8_t, kMaxEntry> memory{};
  ByteWriter entry(memory);
  PutObjectInfo(object.info, entry);
  if (!object.pair_id.empty()) {
    wire::PutTlv(Code(Tag::kPublicKeyId), object.pair_id.view(), entry);
  }
  if (!object.issuer_id.empty()) {
    wire::PutTlv(Code(AdminField::kIssuerId), object.issuer_id.view(), entry);
  }
  if (object.info.object_class == ObjectClass::kPrivateKey) {
    wire::PutTlvU8(Code(AdminField::kOrigin), static_cast<std::uint8_t>(object.origin), entry);
  }
  wire::PutBerTlv(Code(iotsafe::AdminCommand::kCreate), entry.written(), out);
}

}  // namespace

StatusWord Administration::Create(const Call& call) {
  const auto found = FindTemplate(call.data);
  if (!found) {
    return Sw::kIncorrectData;
  }
  StoredObject wanted;
  ObjectTemplate description;
  if (!TakeTemplate(found->object_class, found->content, description) ||
      !TakeRelations(call.data, found->object_class, wanted) || IsPin(description.info) ||
      (found->object_class != ObjectClass::kFile && !description.has_key_type)) {
    return Sw::kIncorrectData;
  }
  if (type_ == AppletType::kTypeII && IsKeyPairHalf(found->object_class)) {
    return Sw::kConditionsNotSatisfied;
  }
  const StoredObject* created = nullptr;
  const StatusWord sw = Prepare([&]() -> Expected<void, StoreError> {
    SR_TRY(created, store_.Create(description.info, wanted.pair_id, StoreWriter::kManagement));
    return {};
  });
  if (sw != Sw::kOk || wanted.issuer_id.empty()) {
    return sw;
  }
  wanted.info = created->info;
  return Prepare([&] { return store_.StageInfo(*created, wanted, StoreWriter::kManagement); });
}

StatusWord Administration::SetInfo(const Call& call) {
  const auto found = FindTemplate(call.data);
  if (!found) {
    return Sw::kIncorrectData;
  }
  ObjectTemplate names;  // only to learn the identifier
  if (!TakeTemplate(found->object_class, found->content, names) || IsPin(names.info)) {
    return Sw::kIncorrectData;
  }
  const StoredObject* const object =
      store_.FindFor(StoreWriter::kManagement, {found->object_class, false, names.info.id.view()});
  if (object == nullptr) {
    return found->object_class == ObjectClass::kFile ? Sw::kFileNotFound : Sw::kIncorrectData;
  }
  StoredObject wanted = store_.After(*object, StoreWriter::kManagement);
  ObjectTemplate description;
  description.info = wanted.info;
  if (!TakeTemplate(found->object_class, found->content, description) ||
      !TakeRelations(call.data, found->object_class, wanted)) {
    return Sw::kIncorrectData;
  }
  if (description.info.key_type != wanted.info.key_type) {
    return Sw::kConditionsNotSatisfied;
  }
  wanted.info = description.info;
  return Prepare([&] { return store_.StageInfo(*object, wanted, StoreWriter::kManagement); });
}

StatusWord Administration::Delete(const Call& call) {
  const auto object = FindObject(
      call, {ObjectClass::kPrivateKey, ObjectClass::kPublicKey, ObjectClass::kFile, ObjectClass::kSecretKey});
  if (!object) {
    return object.error();
  }
  if (call.data.size() != 1) {
    return Sw::kIncorrectData;
  }
  return Prepare([&] { return store_.StageDelete(**object, StoreWriter::kManagement); });
}

StatusWord Administration::DeleteContent(const Call& call) {
  const auto object = FindObject(
      call, {ObjectClass::kPrivateKey, ObjectClass::kPublicKey, ObjectClass::kFile, ObjectClass::kSecretKey});
  if (!object) {
    return object.error();
  }
  if (call.data.size() != 1) {
    return Sw::kIncorrectData;
  }
  if (IsPin((*object)->info)) {  // a PIN without value would be open to everybody or to nobody
    return Sw::kConditionsNotSatisfied;
  }
  return Stage(**object, {});
}

// Public keys and files. There is no way to the value of a private or secret key.
StatusWord Administration::Read(const Call& call) {
  if (!call.data.HasOnly({Code(Tag::kFileId), Code(Tag::kFileLabel), Code(Tag::kPublicKeyId),
                          Code(Tag::kPublicKeyLabel), Code(AdminField::kOffset)})) {
    return Sw::kIncorrectData;
  }
  const auto object = FindObject(call, {ObjectClass::kFile, ObjectClass::kPublicKey});
  if (!object) {
    return object.error();
  }
  const ByteView value = ValueOf(**object);
  if ((*object)->info.object_class == ObjectClass::kFile) {
    return PutPiece(call, BytesDocument(value));
  }
  if (value.empty()) {
    return Sw::kConditionsNotSatisfied;
  }
  std::array<std::uint8_t, kMaxPublicKeyData> memory{};
  ByteWriter data(memory);
  iotsafe::PutPublicKeyData(ViewOf((*object)->info.key_type, value), data);
  return data.ok() ? PutPiece(call, BytesDocument(data.written())) : Sw::kIntegrityIssue;
}

// The objects as the device sees them, in the order of GET DATA, from the one with the given number on: as many whole
// entries as fit. No entry: there are no more.
StatusWord Administration::List(const Call& call) {
  if (!call.data.HasOnly({Code(AdminField::kOffset)})) {
    return Sw::kIncorrectData;
  }
  std::size_t skip = call.data.FindU16(Code(AdminField::kOffset)).value_or(0);
  constexpr std::size_t kHead = 4;
  const std::size_t room = call.response.free() < kHead ? 0 : call.response.free() - kHead;
  SizeSink size;
  // Two passes: first how much fits, then the entries behind their common head.
  const auto for_each = [&](const auto& put) {
    std::size_t left = skip;
    for (const ObjectClass object_class : kClasses) {
      for (const StoredObject* object = store_.NextCreated(object_class, 0); object != nullptr;
           object = store_.NextCreated(object_class, object->serial)) {
        if (IsPin(object->info)) {
          continue;
        }
        if (left > 0) {
          --left;
          continue;
        }
        std::array<std::uint8_t, kMaxEntry + 3> memory{};
        ByteWriter entry(memory);
        PutEntry(*object, entry);
        if (!put(entry.written())) {
          return;
        }
      }
    }
  };
  bool full = false;
  for_each([&](ByteView entry) {
    full = size.size() + entry.size() > room;
    if (!full) {
      size.Put(entry);
    }
    return !full;
  });
  if (full && size.size() == 0) {
    return Sw::kInsufficientMemory;
  }
  call.response.PutU8(Code(call.command));
  wire::PutBerLength(size.size(), call.response);
  std::size_t left = size.size();
  for_each([&](ByteView entry) {
    if (entry.size() > left) {
      return false;
    }
    left -= entry.size();
    call.response.PutBytes(entry);
    return true;
  });
  return Sw::kOk;
}

}  // namespace simroot::card
