// SPDX-License-Identifier: Apache-2.0
#include "common/iotsafe/objects.hpp"

#include "common/iotsafe/field.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::iotsafe {
namespace {

using wire::Tlv;

/// Label, identifier and nine short fields: the longest content of an information structure.
constexpr std::size_t kMaxInfoContent = 2 + kMaxLabelSize + 2 + kMaxIdSize + 9 * 4;
static_assert(kMaxInfoContent <= 0xFF, "a plain one-byte length must do");

/// An identifier or a label tag, and whose.
struct ReferenceTag {
  ObjectClass object_class;
  bool is_label;
};

[[nodiscard]] std::optional<ReferenceTag> AsReference(std::uint16_t tag) {
  for (const ClassTags& row : kClassTags) {
    if (tag == Code(row.id)) {
      return ReferenceTag{row.object_class, false};
    }
    if (tag == Code(row.label)) {
      return ReferenceTag{row.object_class, true};
    }
  }
  return std::nullopt;
}

[[nodiscard]] std::optional<ObjectClass> AsWrapper(std::uint16_t tag) {
  for (const ClassTags& row : kClassTags) {
    if (tag == Code(row.info)) {
      return row.object_class;
    }
  }
  return std::nullopt;
}

[[nodiscard]] bool IsKnown(std::uint16_t tag) {
  return FindTagRule(LowByte(tag)) != nullptr;
}

[[nodiscard]] bool IsKeyPairHalf(ObjectClass object_class) {
  return object_class == ObjectClass::kPrivateKey || object_class == ObjectClass::kPublicKey;
}

/// Moves past elements whose tags nobody knows, so that a caller's loop "until the reader is empty" ends well.
void SkipUnknown(ByteReader& reader) {
  ByteReader attempt = reader;
  Tlv element;
  while (wire::ReadTlv(attempt, element) && !IsKnown(element.tag)) {
    reader = attempt;
  }
}

template <typename T>
[[nodiscard]] bool TakeByte(ByteView value, T& out) {
  if (value.size() != 1) {
    return false;
  }
  out = static_cast<T>(value.front());
  return true;
}

[[nodiscard]] bool TakeU16(ByteView value, std::uint16_t& out) {
  ByteReader reader(value);
  return value.size() == 2 && reader.ReadU16(out);
}

/// Two bytes by the book; one byte on a card that Orange's library met.
[[nodiscard]] bool TakeHashAlgorithms(ByteView value, std::uint16_t& out) {
  return value.size() == 1 ? TakeByte(value, out) : TakeU16(value, out);
}

/// Stores a field that is neither identifier nor label. False if its length is wrong; unknown tags are skipped.
[[nodiscard]] bool TakeField(const Tlv& field, ObjectInfo& info) {
  switch (static_cast<Tag>(field.tag)) {
    case Tag::kAccessConditions:
      return TakeByte(field.value, info.access);
    case Tag::kObjectState:
      return TakeByte(field.value, info.state);
    case Tag::kKeyType:
      return TakeByte(field.value, info.key_type);
    case Tag::kKeyUsage:
      return TakeByte(field.value, info.key_usage);
    case Tag::kObjectFunctions:
      return TakeByte(field.value, info.functions);
    case Tag::kSignatureAlgorithms:
      return TakeByte(field.value, info.signature_algorithms);
    case Tag::kHashAlgorithms:
      return TakeHashAlgorithms(field.value, info.hash_algorithms);
    case Tag::kObjectKeyAgreement:
      return TakeByte(field.value, info.key_agreement);
    case Tag::kKeyDerivation:
      return TakeByte(field.value, info.key_derivation);
    case Tag::kFileUsage:
      return TakeByte(field.value, info.file_usage);
    case Tag::kFileSize:
      return TakeU16(field.value, info.file_size);
    default:
      return true;
  }
}

/// Gives fields that a card sent although they do not belong to the class their defaults again.
void DropForeignFields(ObjectInfo& info) {
  const ObjectInfo defaults;
  if (!IsKeyPairHalf(info.object_class)) {
    info.key_usage = defaults.key_usage;
    info.signature_algorithms = defaults.signature_algorithms;
    info.hash_algorithms = defaults.hash_algorithms;
    info.key_agreement = defaults.key_agreement;
  }
  if (info.object_class != ObjectClass::kSecretKey) {
    info.key_derivation = defaults.key_derivation;
  }
  if (info.object_class == ObjectClass::kFile) {
    info.key_type = defaults.key_type;
    info.functions = defaults.functions;
  } else {
    info.file_usage = defaults.file_usage;
    info.file_size = defaults.file_size;
  }
}

/// An information structure while its fields arrive.
class InfoBuilder {
 public:
  [[nodiscard]] bool has_name() const { return has_id_ || has_label_; }
  [[nodiscard]] bool Has(const ReferenceTag& reference) const { return reference.is_label ? has_label_ : has_id_; }
  [[nodiscard]] ObjectClass object_class() const { return info_.object_class; }
  void SetClass(ObjectClass object_class) { info_.object_class = object_class; }

