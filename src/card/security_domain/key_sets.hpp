// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "card/store/object_store.hpp"
#include "common/secure/scp03.hpp"

namespace simroot::card {

/// The three keys of a set, by their key identifier.
enum class KeyRole : std::uint8_t {
  kEnc = 0x01,  ///< SCP03: ENC; SCP80: KIc
  kMac = 0x02,  ///< SCP03: MAC; SCP80: KID
  kDek = 0x03,  ///< data encryption
};
inline constexpr std::array kKeyRoles{KeyRole::kEnc, KeyRole::kMac, KeyRole::kDek};

/// What a key set is for: its version number says so (GlobalPlatform UICC Configuration).
enum class KeySetUse : std::uint8_t { kScp80, kScp03 };
/// SCP80: 01 to 0F. SCP03: 30 to 3F. Nothing for any other version.
[[nodiscard]] constexpr std::optional<KeySetUse> UseOfVersion(std::uint8_t version) {
  if (version >= 0x01 && version <= 0x0F) {
    return KeySetUse::kScp80;
  }
  return version >= 0x30 && version <= 0x3F ? std::optional(KeySetUse::kScp03) : std::nullopt;
}

/// Three AES keys in the order of kKeyRoles; borrowed.
using KeySetValues = std::array<ByteView, kKeyRoles.size()>;

/// The key sets of a security domain as objects of its store: class secret key, identifier version || key identifier.
/// The permanent counter of a set's ENC is its sequence counter, that of its MAC the failed authentications in a row.
/// Borrows the store.
class KeySets {
 public:
  explicit KeySets(ObjectStore& store) : store_(store) {}

  /// True if all three keys of the set are there.
  [[nodiscard]] bool Exists(std::uint8_t version) const;
  /// The SCP03 set with the lowest version.
  [[nodiscard]] std::optional<std::uint8_t> Default() const;
  /// A key, borrowed until the next change of the store; empty if there is none.
  [[nodiscard]] ByteView Value(std::uint8_t version, KeyRole role) const;

  /// Advances the sequence counter of an existing set, permanently, and returns it: 1 to secure::kMaxSequence.
  /// @returns kFull when the counter has ended; kMemory.
  [[nodiscard]] Expected<std::uint32_t, StoreError> NextSequence(std::uint8_t version);
  [[nodiscard]] std::uint64_t Failures(std::uint8_t version) const;
  [[nodiscard]] Expected<void, StoreError> SetFailures(std::uint8_t version, std::uint64_t failures);

  /// Puts a whole set in place of set `old_version` (00: none), in one transaction; both counters start at 0.
  /// @returns kFull, kMemory.
  [[nodiscard]] Expected<void, StoreError> Replace(std::uint8_t old_version, std::uint8_t new_version,
                                                   const KeySetValues& values);

 private:
  [[nodiscard]] const StoredObject* Find(std::uint8_t version, KeyRole role) const;
  [[nodiscard]] Expected<void, StoreError> Prepare(std::uint8_t old_version, std::uint8_t new_version,
                                                   const KeySetValues& values);

  ObjectStore& store_;
};

/// Version and identifier of the key in an object of a security domain's store; nothing if it is no key.
struct KeyName {
  std::uint8_t version = 0;
  std::uint8_t identifier = 0;
};
[[nodiscard]] std::optional<KeyName> KeyNameOf(const StoredObject& object);

}  // namespace simroot::card
