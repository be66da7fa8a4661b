// SPDX-License-Identifier: Apache-2.0
// GENERATE and LOAD KEY.
#include "card/applet/administration.hpp"
#include "card/applet/public_keys.hpp"

namespace simroot::card {
namespace {

using iotsafe::AdminField;
using iotsafe::KeyType;
using iotsafe::ObjectClass;
using iotsafe::Tag;
using wire::StatusWord;

/// Bytes of the private key of a type in clear: exact for elliptic curves, a limit for RSA.
[[nodiscard]] std::size_t MaxPrivateSize(KeyType type) {
  const auto curve = CurveOf(type);
  return curve ? crypto::ScalarSize(*curve) : crypto::kMaxRsaPrivateSize;
}
/// Tag 34 with the longest key, in any form of length.
constexpr std::size_t kMaxPublicKeyData = 4 * 4 + kMaxPublicValue;

}  // namespace

const StoredObject* Administration::PublicHalfOf(const StoredObject& private_key) const {
  const StoredObject after = store_.After(private_key, StoreWriter::kManagement);
  return store_.FindFor(StoreWriter::kManagement, {ObjectClass::kPublicKey, false, after.pair_id.view()});
}

StatusWord Administration::Generate(const Call& call) {
  const auto private_key = FindObject(call, {ObjectClass::kPrivateKey});
  if (!private_key) {
    return private_key.error();
  }
  if (call.data.size() != 1) {
    return Sw::kIncorrectData;
  }
  // A volatile container is the device's to fill: it does so for every connection.
  const StoredObject* const public_key = PublicHalfOf(**private_key);
  if (public_key == nullptr || (*private_key)->IsVolatile()) {
    return Sw::kConditionsNotSatisfied;
  }
  if (store_.HasPrepared(StoreWriter::kDevice)) {
    store_.Discard(StoreWriter::kDevice);  // a file half written must not keep the pair from being made
  }
  const StatusWord sw = key_maker_.Prepare(**private_key, *public_key, StoreWriter::kManagement);
  if (sw == Sw::kOk) {
    PutPair(call, **private_key);
  }
  return sw;
}

void Administration::PutPair(const Call& call, const StoredObject& private_key) const {
  std::array<std::uint8_t, 2 * (2 + iotsafe::kMaxIdSize) + kMaxPublicKeyData> memory{};
  ByteWriter answer(memory);
  wire::PutTlv(Code(Tag::kPrivateKeyId), private_key.info.id.view(), answer);
  if (const StoredObject* const public_key = PublicHalfOf(private_key)) {
    wire::PutTlv(Code(Tag::kPublicKeyId), public_key->info.id.view(), answer);
    const std::size_t without_key = answer.size();
    iotsafe::PutPublicKeyData(ViewOf(public_key->info.key_type, ValueOf(*public_key)), answer);
    if (!answer.ok() || answer.size() + 1 + wire::BerLengthSize(answer.size()) > call.response.free()) {
      answer.Truncate(without_key);  // READ gives it in pieces
    }
  }
  wire::PutBerTlv(Code(call.command), answer.written(), call.response);
}

StatusWord Administration::LoadKey(const Call& call) {
  const auto object = FindObject(call, {ObjectClass::kPrivateKey, ObjectClass::kPublicKey});
  if (!object) {
    return object.error();
  }
  const bool is_private = (*object)->info.object_class == ObjectClass::kPrivateKey;
  const iotsafe::ClassTags& tags = TagsOf((*object)->info.object_class);
  const std::uint8_t piece = Code(is_private ? AdminField::kEncipheredKey : AdminField::kContent);
  if (!call.data.HasOnly(
          {Code(tags.id), Code(tags.label), Code(AdminField::kOffset), Code(AdminField::kTotalSize), piece})) {
    return Sw::kIncorrectData;
  }
  if ((*object)->IsVolatile()) {
    return Sw::kConditionsNotSatisfied;
  }
  const auto complete =
      is_private
          ? TakeEncipheredPiece(call, **object, MaxPrivateSize((*object)->info.key_type))
          : TakePiece(call, **object, call.data.Find(AdminField::kContent).value_or(ByteView()), kMaxPublicKeyData);
  if (!complete || !*complete) {
    return complete ? Sw::kOk : complete.error();
  }
  return is_private ? FinishPrivateKey(call, **object) : FinishPublicKey(**object);
}

// The public half follows from the private one, so that a pair is never of two keys.
StatusWord Administration::FinishPrivateKey(const Call& call, const StoredObject& object) {
  const KeyType type = object.info.key_type;
  std::array<std::uint8_t, kMaxPublicValue> memory{};
  const auto half = PublicHalf(crypto_, type, ValueOf(object), memory);
  if (!half) {
    return Sw::kIncorrectData;
  }
  if (const StoredObject* const public_key = PublicHalfOf(object)) {
    if (public_key->info.key_type != type) {
      return Sw::kConditionsNotSatisfied;
    }
    const std::size_t size = half->curve ? half->point.size() : half->rsa.modulus.size() + half->rsa.exponent.size();
    const StatusWord sw = Stage(*public_key, ByteView(memory).first(size));
    if (sw != Sw::kOk) {
      return sw;
    }
  }
  PutPair(call, object);
  return Sw::kOk;
}

StatusWord Administration::FinishPublicKey(const StoredObject& object) {
  ByteReader reader(ValueOf(object));
  wire::Tlv data;
  if (!wire::ReadBerTlv(reader, data) || data.tag != Code(Tag::kPublicKeyData) || !reader.empty()) {
    return Sw::kIncorrectData;
  }
  const auto key = iotsafe::ParseAnyPublicKeyValue(data.value);
  std::array<std::uint8_t, kMaxPublicValue> memory{};
  ByteWriter value(memory);
  if (!key || !PutPublicValue(crypto_, object.info.key_type, *key, value)) {
    return Sw::kIncorrectData;
  }
  return Stage(object, value.written());
}

}  // namespace simroot::card
