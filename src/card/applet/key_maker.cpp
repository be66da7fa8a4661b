// SPDX-License-Identifier: Apache-2.0
#include "card/applet/key_maker.hpp"

#include "card/applet/algorithms.hpp"
#include "card/applet/public_keys.hpp"

namespace simroot::card {

using wire::StatusWord;

StatusWord KeyMaker::Prepare(const StoredObject& private_key, const StoredObject& public_key, StoreWriter writer) {
  const iotsafe::KeyType type = private_key.info.key_type;
  if (public_key.info.key_type != type) {
    return StatusWord::kConditionsNotSatisfied;
  }
  if (const auto curve = CurveOf(type)) {
    return PrepareCurve(private_key, public_key, *curve, writer);
  }
  if constexpr (kFeatures.rsa) {
    if (IsRsa(type) && scratch_.size() >= crypto::kMaxRsaPrivateSize) {
      return PrepareRsa(private_key, public_key, writer);
    }
  }
  return StatusWord::kConditionsNotSatisfied;
}

StatusWord KeyMaker::PrepareCurve(const StoredObject& private_key, const StoredObject& public_key, crypto::Curve curve,
                                  StoreWriter writer) {
  SecretArray<crypto::kMaxScalarSize> scalar;
  std::array<std::uint8_t, crypto::kMaxPointSize> memory{};
  const ByteSpan point = ByteSpan(memory).first(PointSize(curve));
  if (!crypto_.GenerateKeyPair(curve, scalar.Prepare(ScalarSize(curve)), point)) {
    return StatusWord::kOtherError;
  }
  return Stage(private_key, scalar.Reveal(InsecureReveal::kForStore), public_key, point, writer);
}

StatusWord KeyMaker::PrepareRsa(const StoredObject& private_key, const StoredObject& public_key, StoreWriter writer) {
  const ByteSpan der = scratch_.first(crypto::kMaxRsaPrivateSize);
  std::size_t der_size = 0;
  std::array<std::uint8_t, crypto::kRsaSize + crypto::kRsaExponentSize> value{};
  const ByteSpan modulus = ByteSpan(value).first(crypto::kRsaSize);
  const ByteSpan exponent = ByteSpan(value).last(crypto::kRsaExponentSize);
  const StatusWord sw = crypto_.GenerateRsa(der, der_size, modulus, exponent)
                            ? Stage(private_key, der.first(der_size), public_key, value, writer)
                            : StatusWord::kOtherError;
  Wipe(der);
  return sw;
}

StatusWord KeyMaker::Stage(const StoredObject& private_key, ByteView secret, const StoredObject& public_key,
                           ByteView open, StoreWriter writer) {
  auto staged = store_.Stage(private_key, secret, writer);
  if (staged) {
    store_.MarkMadeOnCard(private_key, writer);
    staged = store_.Stage(public_key, open, writer);
  }
  return staged ? StatusWord::kOk : ToStatusWord(staged.error());
}

}  // namespace simroot::card
