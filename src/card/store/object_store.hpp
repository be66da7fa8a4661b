// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "card/port/nvm.hpp"
#include "card/store/stored_object.hpp"
#include "common/base/result.hpp"
#include "common/crypto/port.hpp"

namespace simroot::card {

/// What Load found.
enum class StoreState : std::uint8_t {
  kBlank,  ///< memory never formatted
  kIntact,
  kDamaged,  ///< the memory does not pass its checks, or nobody knows what it holds: every command answers 6400
};

/// Why a change was refused.
enum class StoreError : std::uint8_t {
  kFull,       ///< no room for the object or its value (6A84)
  kDuplicate,  ///< identifier or label is taken in this class
  kBusy,       ///< the other writer has prepared a change of the object, or the name (6984 for the device)
  kMemory,     ///< the non-volatile memory failed; the old content stands, or state() is kDamaged (6400)
};

/// What Repair could not save.
struct StoreLoss {
  bool everything = false;        ///< no object could be read
  std::uint32_t lost_places = 0;  ///< places of the log where changes were and are no more
  std::uint32_t emptied = 0;      ///< objects whose value was damaged: see StoredObject::lost_value
  std::uint32_t dropped = 0;      ///< objects that contradict another one, and records without their object
};

struct StoreChange;

/// The objects of one applet instance. Owns nothing: `memory` and the NVM outlive the store and are all it uses.
/// The NVM range holds a log of changes; a change is permanent with the header of its transaction, so after loss of
/// power at any moment the content is the one before or the one after (docs/formats/nvm.md).
///
/// Two writers prepare changes without seeing each other's: a command of the device and a management session. What one
/// has prepared is forgotten by its own Discard, by an error of its Commit, and by loss of power. A slot never moves
/// while its object lives.
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

  /// Bytes that a value has at most.
  static constexpr std::size_t kMaxValueSize = 0xFFFF;

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

  /// Makes an intact store of what can still be read; what was intact already stays as it is. Values that do not pass
  /// their check are removed. Where changes are lost, objects may have an older state, and every counter from which
  /// numbers are taken is advanced by 65,536, so that they do not repeat. False if the memory fails.
  [[nodiscard]] bool Repair(StoreLoss& loss);

  [[nodiscard]] StoreState state() const { return state_; }
  /// Number of committed changes of this memory, Format among them: what the change counter of GET DATA shows.
  [[nodiscard]] std::uint32_t change_counter() const { return sequence_; }
  /// A random number drawn with the last change, so that two memories with the same change counter are not taken for
  /// one another: a copy that went its own way, a card made anew under an old ICCID. 0 without UseRandom.
  [[nodiscard]] std::uint32_t epoch() const { return epoch_; }
  /// Every object that exists for the device, in slot order. A slot that was freed is used again.
  [[nodiscard]] VisibleObjects objects() const { return VisibleObjects(memory_.objects); }
  /// The object of a class that was created next after the one with the serial number `after` (0: the first), or
  /// nullptr. The order of GET DATA (spec 4.1).
  [[nodiscard]] const StoredObject* NextCreated(iotsafe::ObjectClass object_class, std::uint32_t after) const;
  /// What is in a slot; an object that is not visible if it was freed.
  [[nodiscard]] const StoredObject& At(std::uint16_t slot) const { return memory_.objects[slot]; }
  [[nodiscard]] std::size_t capacity() const { return memory_.objects.size(); }
  /// Bytes that values to come may take.
  [[nodiscard]] std::size_t free_bytes() const { return memory_.arena.size() - arena_used_; }

  /// The object a reference means, or nullptr. Identifiers are compared byte for byte and by length.
  [[nodiscard]] const StoredObject* Find(const iotsafe::ObjectRef& ref) const;
  /// Position of an object of this store: its slot for the crypto port.
  [[nodiscard]] std::uint16_t SlotOf(const StoredObject& object) const;
  /// The value, borrowed until the next change of the store.
  [[nodiscard]] ByteView Value(const StoredObject& object) const;

