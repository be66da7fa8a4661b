// SPDX-License-Identifier: Apache-2.0
#include "device/pkcs11/token_objects.hpp"

#include "common/wire/tlv.hpp"
#include "device/pkcs11/certificate.hpp"

namespace simroot::pkcs11 {
namespace {

using iotsafe::Function;
using iotsafe::KeyType;
using iotsafe::ObjectInfo;

constexpr CK_ULONG kRsaBits = 2048;
constexpr std::uint16_t kOctetString = 0x04;
// CKA_CERTIFICATE_CATEGORY (PKCS#11 4.6.2).
constexpr CK_ULONG kTokenUser = 1;
constexpr CK_ULONG kAuthority = 2;

[[nodiscard]] Bytes ToBytes(ByteView bytes) {
  return {bytes.begin(), bytes.end()};
}

[[nodiscard]] std::shared_ptr<Object> NewTokenObject(CK_OBJECT_CLASS object_class, const ObjectInfo& info,
                                                     const Names& names, bool is_private) {
  auto object = std::make_shared<Object>();
  object->object_class = object_class;
  object->is_private = is_private;
  object->info = info;
  const bool by_label = info.id.empty();
  object->name = {info.object_class, by_label, ToBytes(by_label ? info.label.view() : info.id.view())};
  object->AddNumber(CKA_CLASS, object_class);
  object->AddBool(CKA_TOKEN, true);
  object->AddBool(CKA_PRIVATE, is_private);
  object->AddBool(CKA_MODIFIABLE, false);
  object->AddBool(CKA_COPYABLE, false);
  object->AddBool(CKA_DESTROYABLE, false);
  object->Add(CKA_LABEL, names.label);
  if (object_class != CKO_DATA) {
    object->Add(CKA_ID, names.id);
  }
  return object;
}

void AddKey(Object& object, CK_KEY_TYPE type, bool local) {
  object.AddNumber(CKA_KEY_TYPE, type);
  object.Add(CKA_START_DATE, {});
  object.Add(CKA_END_DATE, {});
  object.AddBool(CKA_LOCAL, local);
  object.AddNumber(CKA_KEY_GEN_MECHANISM, CK_UNAVAILABLE_INFORMATION);
}

[[nodiscard]] CK_KEY_TYPE KeyTypeOf(const ObjectInfo& info) {
  return IsRsa(info.key_type) ? CKK_RSA : CKK_EC;
}

/// What both halves of a pair say of the key itself.
void AddPublicValue(Object& object) {
  if (const ByteView curve = CurveParameters(object.info.key_type); !curve.empty()) {
    object.Add(CKA_EC_PARAMS, curve);
  }
  if (object.key && !object.key->modulus.empty()) {
    object.Add(CKA_MODULUS, object.key->modulus);
    object.Add(CKA_PUBLIC_EXPONENT, object.key->exponent);
  }
}

/// DER OCTET STRING around the point, as CKA_EC_POINT wants it.
[[nodiscard]] Bytes EncodedPoint(ByteView point) {
  std::array<std::uint8_t, 4 + iotsafe::kP384PointSize> memory{};
  ByteWriter out(memory);
  wire::PutBerTlv(kOctetString, point, out);
  return ToBytes(out.written());
}

void AddSecretFlags(Object& object) {
  object.AddBool(CKA_SENSITIVE, true);
  object.AddBool(CKA_EXTRACTABLE, false);
  object.AddBool(CKA_ALWAYS_SENSITIVE, true);
  object.AddBool(CKA_NEVER_EXTRACTABLE, true);
  object.AddBool(CKA_WRAP_WITH_TRUSTED, false);
}

}  // namespace

Names NamesOf(const ObjectInfo& info) {
  const Bytes label = ToBytes(info.label.view());
  return {info.id.empty() ? label : ToBytes(info.id.view()), label};
}

std::shared_ptr<Object> MakePrivateKey(const KeyPair& pair, bool has_pin, bool local) {
  const ObjectInfo& info = pair.info;
  auto object = NewTokenObject(CKO_PRIVATE_KEY, info, pair.names, has_pin);
  object->key = pair.key;
  AddKey(*object, KeyTypeOf(info), local);
  object->Add(CKA_SUBJECT, pair.subject);
  AddSecretFlags(*object);
  const bool may_sign =
      iotsafe::Has(info.functions, Function::kSignature) && info.key_usage != iotsafe::KeyUsage::kAttestation;
  object->AddBool(CKA_SIGN, may_sign);
  object->AddBool(CKA_SIGN_RECOVER, false);
  object->AddBool(CKA_DECRYPT, IsRsa(info.key_type) && iotsafe::Has(info.functions, Function::kDecryption));
  object->AddBool(CKA_UNWRAP, false);
  object->AddBool(CKA_DERIVE, !IsRsa(info.key_type) && iotsafe::Has(info.functions, Function::kKeyAgreement));
  object->AddBool(CKA_ALWAYS_AUTHENTICATE, false);
  AddPublicValue(*object);
  return object;
}

std::shared_ptr<Object> MakePublicKey(const PublicKeyOnCard& key, const KeyPair* pair) {
  auto object = NewTokenObject(CKO_PUBLIC_KEY, key.info, key.names.value_or(NamesOf(key.info)), false);
  object->info.key_type = key.key.type;
  object->key = key.key;
  AddKey(*object, KeyTypeOf(object->info), false);
  object->Add(CKA_SUBJECT, pair == nullptr ? Bytes() : pair->subject);
  object->AddBool(CKA_ENCRYPT, false);
  object->AddBool(CKA_VERIFY, true);
  object->AddBool(CKA_VERIFY_RECOVER, false);
  object->AddBool(CKA_WRAP, false);
  object->AddBool(CKA_DERIVE, false);
  object->AddBool(CKA_TRUSTED, false);
  AddPublicValue(*object);
  if (key.key.point.empty()) {
    object->AddNumber(CKA_MODULUS_BITS, kRsaBits);
  } else {
    object->Add(CKA_EC_POINT, EncodedPoint(key.key.point));
  }
  return object;
}

std::shared_ptr<Object> MakeCertificate(const CertificateOnCard& certificate) {
  const bool is_users = certificate.names.has_value();
  Names names = certificate.names.value_or(NamesOf(certificate.info));
  if (!is_users) {
    // No key of the card belongs to it, so it must not share the identifier of one: files and keys are numbered apart.
    names.id.insert(names.id.begin(), {'f', 'i', 'l', 'e', ' '});
  }
  auto object = NewTokenObject(CKO_CERTIFICATE, certificate.info, names, false);
  object->AddNumber(CKA_CERTIFICATE_TYPE, CKC_X_509);
  object->AddBool(CKA_TRUSTED, false);
  object->AddNumber(CKA_CERTIFICATE_CATEGORY, is_users ? kTokenUser : kAuthority);
  object->Add(CKA_START_DATE, {});
  object->Add(CKA_END_DATE, {});
  if (const auto fields = ParseCertificate(certificate.der)) {
    object->Add(CKA_SUBJECT, fields->subject);
    object->Add(CKA_ISSUER, fields->issuer);
    object->Add(CKA_SERIAL_NUMBER, fields->serial_number);
  }
  object->Add(CKA_VALUE, certificate.der);
  return object;
}

std::shared_ptr<Object> MakeSecretKey(const ObjectInfo& info, bool has_pin) {
  auto object = NewTokenObject(CKO_SECRET_KEY, info, NamesOf(info), has_pin);
  const bool is_aes = info.key_type == KeyType::kAes || info.key_type == KeyType::kAesCmac;
  AddKey(*object, is_aes ? CKK_AES : CKK_GENERIC_SECRET, false);
  AddSecretFlags(*object);
  const bool cipher = info.key_type == KeyType::kAes;
  const bool mac = info.key_type == KeyType::kAesCmac && iotsafe::Has(info.functions, Function::kSignature);
  object->AddBool(CKA_ENCRYPT, cipher && iotsafe::Has(info.functions, Function::kEncryption));
  object->AddBool(CKA_DECRYPT, cipher && iotsafe::Has(info.functions, Function::kDecryption));
  object->AddBool(CKA_SIGN, mac);
  object->AddBool(CKA_VERIFY, mac);
  object->AddBool(CKA_WRAP, false);
  object->AddBool(CKA_UNWRAP, false);
  object->AddBool(CKA_DERIVE, false);
  object->AddBool(CKA_TRUSTED, false);
  return object;
}

std::shared_ptr<Object> MakeData(const ObjectInfo& info) {
  auto object = NewTokenObject(CKO_DATA, info, NamesOf(info), false);
  object->Add(CKA_APPLICATION, AsBytes("IoT SAFE file"));
  object->Add(CKA_OBJECT_ID, {});
  object->value_on_demand = true;
  return object;
}

RvOr<std::shared_ptr<Object>> MakeSessionSecret(CK_SESSION_HANDLE session, const Template& wanted, ByteView secret) {
  SR_TRY(const auto object_class, NumberIn(wanted, CKA_CLASS));
  SR_TRY(const auto key_type, NumberIn(wanted, CKA_KEY_TYPE));
  SR_TRY(const auto value_size, NumberIn(wanted, CKA_VALUE_LEN));
  SR_TRY(const auto on_token, BoolIn(wanted, CKA_TOKEN));
  SR_TRY(const auto sensitive, BoolIn(wanted, CKA_SENSITIVE));
  SR_TRY(const auto extractable, BoolIn(wanted, CKA_EXTRACTABLE));
  const CK_KEY_TYPE type = key_type.value_or(CKK_GENERIC_SECRET);
  if (object_class.value_or(CKO_SECRET_KEY) != CKO_SECRET_KEY || on_token.value_or(false) ||
      (type != CKK_GENERIC_SECRET && type != CKK_AES)) {
    return Refuse(CKR_TEMPLATE_INCONSISTENT);
  }
  const std::size_t size = value_size.value_or(secret.size());
  const bool aes_size = size == 16 || size == 24 || size == 32;
  if (size == 0 || size > secret.size() || (type == CKK_AES && !aes_size)) {
    return Refuse(CKR_KEY_SIZE_RANGE);
  }
  auto object = std::make_shared<Object>();
  object->object_class = CKO_SECRET_KEY;
  object->owner = session;
  object->AddNumber(CKA_CLASS, CKO_SECRET_KEY);
  object->AddBool(CKA_TOKEN, false);
  object->AddBool(CKA_PRIVATE, false);
  object->AddBool(CKA_MODIFIABLE, false);
  object->AddBool(CKA_COPYABLE, false);
  object->AddBool(CKA_DESTROYABLE, true);
  for (const CK_ATTRIBUTE_TYPE text : {CKA_LABEL, CKA_ID}) {
    const Attribute* const given = FindIn(wanted, text);
    object->Add(text, given == nullptr ? ByteView() : ByteView(given->value));
  }
  AddKey(*object, type, false);
  object->AddBool(CKA_SENSITIVE, sensitive.value_or(false));
  object->AddBool(CKA_EXTRACTABLE, extractable.value_or(true));
  object->AddBool(CKA_ALWAYS_SENSITIVE, false);
  object->AddBool(CKA_NEVER_EXTRACTABLE, false);
  for (const CK_ATTRIBUTE_TYPE use :
       {CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE}) {
    object->AddBool(use, false);
  }
  object->AddNumber(CKA_VALUE_LEN, size);
  // What is cut off is cut off in front (PKCS#11 current mechanisms, CKM_ECDH1_DERIVE).
  object->Add(CKA_VALUE, secret.last(size));
  return object;
}

}  // namespace simroot::pkcs11
