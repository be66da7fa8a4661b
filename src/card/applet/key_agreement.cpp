// SPDX-License-Identifier: Apache-2.0
#include "card/applet/algorithms.hpp"
#include "card/applet/applet.hpp"

namespace simroot::card {

// COMPUTE DH (2.6): the X coordinate of the shared point, 32 bytes (48 on P-384), without an element around it.
wire::StatusWord Applet::ComputeDh(const Call& call) {
  using iotsafe::ObjectState;
  using iotsafe::Tag;
  const auto data = CommandData::Parse(
      call.command.data, {Tag::kPrivateKeyId, Tag::kPrivateKeyLabel, Tag::kPublicKeyId, Tag::kPublicKeyLabel});
  if (!data) {
    return ToStatusWord(data.error());
  }
  const auto private_key = FindObject(*data, iotsafe::ObjectClass::kPrivateKey);
  if (!private_key) {
    return private_key.error();
  }
  const auto public_key = FindObject(*data, iotsafe::ObjectClass::kPublicKey);
  if (!public_key) {
    return public_key.error();
  }
  const iotsafe::ObjectInfo& own = (*private_key)->info;
  const iotsafe::ObjectInfo& peer = (*public_key)->info;
  const auto curve = CurveOf(own.key_type);
  if (own.state != ObjectState::kActivated || peer.state != ObjectState::kActivated ||
      !Has(own.functions, iotsafe::Function::kKeyAgreement) || !Has(own.key_agreement, iotsafe::KeyAgreement::kEcka) ||
      !curve || !IsOffered(own.key_type) || curve != CurveOf(peer.key_type)) {
    return Sw::kConditionsNotSatisfied;
  }
  const ByteSpan shared = call.response.Reserve(ScalarSize(*curve));
  if (shared.empty() || !crypto_.Ecdh(PrivateKeyOf(**private_key), store_.Value(**public_key), shared)) {
    call.response.Truncate(0);
    return Sw::kOtherError;
  }
  return Sw::kOk;
}

}  // namespace simroot::card
