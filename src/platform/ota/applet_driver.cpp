// SPDX-License-Identifier: Apache-2.0
#include "platform/ota/applet_driver.hpp"

#include "common/iotsafe/objects.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::platform {
namespace {

using iotsafe::KeyType;

/// Bytes of a SubjectPublicKeyInfo and of a signature in DER, by the key types of a policy.
struct KeyTypeSizes {
  std::string_view name;
  iotsafe::KeyType persistent;
  iotsafe::KeyType transient;
  std::size_t public_key;
  std::size_t algorithm;  ///< AlgorithmIdentifier of the signature
  std::size_t least_signature;
  std::size_t most_signature;
};
constexpr std::array kKeyTypeSizes{
    KeyTypeSizes{"p256", KeyType::kP256Persistent, KeyType::kP256Volatile, 91, 12, 8, 72},
    KeyTypeSizes{"brainpoolP256r1", KeyType::kBrainpoolP256Persistent, KeyType::kBrainpoolP256Volatile, 92, 12, 8, 72},
    KeyTypeSizes{"p384", KeyType::kP384Persistent, KeyType::kP384Volatile, 120, 12, 8, 104},
    KeyTypeSizes{"rsa2048", KeyType::kRsa2048, KeyType::kRsa2048, 294, 15, 256, 256},
};

/// Bytes of an element in DER whose value has `length` bytes.
constexpr std::size_t ElementSize(std::size_t length) {
  return 1 + wire::BerLengthSize(length) + length;
}

}  // namespace

std::string ObjectKey::Text() const {
  return std::string(TagsOf(object_class).name) + " " + ToHex(ByteView(&id, 1));
}

const AppletDriver& ChooseDriver(const std::string& profile) {
  return profile == "ntt" ? NttDriver() : SimrootDriver();
}

std::vector<std::size_t> PieceOffsets(std::size_t least, std::size_t most, std::size_t piece) {
  std::vector<std::size_t> offsets{0};
  while (offsets.back() + piece < most && offsets.back() < least) {
    offsets.push_back(std::min(offsets.back() + piece, least));
  }
  return offsets;
}

std::optional<std::string> NameOfKeyType(KeyType type) {
  const auto* const row = std::ranges::find_if(
      kKeyTypeSizes, [&](const KeyTypeSizes& sizes) { return sizes.persistent == type || sizes.transient == type; });
  return row == kKeyTypeSizes.end() ? std::nullopt : std::optional(std::string(row->name));
}

std::optional<SizeRange> RequestSize(const std::string& key_type, std::size_t subject_size) {
  const auto* const row = std::ranges::find(kKeyTypeSizes, key_type, &KeyTypeSizes::name);
  if (row == kKeyTypeSizes.end()) {
    return std::nullopt;
  }
  constexpr std::size_t kVersionAndAttributes = 3 + 2;
  const std::size_t info = ElementSize(kVersionAndAttributes + subject_size + row->public_key);
  const auto with_signature = [&](std::size_t signature) {
    return ElementSize(info + row->algorithm + ElementSize(1 + signature));  // 1: its unused bits
  };
  return SizeRange{with_signature(row->least_signature), with_signature(row->most_signature)};
}

}  // namespace simroot::platform
