// SPDX-License-Identifier: Apache-2.0
#include "card/security_domain/key_sets.hpp"

namespace simroot::card {
namespace {

using iotsafe::ObjectClass;

constexpr StoreWriter kWriter = StoreWriter::kManagement;
constexpr std::uint8_t kFirstScp03Version = 0x30;
constexpr std::uint8_t kLastScp03Version = 0x3F;

[[nodiscard]] std::array<std::uint8_t, 2> IdOf(std::uint8_t version, KeyRole role) {
  return {version, static_cast<std::uint8_t>(role)};
}

}  // namespace

const StoredObject* KeySets::Find(std::uint8_t version, KeyRole role) const {
  return store_.Find({ObjectClass::kSecretKey, false, IdOf(version, role)});
}

bool KeySets::Exists(std::uint8_t version) const {
  return std::ranges::all_of(kKeyRoles, [&](KeyRole role) { return Find(version, role) != nullptr; });
}

std::optional<std::uint8_t> KeySets::Default() const {
  for (unsigned version = kFirstScp03Version; version <= kLastScp03Version; ++version) {
    if (Exists(LowByte(version))) {
      return LowByte(version);
    }
  }
  return std::nullopt;
}

ByteView KeySets::Value(std::uint8_t version, KeyRole role) const {
  const StoredObject* const key = Find(version, role);
  return key == nullptr ? ByteView() : store_.Value(*key);
}

Expected<std::uint32_t, StoreError> KeySets::NextSequence(std::uint8_t version) {
  const StoredObject* const key = Find(version, KeyRole::kEnc);
  if (key == nullptr || store_.Counter(*key) >= secure::kMaxSequence) {
    return Unexpected(StoreError::kFull);
  }
  store_.MarkCounterRises(*key);
  const std::uint64_t next = store_.Counter(*key) + 1;
  SR_TRY_VOID(store_.SetCounter(*key, next));
  return static_cast<std::uint32_t>(next);
}

std::uint64_t KeySets::Failures(std::uint8_t version) const {
  const StoredObject* const key = Find(version, KeyRole::kMac);
  return key == nullptr ? 0 : store_.Counter(*key);
}

Expected<void, StoreError> KeySets::SetFailures(std::uint8_t version, std::uint64_t failures) {
  const StoredObject* const key = Find(version, KeyRole::kMac);
  if (key == nullptr) {
    return Unexpected(StoreError::kMemory);
  }
  return store_.SetCounter(*key, failures);
}

Expected<void, StoreError> KeySets::Replace(std::uint8_t old_version, std::uint8_t new_version,
                                            const KeySetValues& values) {
  const auto prepared = Prepare(old_version, new_version, values);
  if (!prepared) {
    store_.Discard(kWriter);
    return prepared;
  }
  return store_.Commit(kWriter);
}

/// The old keys end and new objects take their names, so that the counters begin anew with the commit, not before.
Expected<void, StoreError> KeySets::Prepare(std::uint8_t old_version, std::uint8_t new_version,
                                            const KeySetValues& values) {
  for (const KeyRole role : kKeyRoles) {
    if (const StoredObject* const old = Find(old_version, role); old != nullptr) {
      SR_TRY_VOID(store_.StageDelete(*old, kWriter));
    }
  }
  auto value = values.begin();
  for (const KeyRole role : kKeyRoles) {
    iotsafe::ObjectInfo info;
    info.object_class = ObjectClass::kSecretKey;
    info.key_type = iotsafe::KeyType::kAes;
    if (!info.id.Assign(IdOf(new_version, role))) {
      return Unexpected(StoreError::kFull);
    }
    SR_TRY(const StoredObject* const key, store_.Create(info, {}, kWriter));
    if (role == KeyRole::kEnc) {
      store_.MarkCounterRises(*key);  // the sequence: an old one would let recorded sessions in again
    }
    SR_TRY_VOID(store_.Stage(*key, *value++, kWriter));
  }
  return {};
}

std::optional<KeyName> KeyNameOf(const StoredObject& object) {
  ByteReader id(object.info.id.view());
  KeyName name;
  if (object.info.object_class != ObjectClass::kSecretKey || !id.ReadU8(name.version) || !id.ReadU8(name.identifier) ||
      !id.empty()) {
    return std::nullopt;
  }
  return name;
}

}  // namespace simroot::card
