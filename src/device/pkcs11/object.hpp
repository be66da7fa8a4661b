// SPDX-License-Identifier: Apache-2.0
/// What C_FindObjects finds: a card's keys, certificates and files, and secrets made by key agreement.
#pragma once

#include <memory>
#include <optional>

#include "common/crypto/port.hpp"
#include "device/client/card.hpp"
#include "device/pkcs11/rv.hpp"

namespace simroot::pkcs11 {

struct Attribute {
  CK_ATTRIBUTE_TYPE type = 0;
  Bytes value;
};

/// Immutable once it is listed, so that threads share it.
struct Object {
  CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
  CK_OBJECT_CLASS object_class = 0;
  bool is_private = false;  ///< not seen before login
  std::vector<Attribute> attributes;
  CK_SESSION_HANDLE owner = CK_INVALID_HANDLE;  ///< the session it ends with; none for what is on the card

  device::ObjectName name;               ///< on the card
  iotsafe::ObjectInfo info;              ///< on the card
  std::optional<device::PublicKey> key;  ///< of both halves of a pair, as far as it is known
  bool value_on_demand = false;          ///< a file: CKA_VALUE is read from the card when it is asked for

  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  /// Wipes what may be a secret.
  ~Object();

  void Add(CK_ATTRIBUTE_TYPE type, ByteView value) { attributes.push_back({type, Bytes(value.begin(), value.end())}); }
  void AddBool(CK_ATTRIBUTE_TYPE type, bool value);
  void AddNumber(CK_ATTRIBUTE_TYPE type, CK_ULONG value);

  /// nullptr if it has none.
  [[nodiscard]] const Attribute* Find(CK_ATTRIBUTE_TYPE type) const;
  [[nodiscard]] bool Is(CK_ATTRIBUTE_TYPE type) const;
  /// True for a key's value that no function gives out.
  [[nodiscard]] bool IsSensitive(CK_ATTRIBUTE_TYPE type) const;
  /// Bytes of its attributes: what C_GetObjectSize tells.
  [[nodiscard]] std::size_t Size() const;
};
using ObjectPtr = std::shared_ptr<const Object>;

/// An application's template, copied: its memory is the application's to reuse (design notes, trap T19).
using Template = std::vector<Attribute>;
/// @returns CKR_ARGUMENTS_BAD for missing pointers.
[[nodiscard]] RvOr<Template> CopyTemplate(const CK_ATTRIBUTE* attributes, CK_ULONG count);
[[nodiscard]] const Attribute* FindIn(const Template& wanted, CK_ATTRIBUTE_TYPE type);
/// @returns CKR_ATTRIBUTE_VALUE_INVALID if it is there and no CK_ULONG, no CK_BBOOL.
[[nodiscard]] RvOr<std::optional<CK_ULONG>> NumberIn(const Template& wanted, CK_ATTRIBUTE_TYPE type);
[[nodiscard]] RvOr<std::optional<bool>> BoolIn(const Template& wanted, CK_ATTRIBUTE_TYPE type);

/// True if the object has every attribute of the template with just that value.
[[nodiscard]] bool Matches(const Object& object, const Template& wanted);

/// DER of a named curve (CKA_EC_PARAMS); empty for RSA and secrets.
[[nodiscard]] ByteView CurveParameters(iotsafe::KeyType type);
[[nodiscard]] inline bool IsRsa(iotsafe::KeyType type) {
  return type == iotsafe::KeyType::kRsa2048;
}
[[nodiscard]] std::optional<crypto::Curve> CurveOf(iotsafe::KeyType type);

}  // namespace simroot::pkcs11
