// SPDX-License-Identifier: Apache-2.0
#include "card/applet/applet.hpp"
#include "card/applet/public_keys.hpp"

namespace simroot::card {

// GENERATE KEY PAIR (2.11). The container decides the type of the key. Both halves become valid together or not at all.
wire::StatusWord Applet::GenerateKeyPair(const Call& call) {
  using iotsafe::ObjectClass;
  const auto data =
      CommandData::Parse(call.command.data, {iotsafe::Tag::kPrivateKeyId, iotsafe::Tag::kPrivateKeyLabel});
  if (!data) {
    return ToStatusWord(data.error());
  }
  const auto found = FindObject(*data, ObjectClass::kPrivateKey);
  if (!found) {
    return found.error();
  }
  const StoredObject& private_key = **found;
  const StoredObject* const public_key = store_.Find({ObjectClass::kPublicKey, false, private_key.pair_id.view()});
  if (!Has(private_key.info.access, iotsafe::Access::kUpdatable) ||
      !Has(private_key.info.functions, iotsafe::Function::kKeyGeneration) || public_key == nullptr ||
      !IsOffered(private_key.info.key_type)) {
    return Sw::kConditionsNotSatisfied;
  }
  const Sw made = key_maker_.Prepare(private_key, *public_key, StoreWriter::kDevice);
  if (made != Sw::kOk) {
    store_.Discard();
    return made;
  }
  if (const auto stored = store_.Commit(); !stored) {
    store_.Discard();
    return ToStatusWord(stored.error());
  }
  crypto_.ForgetKey(store_.SlotOf(private_key));
  const iotsafe::PublicKeyView key = ViewOf(public_key->info.key_type, store_.Value(*public_key));
  iotsafe::PutGeneratedKeyPair(
      {private_key.info.id.view(), public_key->info.id.view(), key.point, key.modulus, key.exponent}, call.response);
  return Sw::kOk;
}

// READ PUBLIC KEY (2.22): always allowed once there is a key; a public key is no secret.
wire::StatusWord Applet::ReadPublicKey(const Call& call) {
  const auto data = CommandData::Parse(call.command.data, {iotsafe::Tag::kPublicKeyId, iotsafe::Tag::kPublicKeyLabel});
  if (!data) {
    return ToStatusWord(data.error());
  }
  const auto object = FindObject(*data, iotsafe::ObjectClass::kPublicKey);
  if (!object) {
    return object.error();
  }
  const iotsafe::ObjectInfo& info = (*object)->info;
  if (info.state != iotsafe::ObjectState::kActivated || !IsOffered(info.key_type)) {
    return Sw::kConditionsNotSatisfied;
  }
  iotsafe::PutPublicKeyData(ViewOf(info.key_type, store_.Value(**object)), call.response);
  return Sw::kOk;
}

}  // namespace simroot::card
