// SPDX-License-Identifier: Apache-2.0
#include "device/pkcs11/object.hpp"

#include <cstring>

#include "common/base/secret.hpp"

namespace simroot::pkcs11 {
namespace {

// X9.62 and RFC 5639 object identifiers with their tag.
constexpr std::array<std::uint8_t, 10> kP256{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
constexpr std::array<std::uint8_t, 7> kP384{0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22};
constexpr std::array<std::uint8_t, 11> kBrainpoolP256r1{0x06, 0x09, 0x2B, 0x24, 0x03, 0x03,
                                                        0x02, 0x08, 0x01, 0x01, 0x07};

template <typename T>
[[nodiscard]] Bytes BytesOf(const T& value) {
  Bytes bytes(sizeof(T));
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

template <typename T>
[[nodiscard]] std::optional<T> ValueOf(ByteView bytes) {
  T value{};
  if (bytes.size() != sizeof(T)) {
    return std::nullopt;
  }
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

}  // namespace

Object::~Object() {
  for (Attribute& attribute : attributes) {
    if (attribute.type == CKA_VALUE) {
      Wipe(attribute.value);
    }
  }
}

void Object::AddBool(CK_ATTRIBUTE_TYPE type, bool value) {
  attributes.push_back({type, BytesOf<CK_BBOOL>(value ? CK_TRUE : CK_FALSE)});
}

void Object::AddNumber(CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
  attributes.push_back({type, BytesOf(value)});
}

const Attribute* Object::Find(CK_ATTRIBUTE_TYPE type) const {
  const auto row = std::ranges::find(attributes, type, &Attribute::type);
  return row == attributes.end() ? nullptr : &*row;
}

bool Object::Is(CK_ATTRIBUTE_TYPE type) const {
  const Attribute* const attribute = Find(type);
  return attribute != nullptr && attribute->value == BytesOf<CK_BBOOL>(CK_TRUE);
}

bool Object::IsSensitive(CK_ATTRIBUTE_TYPE type) const {
  if (object_class == CKO_SECRET_KEY) {
    return type == CKA_VALUE && (owner == CK_INVALID_HANDLE || Is(CKA_SENSITIVE) || !Is(CKA_EXTRACTABLE));
  }
  constexpr std::array kParts{CKA_VALUE,      CKA_PRIVATE_EXPONENT, CKA_PRIME_1,    CKA_PRIME_2,
                              CKA_EXPONENT_1, CKA_EXPONENT_2,       CKA_COEFFICIENT};
  return object_class == CKO_PRIVATE_KEY && std::ranges::find(kParts, type) != kParts.end();
}

std::size_t Object::Size() const {
  std::size_t size = 0;
  for (const Attribute& attribute : attributes) {
    size += sizeof(CK_ATTRIBUTE_TYPE) + attribute.value.size();
  }
  return size;
}

RvOr<Template> CopyTemplate(const CK_ATTRIBUTE* attributes, CK_ULONG count) {
  if (attributes == nullptr && count != 0) {
    return Refuse(CKR_ARGUMENTS_BAD);
  }
  Template copy;
  for (const CK_ATTRIBUTE& attribute : std::span(attributes, count)) {
    SR_TRY(const ByteView value, Given(static_cast<const CK_BYTE*>(attribute.pValue), attribute.ulValueLen));
    copy.push_back({attribute.type, Bytes(value.begin(), value.end())});
  }
  return copy;
}

const Attribute* FindIn(const Template& wanted, CK_ATTRIBUTE_TYPE type) {
  const auto row = std::ranges::find(wanted, type, &Attribute::type);
  return row == wanted.end() ? nullptr : &*row;
}

RvOr<std::optional<CK_ULONG>> NumberIn(const Template& wanted, CK_ATTRIBUTE_TYPE type) {
  const Attribute* const attribute = FindIn(wanted, type);
  if (attribute == nullptr) {
    return std::optional<CK_ULONG>();
  }
  const auto value = ValueOf<CK_ULONG>(attribute->value);
  return value ? RvOr<std::optional<CK_ULONG>>(value) : Refuse(CKR_ATTRIBUTE_VALUE_INVALID);
}

RvOr<std::optional<bool>> BoolIn(const Template& wanted, CK_ATTRIBUTE_TYPE type) {
  const Attribute* const attribute = FindIn(wanted, type);
  if (attribute == nullptr) {
    return std::optional<bool>();
  }
  const auto value = ValueOf<CK_BBOOL>(attribute->value);
  return value && *value <= CK_TRUE ? RvOr<std::optional<bool>>(std::optional(*value == CK_TRUE))
                                    : Refuse(CKR_ATTRIBUTE_VALUE_INVALID);
}

bool Matches(const Object& object, const Template& wanted) {
  return std::ranges::all_of(wanted, [&](const Attribute& attribute) {
    const Attribute* const own = object.Find(attribute.type);
    return own != nullptr && own->value == attribute.value && !object.IsSensitive(attribute.type);
  });
}

std::optional<crypto::Curve> CurveOf(iotsafe::KeyType type) {
  using iotsafe::KeyType;
  switch (type) {
    case KeyType::kP256Persistent:
    case KeyType::kP256Volatile:
      return crypto::Curve::kP256;
    case KeyType::kBrainpoolP256Persistent:
    case KeyType::kBrainpoolP256Volatile:
      return crypto::Curve::kBrainpoolP256r1;
    case KeyType::kP384Persistent:
    case KeyType::kP384Volatile:
      return crypto::Curve::kP384;
    default:
      return std::nullopt;
  }
}

ByteView CurveParameters(iotsafe::KeyType type) {
  const auto curve = CurveOf(type);
  if (!curve) {
    return {};
  }
  switch (*curve) {
    case crypto::Curve::kP256:
      return kP256;
    case crypto::Curve::kBrainpoolP256r1:
      return kBrainpoolP256r1;
    case crypto::Curve::kP384:
      return kP384;
  }
  return {};
}

}  // namespace simroot::pkcs11
