// SPDX-License-Identifier: Apache-2.0
#include "card/applet/administration_data.hpp"

#include "common/wire/tlv.hpp"

namespace simroot::card {
namespace {

using iotsafe::FileUsage;
using iotsafe::KeyType;
using iotsafe::KeyUsage;
using iotsafe::ObjectClass;
using iotsafe::Tag;

struct Limits {
  std::size_t min;
  std::size_t max;
};

[[nodiscard]] std::optional<Limits> LimitsOf(std::uint16_t tag) {
  if (const auto* const field = iotsafe::FindAdminField(tag)) {
    return Limits{field->min, field->max};
  }
  const auto* const rule = tag <= 0xFF ? iotsafe::FindTagRule(LowByte(tag)) : nullptr;
  return rule == nullptr ? std::nullopt : std::optional(Limits{rule->min, rule->max});
}

[[nodiscard]] bool IsKeyTypeOf(ObjectClass object_class, KeyType type) {
  switch (type) {
    case KeyType::kRsa2048:
    case KeyType::kP256Persistent:
    case KeyType::kP256Volatile:
    case KeyType::kBrainpoolP256Persistent:
    case KeyType::kBrainpoolP256Volatile:
    case KeyType::kP384Persistent:
    case KeyType::kP384Volatile:
      return object_class == ObjectClass::kPrivateKey || object_class == ObjectClass::kPublicKey;
    case KeyType::kHmac:
    case KeyType::kAesCmac:
    case KeyType::kAes:
      return object_class == ObjectClass::kSecretKey;
    case KeyType::kUserPin:  // made by SET PIN only
      break;
  }
  return false;
}

[[nodiscard]] bool IsKeyUsage(std::uint8_t value) {
  switch (static_cast<KeyUsage>(value)) {
    case KeyUsage::kGeneral:
    case KeyUsage::kTls12:
    case KeyUsage::kTls13:
    case KeyUsage::kAttestation:
      return true;
  }
  return false;
}

/// Bits that a bit field of one byte may have.
struct BitField {
  Tag tag;
  std::uint8_t allowed;
  std::uint8_t iotsafe::ObjectInfo::*member;
};
constexpr std::array kBitFields{
    BitField{Tag::kAccessConditions, 0x03, &iotsafe::ObjectInfo::access},
    BitField{Tag::kObjectFunctions, 0x3F, &iotsafe::ObjectInfo::functions},
    BitField{Tag::kSignatureAlgorithms, 0x0F, &iotsafe::ObjectInfo::signature_algorithms},
    BitField{Tag::kObjectKeyAgreement, 0x01, &iotsafe::ObjectInfo::key_agreement},
    BitField{Tag::kKeyDerivation, 0x07, &iotsafe::ObjectInfo::key_derivation},
};
constexpr std::uint16_t kAllHashes = 0x0007;

/// The tags that a template of a class may have beside access conditions and state (spec 4.1).
[[nodiscard]] bool Belongs(ObjectClass object_class, Tag tag) {
  const bool key_pair = object_class == ObjectClass::kPrivateKey || object_class == ObjectClass::kPublicKey;
  switch (tag) {
    case Tag::kAccessConditions:
    case Tag::kObjectState:
      return true;
    case Tag::kKeyType:
    case Tag::kObjectFunctions:
      return object_class != ObjectClass::kFile;
    case Tag::kKeyUsage:
    case Tag::kSignatureAlgorithms:
    case Tag::kHashAlgorithms:
    case Tag::kObjectKeyAgreement:
      return key_pair;
    case Tag::kKeyDerivation:
      return object_class == ObjectClass::kSecretKey;
    case Tag::kFileUsage:
    case Tag::kFileSize:
      return object_class == ObjectClass::kFile;
    default:
      return tag == TagsOf(object_class).id || tag == TagsOf(object_class).label;
  }
}

/// Stores one attribute. False if its value is outside its table.
[[nodiscard]] bool TakeAttribute(const AdminData& data, Tag tag, ObjectTemplate& result) {
  iotsafe::ObjectInfo& info = result.info;
  const auto byte = data.FindU8(Code(tag));
  const auto word = data.FindU16(Code(tag));
  if (const auto* const row = std::ranges::find(kBitFields, tag, &BitField::tag); row != kBitFields.end()) {
    info.*row->member = byte.value_or(0);
    return byte && (*byte & ~row->allowed) == 0;
  }
  switch (tag) {
    case Tag::kKeyType:
      info.key_type = static_cast<KeyType>(byte.value_or(0));
      result.has_key_type = true;
      return byte && IsKeyTypeOf(info.object_class, info.key_type);
    case Tag::kKeyUsage:
      info.key_usage = static_cast<KeyUsage>(byte.value_or(0));
      return byte && IsKeyUsage(*byte);
    case Tag::kHashAlgorithms:
      info.hash_algorithms = word.value_or(0);
      return word && (*word & ~kAllHashes) == 0;
    case Tag::kFileUsage:
      info.file_usage = static_cast<FileUsage>(byte.value_or(0));
      return byte && (info.file_usage == FileUsage::kGeneral || info.file_usage == FileUsage::kCertificate);
    default:  // names, and what the content decides: state and size
      return true;
  }
}

}  // namespace

Expected<AdminData, ParseError> AdminData::Parse(ByteView value) {
  AdminData result;
  ByteReader reader(value);
  while (!reader.empty()) {
    wire::Tlv element;
    if (!wire::ReadBerTlv(reader, element)) {
      return Unexpected(ParseError::kTruncated);
    }
    const auto limits = LimitsOf(element.tag);
    if (!limits || result.count_ == kMaxElements) {
      return Unexpected(ParseError::kUnexpectedTag);
    }
    const std::uint8_t tag = LowByte(element.tag);
    if (result.FindTag(tag)) {
      return Unexpected(ParseError::kDuplicateTag);
    }
    if (element.value.size() < limits->min || element.value.size() > limits->max) {
      return Unexpected(ParseError::kBadLength);
    }
    result.elements_[result.count_++] = Element{tag, element.value};
  }
  return result;
}

std::optional<ByteView> AdminData::FindTag(std::uint8_t tag) const {
  const auto present = std::span(elements_).first(count_);
  const auto found = std::ranges::find(present, tag, &Element::tag);
  return found == present.end() ? std::nullopt : std::optional(found->value);
}

std::optional<std::uint8_t> AdminData::FindU8(std::uint8_t tag) const {
  const auto value = FindTag(tag);
  return value && value->size() == 1 ? std::optional(value->front()) : std::nullopt;
}

std::optional<std::uint16_t> AdminData::FindU16(std::uint8_t tag) const {
  const auto value = FindTag(tag);
  std::uint16_t number = 0;
  return value && value->size() == 2 && ByteReader(*value).ReadU16(number) ? std::optional(number) : std::nullopt;
}

bool AdminData::HasOnly(std::initializer_list<std::uint8_t> tags) const {
  return std::ranges::all_of(std::span(elements_).first(count_), [&](const Element& element) {
    return std::ranges::find(tags, element.tag) != tags.end();
  });
}

Expected<iotsafe::ObjectRef, ParseError> AdminData::Reference(std::initializer_list<ObjectClass> classes) const {
  std::optional<iotsafe::ObjectRef> result;
  for (const ObjectClass object_class : classes) {
    for (const bool by_label : {false, true}) {
      const iotsafe::ClassTags& tags = TagsOf(object_class);
      const auto name = Find(by_label ? tags.label : tags.id);
      if (name && result) {
        return Unexpected(ParseError::kDuplicateTag);
      }
      if (name) {
        result = iotsafe::ObjectRef{object_class, by_label, *name};
      }
    }
  }
  if (!result) {
    return Unexpected(ParseError::kMissingTag);
  }
  return *result;
}

Expected<void, ParseError> TakeTemplate(ObjectClass object_class, ByteView content, ObjectTemplate& result) {
  SR_TRY(const AdminData data, AdminData::Parse(content));
  const iotsafe::ClassTags& tags = TagsOf(object_class);
  result.info.object_class = object_class;
  const auto id = data.Find(tags.id);
  if (!id) {
    return Unexpected(ParseError::kMissingTag);
  }
  const auto label = data.Find(tags.label);
  if (!result.info.id.Assign(*id) || (label && !result.info.label.Assign(*label))) {
    return Unexpected(ParseError::kBadLength);
  }
  std::size_t known = 0;
  for (const iotsafe::TagRule& rule : iotsafe::kTagRules) {
    if (!data.Find(rule.tag)) {
      continue;
    }
    if (!Belongs(object_class, rule.tag) || !TakeAttribute(data, rule.tag, result)) {
      return Unexpected(ParseError::kBadValue);
    }
    ++known;
  }
  if (known != data.size()) {
    return Unexpected(ParseError::kUnexpectedTag);
  }
  return {};
}

}  // namespace simroot::card
