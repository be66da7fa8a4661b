// SPDX-License-Identifier: Apache-2.0
#include "device/pkcs11/key_making.hpp"

#include <cstring>

#include "common/wire/tlv.hpp"
#include "device/pkcs11/token_objects.hpp"

namespace simroot::pkcs11 {
namespace {

using iotsafe::Access;
using iotsafe::Function;
using iotsafe::KeyType;
using iotsafe::ObjectClass;
using iotsafe::ObjectInfo;

constexpr CK_ULONG kRsaBits = 2048;
constexpr std::uint16_t kOctetString = 0x04;
constexpr std::array<std::uint8_t, 3> kExponent65537{0x01, 0x00, 0x01};

[[nodiscard]] device::ObjectName NameOf(const ObjectInfo& info) {
  const bool by_label = info.id.empty();
  const ByteView name = by_label ? info.label.view() : info.id.view();
  return {info.object_class, by_label, Bytes(name.begin(), name.end())};
}

[[nodiscard]] bool IsVolatile(KeyType type) {
  return type == KeyType::kP256Volatile || type == KeyType::kBrainpoolP256Volatile || type == KeyType::kP384Volatile;
}

/// What kind of key the templates ask for.
[[nodiscard]] Outcome CheckKind(const Mechanism& mechanism, const Template& for_public) {
  if (mechanism.family() == Family::kRsaGenerate) {
    SR_TRY(const auto bits, NumberIn(for_public, CKA_MODULUS_BITS));
    if (!bits) {
      return Refuse(CKR_TEMPLATE_INCOMPLETE);
    }
    const Attribute* const exponent = FindIn(for_public, CKA_PUBLIC_EXPONENT);
    if (exponent != nullptr && !SameBytes(exponent->value, kExponent65537)) {
      return Refuse(CKR_ATTRIBUTE_VALUE_INVALID);
    }
    return *bits == kRsaBits ? Outcome() : Refuse(CKR_KEY_SIZE_RANGE);
  }
  const Attribute* const curve = FindIn(for_public, CKA_EC_PARAMS);
  if (curve == nullptr) {
    return Refuse(CKR_TEMPLATE_INCOMPLETE);
  }
  const bool known = std::ranges::any_of(
      std::array{KeyType::kP256Persistent, KeyType::kBrainpoolP256Persistent, KeyType::kP384Persistent},
      [&](KeyType type) { return SameBytes(curve->value, CurveParameters(type)); });
  return known ? Outcome() : Refuse(CKR_CURVE_NOT_SUPPORTED);
}

/// A key that the card makes is sensitive and never leaves it.
[[nodiscard]] Outcome CheckPrivate(const Template& for_private) {
  SR_TRY(const auto sensitive, BoolIn(for_private, CKA_SENSITIVE));
  SR_TRY(const auto extractable, BoolIn(for_private, CKA_EXTRACTABLE));
  return sensitive.value_or(true) && !extractable.value_or(false) ? Outcome() : Refuse(CKR_TEMPLATE_INCONSISTENT);
}

[[nodiscard]] bool FitsKind(const ObjectInfo& info, const Mechanism& mechanism, const Template& for_public) {
  if (info.object_class != ObjectClass::kPrivateKey || !iotsafe::Has(info.access, Access::kUpdatable) ||
      !iotsafe::Has(info.functions, Function::kKeyGeneration)) {
    return false;
  }
  if (mechanism.family() == Family::kRsaGenerate) {
    return IsRsa(info.key_type);
  }
  const Attribute* const curve = FindIn(for_public, CKA_EC_PARAMS);
  return curve != nullptr && !IsRsa(info.key_type) && SameBytes(curve->value, CurveParameters(info.key_type));
}

/// The same attribute of both templates; empty counts as not given.
[[nodiscard]] const Attribute* FindInEither(const Template& first, const Template& second, CK_ATTRIBUTE_TYPE type) {
  for (const Template* wanted : {&first, &second}) {
    const Attribute* const attribute = FindIn(*wanted, type);
    if (attribute != nullptr && !attribute->value.empty()) {
      return attribute;
    }
  }
  return nullptr;
}

[[nodiscard]] RvOr<ObjectInfo> ChooseContainer(const TokenContent& token, const Mechanism& mechanism,
                                               const Template& for_public, const Template& for_private) {
  const Attribute* const id = FindInEither(for_private, for_public, CKA_ID);
  const Attribute* const label = FindInEither(for_private, for_public, CKA_LABEL);
  std::vector<ObjectInfo> fitting;
  for (const ObjectInfo& info : token.infos) {
    const Names names = NamesOf(info);
    if (FitsKind(info, mechanism, for_public) && (id == nullptr || names.id == id->value) &&
        (label == nullptr || names.label == label->value)) {
      fitting.push_back(info);
    }
  }
  if (id != nullptr || label != nullptr) {
    return fitting.empty() ? RvOr<ObjectInfo>(Refuse(CKR_ATTRIBUTE_VALUE_INVALID)) : fitting.front();
  }
  const auto empty =
      std::ranges::find(fitting, iotsafe::ObjectState::kDeactivated, [](const ObjectInfo& info) { return info.state; });
  const auto passing = std::ranges::find_if(fitting, [](const ObjectInfo& info) { return IsVolatile(info.key_type); });
  const auto chosen = empty != fitting.end() ? empty : passing;
  return chosen == fitting.end() ? RvOr<ObjectInfo>(Refuse(CKR_DEVICE_MEMORY)) : *chosen;
}

[[nodiscard]] CK_OBJECT_HANDLE HandleOf(const TokenContent& token, CK_OBJECT_CLASS object_class,
                                        const device::ObjectName& name) {
  const auto row = std::ranges::find_if(token.objects, [&](const ObjectPtr& object) {
    return object->object_class == object_class && object->name == name;
  });
  return row == token.objects.end() ? CK_INVALID_HANDLE : (*row)->handle;
}

/// The other side's point, bare or in a DER OCTET STRING: both are in use (PKCS#11 current mechanisms 2.3.17).
[[nodiscard]] ByteView PointIn(ByteView given, std::size_t size) {
  if (given.size() == size) {
    return given;
  }
  ByteReader reader(given);
  wire::Tlv tlv;
  const bool wrapped =
      wire::ReadBerTlv(reader, tlv) && tlv.tag == kOctetString && reader.empty() && tlv.value.size() == size;
  return wrapped ? tlv.value : ByteView();
}

/// Where the other side's key may be put: a public key of the same curve that can be written, is no half of a pair, and
/// holds nothing that would be lost. One for volatile keys before an empty one, which can be filled only once.
[[nodiscard]] std::optional<ObjectInfo> FindPeerContainer(const TokenContent& token, KeyType own) {
  std::vector<device::ObjectName> halves;
  for (const ObjectInfo& info : token.infos) {
    if (info.object_class == ObjectClass::kPrivateKey) {
      if (auto half = device::FindPublicHalf(token.infos, NameOf(info))) {
        halves.push_back(*std::move(half));
      }
    }
  }
  const auto is_place = [&](const ObjectInfo& info) {
    return info.object_class == ObjectClass::kPublicKey && CurveOf(info.key_type) == CurveOf(own) &&
           iotsafe::Has(info.access, Access::kUpdatable) && std::ranges::find(halves, NameOf(info)) == halves.end();
  };
  const auto passing = std::ranges::find_if(
      token.infos, [&](const ObjectInfo& info) { return is_place(info) && IsVolatile(info.key_type); });
  if (passing != token.infos.end()) {
    return *passing;
  }
  const auto empty = std::ranges::find_if(token.infos, [&](const ObjectInfo& info) {
    return is_place(info) && info.state == iotsafe::ObjectState::kDeactivated;
  });
  return empty == token.infos.end() ? std::nullopt : std::optional(*empty);
}

/// As FindPeerContainer, of the session's card. @returns CKR_DEVICE_MEMORY if there is none.
[[nodiscard]] RvOr<ObjectInfo> ChoosePeerContainer(Session& session, KeyType own) {
  SR_TRY(const TokenPtr known, session.slot->Token(Freshness::kKnown));
  auto container = FindPeerContainer(*known, own);
  if (container && !IsVolatile(container->key_type)) {
    // Somebody else may have filled it since the card was read.
    SR_TRY(const TokenPtr now, session.slot->Token(Freshness::kNow));
    container = FindPeerContainer(*now, own);
  }
  return container ? RvOr<ObjectInfo>(*container) : Refuse(CKR_DEVICE_MEMORY);
}

[[nodiscard]] RvOr<CK_ECDH1_DERIVE_PARAMS> ReadEcdhParameters(const CK_MECHANISM& mechanism) {
  CK_ECDH1_DERIVE_PARAMS params{};
  if (mechanism.pParameter == nullptr || mechanism.ulParameterLen != sizeof(params)) {
    return Refuse(CKR_MECHANISM_PARAM_INVALID);
  }
  std::memcpy(&params, mechanism.pParameter, sizeof(params));
  if (params.kdf != CKD_NULL || params.ulSharedDataLen != 0 || params.pPublicData == nullptr) {
    return Refuse(CKR_MECHANISM_PARAM_INVALID);
  }
  return params;
}

}  // namespace

RvOr<MadeKeyPair> MakeKeyPair(Session& session, const Mechanism& mechanism, const Template& for_public,
                              const Template& for_private) {
  SR_TRY_VOID(CheckKind(mechanism, for_public));
  SR_TRY_VOID(CheckPrivate(for_private));
  SR_TRY(const TokenPtr before, session.slot->Token(Freshness::kNow));
  SR_TRY(const ObjectInfo container, ChooseContainer(*before, mechanism, for_public, for_private));
  SR_TRY(const device::NewAnyKeyPair made,
         session.slot->Run([&](device::Card& card) { return card.GenerateAnyKeyPair(NameOf(container)); }));
  session.slot->NoteGenerated(made.private_id);
  SR_TRY(const TokenPtr after, session.slot->Token(Freshness::kKnown));
  // A container with a label only has no identifiers to answer with.
  const device::ObjectName private_name = made.private_id.empty()
                                              ? NameOf(container)
                                              : device::ObjectName{ObjectClass::kPrivateKey, false, made.private_id};
  const auto public_name = made.public_id.empty()
                               ? device::FindPublicHalf(after->infos, private_name)
                               : std::optional<device::ObjectName>({ObjectClass::kPublicKey, false, made.public_id});
  const MadeKeyPair pair{public_name ? HandleOf(*after, CKO_PUBLIC_KEY, *public_name) : CK_INVALID_HANDLE,
                         HandleOf(*after, CKO_PRIVATE_KEY, private_name)};
  const bool found = pair.public_key != CK_INVALID_HANDLE && pair.private_key != CK_INVALID_HANDLE;
  return found ? RvOr<MadeKeyPair>(pair) : Refuse(CKR_FUNCTION_FAILED);
}

RvOr<CK_OBJECT_HANDLE> DeriveSecret(Module& module, Session& session, const CK_MECHANISM& mechanism, const Object& key,
                                    const Template& wanted) {
  SR_TRY(const CK_ECDH1_DERIVE_PARAMS params, ReadEcdhParameters(mechanism));
  const auto curve = CurveOf(key.info.key_type);
  if (key.object_class != CKO_PRIVATE_KEY || !curve) {
    return Refuse(CKR_KEY_TYPE_INCONSISTENT);
  }
  const ByteView point = PointIn({params.pPublicData, params.ulPublicDataLen}, crypto::PointSize(*curve));
  SR_TRY(crypto::OpenSslCrypto* const crypto, session.Crypto());
  if (point.empty() || !crypto->IsValidPoint(*curve, point)) {
    return Refuse(CKR_MECHANISM_PARAM_INVALID);
  }
  SR_TRY(const ObjectInfo container, ChoosePeerContainer(session, key.info.key_type));
  // A template that cannot be met is refused before the card does anything.
  SR_TRY_VOID(MakeSessionSecret(session.handle, wanted, Bytes(crypto::ScalarSize(*curve))));
  auto agreed = session.slot->Run(
      [&](device::Card& card) { return card.ComputeSharedSecret(key.name, NameOf(container), point); });
  if (!IsVolatile(container.key_type)) {
    session.slot->Forget();  // the container is no longer empty, even if the agreement failed after that
  }
  SR_TRY(Bytes secret, std::move(agreed));
  auto object = MakeSessionSecret(session.handle, wanted, secret);
  Wipe(secret);
  SR_TRY(const std::shared_ptr<Object> made, std::move(object));
  made->handle = NextObjectHandle();
  module.AddObject(made);
  return made->handle;
}

}  // namespace simroot::pkcs11
