// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/store/store_log.hpp"

namespace simroot::card {

/// What becomes permanent with one transaction, one of the two. Neither: all objects once more, in the other area.
struct StoreChange {
  std::optional<StoreWriter> writer;         ///< everything that this writer has prepared
  const StoredObject* counter_of = nullptr;  ///< the counter_limit of this object
};

/// Moves the content of a store between RAM and the log in its NVM range (docs/formats/nvm.md).
class StoreJournal {
 public:
  explicit StoreJournal(ObjectStore& store) : store_(store) {}

  /// Fills the store, whose slots are free, and wipes what loss of power has left behind.
  [[nodiscard]] StoreState Load();
  /// Makes a change permanent: at the end of the log, or, when there is no room, with everything else at the start of
  /// the other area. Then wipes the values that it replaced. The objects in RAM stay as they are, but know where their
  /// new values are. @returns kFull, or kMemory: then the old content stands, or the store is kDamaged and empty.
  [[nodiscard]] Expected<void, StoreError> Write(const StoreChange& change);
  /// Fills the store, whose slots are free, from a damaged log as far as it can be read. Nothing is written: with the
  /// next Write({}) it becomes a new log in the other area. False if there is nothing that could be read.
  [[nodiscard]] bool Salvage(StoreLoss& loss);
  /// Begins a new log with no object in it; the slots of the store are free.
  [[nodiscard]] bool Format();
  /// Overwrites the whole range with zeros.
  [[nodiscard]] bool Erase();

 private:
  [[nodiscard]] LogArea Area(std::uint8_t index) const;
  [[nodiscard]] LogArea Active() const;
  [[nodiscard]] std::uint8_t Other() const { return store_.active_area_ == 0 ? 1 : 0; }

  [[nodiscard]] bool Replay(const LogArea& area);
  [[nodiscard]] bool ApplyTransaction(const LogArea& area, const Transaction& transaction);
  [[nodiscard]] bool ApplyRecord(const LogRecord& record);
  [[nodiscard]] bool ApplyPut(const LogRecord& record, StoredObject* present);
  [[nodiscard]] StoredObject* BySerial(std::uint32_t serial);
  [[nodiscard]] bool ReadValues(StoreLoss* loss);
  [[nodiscard]] bool TakeValue(StoredObject& object);
  void SalvageRecords(const LogArea& area, std::uint32_t start, std::uint32_t end, StoreLoss& loss);
  void WipeLeftovers(const LogArea& area);

  [[nodiscard]] bool IsChanged(const StoredObject& object, const StoreChange& change) const;
  [[nodiscard]] bool LivesAfter(const StoredObject& object, const StoreChange& change) const;
  [[nodiscard]] StoredObject* NextAfter(const StoreChange& change, std::uint32_t serial) const;
  void EmitChanges(RecordWriter& out, const StoreChange& change) const;
  void EmitChange(RecordWriter& out, StoredObject& object, StoreWriter writer) const;
  void EmitAll(RecordWriter& out, const StoreChange& change) const;
  void EmitPut(RecordWriter& out, StoredObject& object, const StoreChange& change) const;
  [[nodiscard]] Transaction Begin(const StoreChange& change, std::uint32_t start, std::uint32_t length);
  [[nodiscard]] bool Append(const StoreChange& change, std::uint32_t length);
  [[nodiscard]] bool Compact(const StoreChange& change, std::uint32_t length);
  [[nodiscard]] bool CleanTail();
  [[nodiscard]] bool Withdraw(std::uint32_t offset, std::uint32_t size);
  void Took(const Transaction& transaction);

  ObjectStore& store_;
};

}  // namespace simroot::card
