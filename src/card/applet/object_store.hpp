// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/port/nvm.hpp"
#include "common/crypto/port.hpp"
#include "common/iotsafe/objects.hpp"

namespace simroot::card {

/// One object of the store. The value is the scalar (32 bytes) of a private key, the point (65 bytes) of a public key,
/// the content of a file, or the bytes of a secret; it lives in the store's arena.
struct StoredObject {
  iotsafe::ObjectInfo info;
  iotsafe::ObjectId pair_id;        ///< private keys: identifier of the public half
  std::uint32_t offset = 0;         ///< of the value in the arena
  std::uint32_t size = 0;           ///< bytes of the value; 0 when the container is empty
  std::uint32_t staged_offset = 0;  ///< of the value that Commit will make current
  std::uint32_t staged_size = 0;
  bool staged = false;
  std::uint32_t generation = 0;  ///< changes whenever the value changes; never persistent

  /// Key types 14 and 24: the value is lost with power, the container stays.
  [[nodiscard]] bool IsVolatile() const;
};

/// What Load found.
enum class StoreState : std::uint8_t {
  kBlank,  ///< memory never formatted
  kIntact,
  kDamaged,  ///< neither copy passes its check: every command answers 6400
};

/// Why a change was refused.
enum class StoreError : std::uint8_t {
  kFull,       ///< no room for the object or its value (6A84)
  kDuplicate,  ///< identifier or label is taken in this class
  kMemory,     ///< the non-volatile memory failed; the old content stands (6400)
};

/// The objects of one applet instance. Owns nothing: `memory` and the NVM outlive the store and are all it uses.
/// The NVM range holds two copies of the whole content; a change is written to the older copy and becomes valid with
/// its header, so after loss of power at any write the content is the one before or the one after
/// (docs/formats/nvm.md).
class ObjectStore {
 public:
  struct Memory {
    std::span<StoredObject> objects;
    ByteSpan arena;
  };
  /// The part of the NVM that belongs to the store.
  struct Range {
    std::size_t offset = 0;
    std::size_t size = 0;
  };

  ObjectStore(Nvm& nvm, Range range, Memory memory) : nvm_(nvm), range_(range), memory_(memory) {}
  ObjectStore(const ObjectStore&) = delete;
  ObjectStore& operator=(const ObjectStore&) = delete;
  ~ObjectStore();

  /// Has every later change marked with a number from `crypto`, which outlives the store: see epoch().
  void UseRandom(crypto::Crypto& crypto) { random_ = &crypto; }

  /// Reads the content from the NVM. Volatile values are empty afterwards.
  StoreState Load();
  /// Makes the memory an empty, valid store. Everything in it is gone.
  [[nodiscard]] bool Format();

  [[nodiscard]] StoreState state() const { return state_; }
  /// Number of committed changes of this memory, Format among them: what the change counter of GET DATA shows.
  [[nodiscard]] std::uint32_t change_counter() const { return sequence_; }
  /// A random number drawn with the last change, so that two memories with the same change counter are not taken for
  /// one another: a copy that went its own way, a card made anew under an old ICCID. 0 without UseRandom.
  [[nodiscard]] std::uint32_t epoch() const { return epoch_; }
  [[nodiscard]] std::span<const StoredObject> objects() const { return memory_.objects.first(count_); }
  [[nodiscard]] std::size_t capacity() const { return memory_.objects.size(); }

  /// The object a reference means, or nullptr. Identifiers are compared byte for byte and by length.
  [[nodiscard]] const StoredObject* Find(const iotsafe::ObjectRef& ref) const;
  /// Position of an object of this store: its slot for the crypto port.
  [[nodiscard]] std::uint16_t SlotOf(const StoredObject& object) const;
  /// The value, borrowed until the next change of the store.
  [[nodiscard]] ByteView Value(const StoredObject& object) const;

  /// Adds an empty container; permanent with the next Commit.
  [[nodiscard]] Expected<const StoredObject*, StoreError> Create(const iotsafe::ObjectInfo& info,
                                                                 const iotsafe::ObjectId& pair_id);
  /// Prepares a new value. Nothing is visible before Commit; Discard forgets it. An empty value empties the container.
  [[nodiscard]] Expected<void, StoreError> Stage(const StoredObject& object, ByteView value);
  /// Makes everything staged or created visible, and permanent unless only volatile values changed. On an error nothing
  /// changes and what was staged is forgotten.
  [[nodiscard]] Expected<void, StoreError> Commit();
  void Discard();

  /// Loss of power: volatile values are wiped.
  void DropVolatile();

 private:
  friend class StoreImage;

  [[nodiscard]] std::uint32_t DrawEpoch();
  void Apply(StoredObject& object);
  void Release(std::uint32_t offset, std::uint32_t size);
  [[nodiscard]] bool IsTaken(const iotsafe::ObjectInfo& info) const;

  Nvm& nvm_;
  Range range_;
  Memory memory_;
  std::size_t count_ = 0;
  std::size_t committed_count_ = 0;  ///< objects from here on were created and not yet committed
  std::uint32_t arena_used_ = 0;
  std::uint32_t next_generation_ = 1;
  std::uint32_t sequence_ = 0;
  std::uint32_t epoch_ = 0;
  crypto::Crypto* random_ = nullptr;
  std::uint8_t active_copy_ = 0;
  StoreState state_ = StoreState::kBlank;
};

/// A store's memory, sized at compile time.
template <std::size_t kObjects, std::size_t kArenaBytes>
struct ObjectStoreMemory {
  std::array<StoredObject, kObjects> objects{};
  std::array<std::uint8_t, kArenaBytes> arena{};
  [[nodiscard]] ObjectStore::Memory view() { return {objects, arena}; }
};

}  // namespace simroot::card