  /// Adds an empty container; visible to others with the next Commit of `writer`. The identifier and label of an object
  /// that `writer` has staged for deletion are free again. @returns kBusy if the other writer has prepared the name.
  [[nodiscard]] Expected<const StoredObject*, StoreError> Create(const iotsafe::ObjectInfo& info,
                                                                 const iotsafe::ObjectId& pair_id,
                                                                 StoreWriter writer = StoreWriter::kDevice);
  /// Prepares a new value. Nothing is visible before Commit; Discard forgets it. An empty value empties the container.
  /// @param value is not a value of this store. @returns kBusy if the other writer has prepared a change of the object,
  /// or `writer` its deletion; kFull if the value does not fit: what was staged for the object before is then
  /// forgotten.
  [[nodiscard]] Expected<void, StoreError> Stage(const StoredObject& object, ByteView value,
                                                 StoreWriter writer = StoreWriter::kDevice);
  /// Marks the value that `writer` has staged as made on this card. A value staged anew is loaded again.
  void MarkMadeOnCard(const StoredObject& object, StoreWriter writer);
  /// Adds to a staged value, or begins one. On an error the value stays as it was.
  [[nodiscard]] Expected<void, StoreError> StageMore(const StoredObject& object, ByteView piece, StoreWriter writer);
  /// Prepares another description: label, access, usage and what else is no identifier, class or key type; `pair_id`,
  /// `issuer_id` and `made_by_device` are taken from `like`, too. @returns kDuplicate or kBusy if the label is taken.
  [[nodiscard]] Expected<void, StoreError> StageInfo(const StoredObject& object, const StoredObject& like,
                                                     StoreWriter writer);
  /// Prepares the end of an object. One that `writer` has created and not committed ends at once.
  [[nodiscard]] Expected<void, StoreError> StageDelete(const StoredObject& object, StoreWriter writer);
  /// Makes everything that `writer` has prepared visible, and permanent unless only volatile values changed. On an
  /// error nothing changes and what was prepared is forgotten. Replaced and deleted values are gone from the NVM
  /// afterwards. An object whose value comes from the device is `made_by_device` from then on, until management fills
  /// it.
  [[nodiscard]] Expected<void, StoreError> Commit(StoreWriter writer = StoreWriter::kDevice);
  void Discard(StoreWriter writer = StoreWriter::kDevice);

  /// The object as `writer` sees it: what it has created is there, what it has staged for deletion is not.
  [[nodiscard]] const StoredObject* FindFor(StoreWriter writer, const iotsafe::ObjectRef& ref) const;
  /// A copy of the object with the description, and the origin of the value, that `writer` has prepared.
  [[nodiscard]] StoredObject After(const StoredObject& object, StoreWriter writer) const;
  /// The value as `writer` sees it, staged or current; borrowed until the next change of the store.
  [[nodiscard]] ByteView ValueFor(StoreWriter writer, const StoredObject& object) const;
  /// True if a management session has prepared a change of the object: the device gets 6984 (spec 9).
  [[nodiscard]] bool IsUnderUpdate(const StoredObject& object) const;
  /// True if `writer` has prepared anything.
  [[nodiscard]] bool HasPrepared(StoreWriter writer) const;

  /// Permanent number of an object, 0 at first: attempts of a PIN, sequence of a secured channel. For an object from
  /// which numbers are taken: the next one.
  [[nodiscard]] std::uint64_t Counter(const StoredObject& object) const;
  /// Sets it; permanent when the function returns, or with the Commit of an object that is not committed yet. No change
  /// of the change counter.
  [[nodiscard]] Expected<void, StoreError> SetCounter(const StoredObject& object, std::uint64_t value);
  /// Says that the counter of this object must never go back, so that Repair advances it where it may have been lost.
  /// Permanent with the object's Commit, or with the next number that is set.
  void MarkCounterRises(const StoredObject& object) { Slot(object).takes_numbers = true; }
  /// Takes `count` numbers that were never taken before and never will be, whatever happens to the power, from the
  /// object's counter (which is advanced in larger steps, so that not every call writes). @returns the first of them;
  /// kFull if the counter ends.
  [[nodiscard]] Expected<std::uint64_t, StoreError> TakeNumbers(const StoredObject& object, std::uint32_t count);

  /// Loss of power: what was prepared is forgotten, volatile values are wiped.
  void DropVolatile();

 private:
  friend class StoreJournal;

  [[nodiscard]] std::uint32_t DrawEpoch();
  [[nodiscard]] Expected<void, StoreError> WriteChange(const StoreChange& change);
  [[nodiscard]] StoredObject& Slot(const StoredObject& object) { return memory_.objects[SlotOf(object)]; }
  [[nodiscard]] Expected<StoredObject*, StoreError> Claim(const StoredObject& object, StoreWriter writer);
  [[nodiscard]] std::optional<StoreError> ClashWith(const StoredObject& other, const iotsafe::ObjectInfo& info,
                                                    StoreWriter writer) const;
  [[nodiscard]] std::optional<StoreError> WhyTaken(const iotsafe::ObjectInfo& info, StoreWriter writer,
                                                   const StoredObject* except) const;
  [[nodiscard]] bool Append(ByteView bytes, std::uint32_t& offset, std::uint32_t& size);
  void MoveToEnd(StoredObject& object);
  void Apply(StoredObject& object, StoreWriter writer);
  void ForgetPrepared(StoredObject& object);
  void Free(StoredObject& object);
  void Release(std::uint32_t& offset, std::uint32_t& size);
  void Clear();

  Nvm& nvm_;
  Range range_;
  Memory memory_;
  std::uint32_t arena_used_ = 0;
  std::uint32_t next_generation_ = 1;
  std::uint32_t next_serial_ = 1;
  std::uint32_t sequence_ = 0;
  std::uint32_t epoch_ = 0;
  crypto::Crypto* random_ = nullptr;
  std::uint8_t active_area_ = 0;
  std::uint32_t area_sequence_ = 0;  ///< of the active area, as is the salt
  std::uint32_t area_salt_ = 0;
  std::uint32_t log_end_ = 0;  ///< where the next transaction goes
  bool tail_dirty_ = false;    ///< bytes behind log_end_ may not be zero
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
