// SPDX-License-Identifier: Apache-2.0
#include "card/applet/applet.hpp"
#include "common/base/secret.hpp"

namespace simroot::card {
namespace {

wire::StatusWord ToStatusWord(StoreError error) {
  return error == StoreError::kFull ? wire::StatusWord::kInsufficientMemory : wire::StatusWord::kIntegrityIssue;
}

}  // namespace

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
  const auto curve = CurveOf(private_key.info.key_type);
  if (!Has(private_key.info.access, iotsafe::Access::kUpdatable) ||
      !Has(private_key.info.functions, iotsafe::Function::kKeyGeneration) || public_key == nullptr || !curve) {
    return Sw::kConditionsNotSatisfied;
  }
  SecretArray<crypto::kP256ScalarSize> scalar;
  std::array<std::uint8_t, crypto::kP256PointSize> point{};
  if (!crypto_.GenerateKeyPair(*curve, scalar.Prepare(crypto::kP256ScalarSize), point)) {
    return Sw::kOtherError;
  }
  auto stored = store_.Stage(private_key, scalar.Reveal(InsecureReveal::kForStore));
  if (stored) {
    stored = store_.Stage(*public_key, point);
  }
  if (stored) {
    stored = store_.Commit();
  }
  if (!stored) {
    store_.Discard();
    return ToStatusWord(stored.error());
  }
  crypto_.ForgetKey(store_.SlotOf(private_key));
  iotsafe::PutGeneratedKeyPair({private_key.info.id.view(), public_key->info.id.view(), point}, call.response);
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
  if ((*object)->info.state != iotsafe::ObjectState::kActivated) {
    return Sw::kConditionsNotSatisfied;
  }
  iotsafe::PutPublicKeyData(store_.Value(**object), call.response);
  return Sw::kOk;
}

}  // namespace simroot::card
