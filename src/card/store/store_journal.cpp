// SPDX-License-Identifier: Apache-2.0
#include "card/store/store_journal.hpp"

#include "common/base/secret.hpp"

namespace simroot::card {

LogArea StoreJournal::Area(std::uint8_t index) const {
  const auto size = static_cast<std::uint32_t>(store_.range_.size / 2);
  return {static_cast<std::uint32_t>(store_.range_.offset) + index * size, size, 0, 0};
}

LogArea StoreJournal::Active() const {
  LogArea area = Area(store_.active_area_);
  area.sequence = store_.area_sequence_;
  area.salt = store_.area_salt_;
  return area;
}

bool StoreJournal::Erase() {
  Eraser eraser(store_.nvm_);
  eraser.Erase(Area(0));
  eraser.Erase(Area(1));
  return eraser.Finish();
}

// A transaction that is added to the log: the records, Sync, the header, Sync. From there on it is valid.

Transaction StoreJournal::Begin(const StoreChange& change, std::uint32_t start, std::uint32_t length) {
  Transaction transaction;
  transaction.start = start;
  transaction.length = length;
  transaction.change_counter = store_.sequence_ + (change.counter_of == nullptr ? 1 : 0);
  transaction.epoch = change.counter_of == nullptr ? store_.DrawEpoch() : store_.epoch_;
  return transaction;
}

void StoreJournal::Took(const Transaction& transaction) {
  store_.sequence_ = transaction.change_counter;
  store_.epoch_ = transaction.epoch;
  store_.log_end_ = transaction.end();
}

bool StoreJournal::IsChanged(const StoredObject& object, const StoreChange& change) const {
  return change.writer && object.IsPrepared() && object.writer == *change.writer;
}

bool StoreJournal::LivesAfter(const StoredObject& object, const StoreChange& change) const {
  return IsChanged(object, change) ? !object.deletion_staged : object.IsVisible();
}

StoredObject* StoreJournal::NextAfter(const StoreChange& change, std::uint32_t serial) const {
  StoredObject* next = nullptr;
  for (StoredObject& object : store_.memory_.objects) {
    if (object.serial > serial && LivesAfter(object, change) && (next == nullptr || object.serial < next->serial)) {
      next = &object;
    }
  }
  return next;
}

void StoreJournal::EmitPut(RecordWriter& out, StoredObject& object, const StoreChange& change) const {
  const bool changed = IsChanged(object, change);
  const ByteView value = object.IsVolatile() ? ByteView{}
                         : changed           ? store_.ValueFor(*change.writer, object)
                                             : store_.Value(object);
  object.next_logged =
      out.Put(object.serial, object.counter_limit, changed ? store_.After(object, *change.writer) : object, value);
}

void StoreJournal::EmitChange(RecordWriter& out, StoredObject& object, StoreWriter writer) const {
  if (object.slot == StoredObject::Slot::kCreated || (object.staged && !object.IsVolatile())) {
    EmitPut(out, object, {writer, nullptr});
  } else if (object.info_staged) {
    out.Describe(object.serial, store_.After(object, writer));
  }
}

void StoreJournal::EmitChanges(RecordWriter& out, const StoreChange& change) const {
  if (change.counter_of != nullptr) {
    out.Counter(change.counter_of->serial, change.counter_of->counter_limit, change.counter_of->takes_numbers);
    return;
  }
  // Deletions first: a new object may have the name of a deleted one, and a reader never needs more slots than we have.
  for (const StoredObject& object : store_.memory_.objects) {
    if (IsChanged(object, change) && object.deletion_staged) {
      out.Delete(object.serial);
    }
  }
  for (StoredObject* object = NextAfter(change, 0); object != nullptr; object = NextAfter(change, object->serial)) {
    if (IsChanged(*object, change)) {
      EmitChange(out, *object, *change.writer);
    }
  }
}

void StoreJournal::EmitAll(RecordWriter& out, const StoreChange& change) const {
  for (StoredObject* object = NextAfter(change, 0); object != nullptr; object = NextAfter(change, object->serial)) {
    EmitPut(out, *object, change);
  }
}

Expected<void, StoreError> StoreJournal::Write(const StoreChange& change) {
  const auto measure = [&](auto emit) {
    Crc32 unused;
    RecordWriter counter(nullptr, {}, 0, unused);
    (this->*emit)(counter, change);
    return counter.length();
  };
  const bool is_change = change.writer.has_value() || change.counter_of != nullptr;
  const std::uint32_t length = measure(&StoreJournal::EmitChanges);
  if (is_change && length <= Active().end() - store_.log_end_ &&
      Active().end() - store_.log_end_ - length >= kTransactionHeaderSize) {
    return Append(change, length) ? Expected<void, StoreError>{} : Unexpected(StoreError::kMemory);
  }
  const std::uint32_t whole = measure(&StoreJournal::EmitAll);
  if (whole + kAreaHeaderSize + kTransactionHeaderSize > Active().size) {
    return Unexpected(StoreError::kFull);
  }
  return Compact(change, whole) ? Expected<void, StoreError>{} : Unexpected(StoreError::kMemory);
}

bool StoreJournal::CleanTail() {
  Eraser eraser(store_.nvm_);
  eraser.Erase(store_.log_end_, Active().end() - store_.log_end_);
  store_.tail_dirty_ = !eraser.Finish();
  return !store_.tail_dirty_;
}

bool StoreJournal::Withdraw(std::uint32_t offset, std::uint32_t size) {
  Eraser eraser(store_.nvm_);
  eraser.Erase(offset, size);
  // Zeros that were read may not be zeros on the medium before Sync has succeeded.
  if (eraser.Finish() && store_.nvm_.Sync()) {
    return true;
  }
  store_.Clear();
  store_.state_ = StoreState::kDamaged;
  return false;
}

bool StoreJournal::Append(const StoreChange& change, std::uint32_t length) {
  const LogArea area = Active();
  if (store_.tail_dirty_ && !CleanTail()) {
    return false;
  }
  Transaction transaction = Begin(change, store_.log_end_, length);
  Crc32 crc = BeginTransactionCrc(area, transaction);
  RecordWriter writer(&store_.nvm_, area, transaction.start + kTransactionHeaderSize, crc);
  store_.tail_dirty_ = true;
  EmitChanges(writer, change);
  if (!writer.Finish() || !store_.nvm_.Sync()) {
    static_cast<void>(CleanTail());  // tried again before the next change, and by the next Load
    return false;
  }
  transaction.crc = crc.value();
  if (!WriteTransactionHeader(store_.nvm_, transaction) || !store_.nvm_.Sync()) {
    // It may have become valid. Only when the header is known to be gone the old content is known to stand.
    if (Withdraw(transaction.start, kTransactionHeaderSize)) {
      static_cast<void>(CleanTail());
    }
    return false;
  }
  store_.tail_dirty_ = false;
  Took(transaction);
  // Permanent from here on. What fails now is done again by the next Load.
  static_cast<void>(ConfirmTransaction(store_.nvm_, area, transaction.start));
  Eraser eraser(store_.nvm_);
  for (StoredObject& object : store_.memory_.objects) {
    if (IsChanged(object, change) && (object.deletion_staged || (object.staged && !object.IsVolatile()))) {
      eraser.Erase(object.logged);
      object.logged = object.next_logged;
    } else if (IsChanged(object, change) && object.slot == StoredObject::Slot::kCreated) {
      object.logged = object.next_logged;
    }
  }
  static_cast<void>(eraser.Finish());
  return true;
}

bool StoreJournal::Compact(const StoreChange& change, std::uint32_t length) {
  LogArea target = Area(Other());
  const LogArea old = Active();
  Eraser eraser(store_.nvm_);
  eraser.Erase(target);
  if (!eraser.Finish()) {
    return false;
  }
  target.sequence = store_.area_sequence_ + 1;
  target.salt = store_.DrawEpoch();
  Transaction transaction = Begin(change, target.first_transaction(), length);
  Crc32 crc = BeginTransactionCrc(target, transaction);
  RecordWriter writer(&store_.nvm_, target, transaction.start + kTransactionHeaderSize, crc);
  EmitAll(writer, change);
  bool written = writer.Finish();
  transaction.crc = crc.value();
  written = written && WriteTransactionHeader(store_.nvm_, transaction) &&
            ConfirmTransaction(store_.nvm_, target, transaction.start) && store_.nvm_.Sync();
  if (!written) {
    Eraser undo(store_.nvm_);
    undo.Erase(target);
    static_cast<void>(undo.Finish());  // tried again before the next compaction, and by the next Load
    return false;
  }
  if (!WriteAreaHeader(store_.nvm_, target) || !store_.nvm_.Sync()) {
    if (Withdraw(target.offset, kAreaHeaderSize)) {
      Eraser undo(store_.nvm_);
      undo.Erase(target);
      static_cast<void>(undo.Finish());
    }
    return false;
  }
  // Permanent from here on.
  store_.active_area_ = Other();
  store_.area_sequence_ = target.sequence;
  store_.area_salt_ = target.salt;
  store_.tail_dirty_ = false;
  Took(transaction);
  for (StoredObject& object : store_.memory_.objects) {
    if (LivesAfter(object, change)) {
      object.logged = object.next_logged;
    }
  }
  Eraser wipe(store_.nvm_);
  wipe.Erase(old);  // its header first, so that it can never be taken for the content again
  static_cast<void>(wipe.Finish());
  return true;
}

bool StoreJournal::Format() {
  return Compact({}, 0);
}

}  // namespace simroot::card