  [[nodiscard]] Expected<void, ParseError> TakeName(const ReferenceTag& reference, ByteView value) {
    if (Has(reference)) {
      return Unexpected(ParseError::kDuplicateTag);
    }
    const bool fits = reference.is_label ? info_.label.Assign(value) : !value.empty() && info_.id.Assign(value);
    if (!fits) {
      return Unexpected(ParseError::kBadLength);
    }
    (reference.is_label ? has_label_ : has_id_) = true;
    return {};
  }

  [[nodiscard]] Expected<void, ParseError> Take(const Tlv& field) {
    if (!TakeField(field, info_)) {
      return Unexpected(ParseError::kBadLength);
    }
    return {};
  }

  [[nodiscard]] Expected<ObjectInfo, ParseError> Finish() {
    if (!has_name()) {
      return Unexpected(ParseError::kMissingTag);
    }
    DropForeignFields(info_);
    return info_;
  }

 private:
  ObjectInfo info_;
  bool has_id_ = false;
  bool has_label_ = false;
};

[[nodiscard]] Expected<ObjectInfo, ParseError> ParseWrapped(ObjectClass object_class, ByteView content) {
  InfoBuilder builder;
  builder.SetClass(object_class);
  ByteReader reader(content);
  while (!reader.empty()) {
    Tlv field;
    if (!ReadField(reader, field)) {
      return Unexpected(ParseError::kTruncated);
    }
    const auto reference = AsReference(field.tag);
    if (!reference) {
      SR_TRY_VOID(builder.Take(field));
    } else if (reference->object_class == object_class) {
      SR_TRY_VOID(builder.TakeName(*reference, field.value));
    }  // a reference to an object of another class is no field we know: skipped
  }
  return builder.Finish();
}

/// Reads fields without wrapper until another object starts. Identifier and label of one object stand side by side, so
/// either of them anywhere else is the next object's (spec 10.5).
[[nodiscard]] Expected<ObjectInfo, ParseError> ReadFlat(ByteReader& reader) {
  InfoBuilder builder;
  ByteReader done = reader;
  bool after_name = false;
  while (!done.empty()) {
    ByteReader attempt = done;
    Tlv field;
    if (!ReadField(attempt, field)) {
      return Unexpected(ParseError::kTruncated);
    }
    const auto reference = AsReference(field.tag);
    const bool same_object =
        reference && after_name && reference->object_class == builder.object_class() && !builder.Has(*reference);
    if (AsWrapper(field.tag) || (reference && builder.has_name() && !same_object)) {
      break;
    }
    if (reference) {
      builder.SetClass(reference->object_class);
      SR_TRY_VOID(builder.TakeName(*reference, field.value));
    } else {
      SR_TRY_VOID(builder.Take(field));
    }
    after_name = reference.has_value();
    done = attempt;
  }
  SR_TRY(const ObjectInfo info, builder.Finish());
  reader = done;
  return info;
}

[[nodiscard]] bool TakeApplicationField(const Tlv& field, ApplicationInfo& info) {
  switch (static_cast<Tag>(field.tag)) {
    case Tag::kVersion:
      return TakeByte(field.value, info.version);
    case Tag::kProprietaryIdentifier:
      return info.proprietary_identifier.Assign(field.value);
    case Tag::kMaxFiles:
      return TakeByte(field.value, info.max_files);
    case Tag::kMaxPrivateKeys:
      return TakeByte(field.value, info.max_private_keys);
    case Tag::kMaxPublicKeys:
      return TakeByte(field.value, info.max_public_keys);
    case Tag::kMaxSecretKeys:
      return TakeByte(field.value, info.max_secret_keys);
    case Tag::kApplicationFunctions:
    case Tag::kObjectFunctions:
      return TakeByte(field.value, info.functions);
    case Tag::kHashAlgorithms:
      return TakeHashAlgorithms(field.value, info.hash_algorithms);
    case Tag::kSignatureAlgorithms:
      return TakeByte(field.value, info.signature_algorithms);
    case Tag::kApplicationKeyAgreement:
    case Tag::kObjectKeyAgreement:
      return TakeByte(field.value, info.key_agreement);
    case Tag::kKeyDerivation:
      return TakeByte(field.value, info.key_derivation);
    case Tag::kMaxSessions:
      return TakeByte(field.value, info.max_sessions);
    default:
      return true;
  }
}

}  // namespace

bool ReadField(ByteReader& reader, Tlv& out) {
  ByteReader attempt = reader;
  Tlv field;
  if (!wire::ReadTlv(attempt, field)) {
    return false;
  }
  if (field.tag == Code(Tag::kSignatureAlgorithms) && field.value.size() == 2 &&
      field.value.back() == Code(Tag::kHashAlgorithms)) {
    attempt = reader;
    if (!attempt.Skip(2) || !attempt.ReadBytes(1, field.value)) {
      return false;
    }
  }
  reader = attempt;
  out = field;
  return true;
}

