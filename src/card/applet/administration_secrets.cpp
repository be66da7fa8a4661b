// SPDX-License-Identifier: Apache-2.0
// LOAD SECRET, SET PIN, UNBLOCK PIN. Secrets travel under the data encryption key besides the enciphering of the
// secured channel, with a check value over the clear bytes.
#include "card/applet/administration.hpp"
#include "card/applet/user_pin.hpp"

namespace simroot::card {
namespace {

using iotsafe::AdminField;
using iotsafe::KeyType;
using iotsafe::ObjectClass;
using iotsafe::Tag;
using wire::StatusWord;

/// GlobalPlatform Amendment D 4.1.4: the check value of an AES key is the start of this block enciphered.
constexpr std::array<std::uint8_t, crypto::kAesBlockSize> kCheckText{0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
                                                                     0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01};

[[nodiscard]] bool FitsType(KeyType type, std::size_t size) {
  switch (type) {
    case KeyType::kHmac:
      return size >= 1 && size <= iotsafe::kMaxSecretSize;
    case KeyType::kAesCmac:
      return size == 16;
    case KeyType::kAes:
      return size == 16 || size == 32;
    case KeyType::kUserPin:
      return size >= kMinUserPinSize && size <= kMaxUserPinSize;
    default:
      return false;
  }
}

/// Other secrets: the start of their SHA-256.
[[nodiscard]] bool HashSecret(crypto::Crypto& crypto, ByteView value, ByteSpan memory) {
  constexpr auto kHash = crypto::HashAlgorithm::kSha256;
  crypto::HashState state;
  if (!crypto.HashBegin(kHash, state)) {
    return false;
  }
  if (!crypto.HashUpdate(state, value)) {
    crypto.HashAbort(state);
    return false;
  }
  return crypto.HashFinish(state, memory.first(DigestSize(kHash)));
}

[[nodiscard]] iotsafe::ObjectRef PinRef() {
  return {ObjectClass::kSecretKey, false, kUserPinId};
}

}  // namespace

bool Administration::HasCheckValue(KeyType type, ByteView value, ByteView expected) {
  std::array<std::uint8_t, crypto::kMaxDigestSize> memory{};
  const bool is_aes = type == KeyType::kAes || type == KeyType::kAesCmac;
  const std::array<std::uint8_t, crypto::kAesBlockSize> iv{};
  const bool made = is_aes ? crypto_.AesCbc(crypto::Direction::kEncrypt, value, iv, kCheckText,
                                            ByteSpan(memory).first(crypto::kAesBlockSize))
                           : HashSecret(crypto_, value, memory);
  const bool same = made && SameSecret(ByteView(memory).first(iotsafe::kKeyCheckValueSize), expected);
  Wipe(memory);
  return same;
}

template <std::size_t kMax>
Expected<ByteView, StatusWord> Administration::Decipher(const Call& call, KeyType type, SecretArray<kMax>& memory) {
  const auto size = call.data.FindU16(Code(AdminField::kTotalSize));
  const auto enciphered = call.data.Find(AdminField::kEncipheredKey);
  const auto check_value = call.data.Find(AdminField::kKeyCheckValue);
  if (!size || !enciphered || !check_value || !FitsType(type, *size) ||
      enciphered->size() != (*size + crypto::kAesBlockSize - 1) / crypto::kAesBlockSize * crypto::kAesBlockSize) {
    return Unexpected(Sw::kIncorrectData);
  }
  const ByteSpan clear = memory.Prepare(enciphered->size());
  if (clear.empty()) {
    return Unexpected(Sw::kIncorrectData);
  }
  if (!call.keys.Unwrap(*enciphered, clear)) {
    return Unexpected(Sw::kConditionsNotSatisfied);
  }
  const ByteView value = memory.Reveal(InsecureReveal::kForStore).first(*size);
  const ByteView padding = memory.Reveal(InsecureReveal::kForStore).subspan(*size);
  const bool padded = std::ranges::all_of(padding, [](std::uint8_t byte) { return byte == 0; });
  if (!padded || !HasCheckValue(type, value, *check_value)) {
    return Unexpected(Sw::kIncorrectData);
  }
  return value;
}

StatusWord Administration::LoadSecret(const Call& call) {
  const auto object = FindObject(call, {ObjectClass::kSecretKey});
  if (!object) {
    return object.error();
  }
  if (!call.data.HasOnly({Code(Tag::kSecretKeyId), Code(Tag::kSecretKeyLabel), Code(AdminField::kTotalSize),
                          Code(AdminField::kEncipheredKey), Code(AdminField::kKeyCheckValue)})) {
    return Sw::kIncorrectData;
  }
  if ((*object)->info.key_type == KeyType::kUserPin) {
    return Sw::kConditionsNotSatisfied;
  }
  SecretArray<iotsafe::kMaxEncipheredPiece> memory;
  const auto value = Decipher(call, (*object)->info.key_type, memory);
  return value ? Stage(**object, *value) : value.error();
}

StatusWord Administration::SetPin(const Call& call) {
  if (!call.data.HasOnly(
          {Code(AdminField::kTotalSize), Code(AdminField::kEncipheredKey), Code(AdminField::kKeyCheckValue)})) {
    return Sw::kIncorrectData;
  }
  SecretArray<crypto::kAesBlockSize> memory;
  const auto pin = Decipher(call, KeyType::kUserPin, memory);
  return pin ? ReplacePin(*pin) : pin.error();
}

StatusWord Administration::UnblockPin(const Call& call) {
  const StoredObject* const object = store_.FindFor(StoreWriter::kManagement, PinRef());
  if (!call.data.HasOnly({})) {
    return Sw::kIncorrectData;
  }
  SecretArray<kMaxUserPinSize> pin;
  if (object == nullptr || !pin.Assign(ValueOf(*object))) {
    return Sw::kConditionsNotSatisfied;
  }
  return ReplacePin(pin.Reveal(InsecureReveal::kForStore));
}

// A new object has no failed tries: value and counter change with one commit.
StatusWord Administration::ReplacePin(ByteView pin) {
  if (const StoredObject* const old = store_.FindFor(StoreWriter::kManagement, PinRef())) {
    const StatusWord sw = Prepare([&] { return store_.StageDelete(*old, StoreWriter::kManagement); });
    if (sw != Sw::kOk) {
      return sw;
    }
  }
  iotsafe::ObjectInfo info;
  info.object_class = ObjectClass::kSecretKey;
  info.key_type = KeyType::kUserPin;
  if (!info.id.Assign(kUserPinId)) {
    return Sw::kOtherError;
  }
  const auto created = store_.Create(info, {}, StoreWriter::kManagement);
  return created ? Stage(**created, pin) : Refusal(created.error());
}

}  // namespace simroot::card
