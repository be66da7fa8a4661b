// SPDX-License-Identifier: Apache-2.0
#include "card/applet/public_keys.hpp"

#include "card/applet/algorithms.hpp"

namespace simroot::card {

std::optional<crypto::RsaPublicKey> RsaKeyOf(ByteView value) {
  ByteReader reader(value);
  crypto::RsaPublicKey key;
  if (!reader.ReadBytes(crypto::kRsaSize, key.modulus) || reader.empty() ||
      reader.remaining() > iotsafe::kMaxRsaExponentSize) {
    return std::nullopt;
  }
  key.exponent = reader.rest();
  return key;
}

iotsafe::PublicKeyView ViewOf(iotsafe::KeyType type, ByteView value) {
  if (!IsRsa(type)) {
    return {.point = value};
  }
  const crypto::RsaPublicKey key = RsaKeyOf(value).value_or(crypto::RsaPublicKey{});
  return {.modulus = key.modulus, .exponent = key.exponent};
}

bool PutPublicValue(crypto::Crypto& crypto, iotsafe::KeyType type, const iotsafe::PublicKeyView& key, ByteWriter& out) {
  if (const auto curve = CurveOf(type)) {
    out.PutBytes(key.point);
    return crypto.IsValidPoint(*curve, key.point) && out.ok();
  }
  if constexpr (!kFeatures.rsa) {
    return false;
  }
  // What tag 34 carries has 2048 bits and no leading zeros (ParseAnyPublicKeyValue); an even number is no modulus and
  // no exponent, and 1 leaves a message as it is.
  constexpr std::uint8_t kOdd = 1;
  if (!IsRsa(type) || key.modulus.empty() || key.exponent.empty() || (key.modulus.back() & kOdd) == 0 ||
      (key.exponent.back() & kOdd) == 0 || (key.exponent.size() == 1 && key.exponent.front() == 1)) {
    return false;
  }
  out.PutBytes(key.modulus);
  out.PutBytes(key.exponent);
  return out.ok();
}

}  // namespace simroot::card