void PutObjectRef(const ObjectRef& ref, ByteWriter& out) {
  const ClassTags& tags = TagsOf(ref.object_class);
  wire::PutTlv(Code(ref.by_label ? tags.label : tags.id), ref.name, out);
}

void PutObjectInfo(const ObjectInfo& info, ByteWriter& out) {
  std::array<std::uint8_t, kMaxInfoContent> memory;
  ByteWriter content(memory);
  const ClassTags& tags = TagsOf(info.object_class);
  const auto put_u8 = [&content](Tag tag, auto value) {
    wire::PutTlvU8(Code(tag), static_cast<std::uint8_t>(value), content);
  };
  const auto put_algorithms = [&put_u8](Tag tag, std::uint8_t bits) {
    if (bits != 0) {
      put_u8(tag, bits);
    }
  };
  if (!info.label.empty()) {
    wire::PutTlv(Code(tags.label), info.label.view(), content);
  }
  if (!info.id.empty()) {
    wire::PutTlv(Code(tags.id), info.id.view(), content);
  }
  put_u8(Tag::kAccessConditions, info.access);
  put_u8(Tag::kObjectState, info.state);
  if (info.object_class == ObjectClass::kFile) {
    put_u8(Tag::kFileUsage, info.file_usage);
    wire::PutTlvU16(Code(Tag::kFileSize), info.file_size, content);
  } else {
    put_u8(Tag::kKeyType, info.key_type);
    if (IsKeyPairHalf(info.object_class)) {
      put_u8(Tag::kKeyUsage, info.key_usage);
    }
    put_u8(Tag::kObjectFunctions, info.functions);
  }
  if (IsKeyPairHalf(info.object_class)) {
    put_algorithms(Tag::kSignatureAlgorithms, info.signature_algorithms);
    if (info.hash_algorithms != 0) {
      wire::PutTlvU16(Code(Tag::kHashAlgorithms), info.hash_algorithms, content);
    }
    put_algorithms(Tag::kObjectKeyAgreement, info.key_agreement);
  }
  if (info.object_class == ObjectClass::kSecretKey) {
    put_algorithms(Tag::kKeyDerivation, info.key_derivation);
  }
  wire::PutTlv(Code(tags.info), content.written(), out);
}

Expected<ObjectInfo, ParseError> ReadObjectInfo(ByteReader& reader) {
  ByteReader attempt = reader;
  SkipUnknown(attempt);
  if (attempt.empty()) {
    return Unexpected(ParseError::kMissingTag);
  }
  ByteReader after = attempt;
  Tlv element;
  if (!wire::ReadTlv(after, element)) {
    return Unexpected(ParseError::kTruncated);
  }
  const auto wrapped_class = AsWrapper(element.tag);
  auto info = wrapped_class ? ParseWrapped(*wrapped_class, element.value) : ReadFlat(attempt);
  if (!info) {
    return info;
  }
  if (wrapped_class) {
    attempt = after;
  }
  SkipUnknown(attempt);
  reader = attempt;
  return info;
}

void PutApplicationInfo(const ApplicationInfo& info, ApplicationTags tags, ByteWriter& out) {
  const bool own_tags = tags == ApplicationTags::k90And93;
  const auto put_u8 = [&out](Tag tag, std::uint8_t value) { wire::PutTlvU8(Code(tag), value, out); };
  put_u8(Tag::kVersion, info.version);
  wire::PutTlv(Code(Tag::kProprietaryIdentifier), info.proprietary_identifier.view(), out);
  put_u8(Tag::kMaxFiles, info.max_files);
  put_u8(Tag::kMaxPrivateKeys, info.max_private_keys);
  put_u8(Tag::kMaxPublicKeys, info.max_public_keys);
  put_u8(Tag::kMaxSecretKeys, info.max_secret_keys);
  put_u8(own_tags ? Tag::kApplicationFunctions : Tag::kObjectFunctions, info.functions);
  wire::PutTlvU16(Code(Tag::kHashAlgorithms), info.hash_algorithms, out);
  put_u8(Tag::kSignatureAlgorithms, info.signature_algorithms);
  put_u8(own_tags ? Tag::kApplicationKeyAgreement : Tag::kObjectKeyAgreement, info.key_agreement);
  put_u8(Tag::kKeyDerivation, info.key_derivation);
  put_u8(Tag::kMaxSessions, info.max_sessions);
}

Expected<ApplicationInfo, ParseError> ParseApplicationInfo(ByteView bytes) {
  ApplicationInfo info;
  bool found = false;
  ByteReader reader(bytes);
  while (!reader.empty()) {
    Tlv field;
    if (!ReadField(reader, field)) {
      return Unexpected(ParseError::kTruncated);
    }
    if (!TakeApplicationField(field, info)) {
      return Unexpected(ParseError::kBadLength);
    }
    found = found || IsKnown(field.tag);
  }
  if (!found) {
    return Unexpected(ParseError::kMissingTag);
  }
  return info;
}

}  // namespace simroot::iotsafe
