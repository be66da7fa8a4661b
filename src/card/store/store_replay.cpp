// SPDX-License-Identifier: Apache-2.0
// What a store does when it gets power: the log becomes objects, and what loss of power has left behind is wiped.
#include <limits>

#include "card/store/store_journal.hpp"

namespace simroot::card {

StoreState StoreJournal::Load() {
  std::array<LogArea, 2> areas{Area(0), Area(1)};
  const std::array<bool, 2> valid{ReadAreaHeader(store_.nvm_, areas.front()),
                                  ReadAreaHeader(store_.nvm_, areas.back())};
  if (!valid.front() && !valid.back()) {
    const auto is_blank = [&](const LogArea& area) {
      return area.size > kAreaHeaderSize &&
             EndOfContent(store_.nvm_, area.offset, area.first_transaction()) == area.offset;
    };
    store_.active_area_ = 0;
    store_.area_sequence_ = 0;
    store_.sequence_ = 0;
    return std::ranges::all_of(areas, is_blank) ? StoreState::kBlank : StoreState::kDamaged;
  }
  const bool second = valid.back() && (!valid.front() || areas.back().sequence > areas.front().sequence);
  const LogArea& area = second ? areas.back() : areas.front();
  store_.active_area_ = second ? 1 : 0;
  store_.area_sequence_ = area.sequence;
  store_.area_salt_ = area.salt;
  if (!Replay(area) || !ReadValues(nullptr)) {
    return StoreState::kDamaged;
  }
  WipeLeftovers(area);
  return StoreState::kIntact;
}

bool StoreJournal::Replay(const LogArea& area) {
  std::uint32_t position = area.first_transaction();
  Transaction transaction;
  TransactionState state = ReadTransaction(store_.nvm_, area, position, transaction);
  if (state != TransactionState::kValid) {  // the first one became valid with the header of the area
    return false;
  }
  for (; state == TransactionState::kValid; state = ReadTransaction(store_.nvm_, area, position, transaction)) {
    if (!ApplyTransaction(area, transaction)) {
      return false;
    }
    Took(transaction);
    position = transaction.end();
  }
  if (state == TransactionState::kDamaged) {
    return false;
  }
  // Only one transaction can be torn: a valid one behind it means that the memory has lost what is between.
  const std::uint32_t end = EndOfContent(store_.nvm_, position, area.end());
  return FindTransaction(store_.nvm_, area, position, end) == end;
}

StoredObject* StoreJournal::BySerial(std::uint32_t serial) {
  const auto found = std::ranges::find(store_.memory_.objects, serial, &StoredObject::serial);
  return found == store_.memory_.objects.end() ? nullptr : &*found;
}

bool StoreJournal::ApplyTransaction(const LogArea& area, const Transaction& transaction) {
  RecordReader records(store_.nvm_, area, transaction);
  LogRecord record;
  while (records.Next(record)) {
    if (!ApplyRecord(record)) {
      return false;
    }
  }
  return records.ok();
}

bool StoreJournal::ApplyRecord(const LogRecord& record) {
  StoredObject* const present = BySerial(record.serial);
  if (record.type == RecordType::kPut) {
    return ApplyPut(record, present);
  }
  if (present == nullptr) {
    return false;
  }
  ByteReader description(record.description.view());
  switch (record.type) {
    case RecordType::kDelete:
      store_.Free(*present);
      return true;
    case RecordType::kCounter:
    case RecordType::kNumbers:
      present->counter = present->counter_limit = record.counter;
      present->takes_numbers = present->takes_numbers || record.type == RecordType::kNumbers;
      return true;
    default:
      return ReadDescription(description, *present) && description.empty();
  }
}

bool StoreJournal::ApplyPut(const LogRecord& record, StoredObject* present) {
  StoredObject read;
  ByteReader description(record.description.view());
  if (!ReadDescription(description, read) || !description.empty() || (read.IsVolatile() && record.value.size != 0)) {
    return false;
  }
  const auto place = std::ranges::find(store_.memory_.objects, StoredObject::Slot::kFree, &StoredObject::slot);
  if (present == nullptr && place == store_.memory_.objects.end()) {
    return false;
  }
  read.serial = record.serial;
  read.counter = read.counter_limit = record.counter;
  read.logged = record.value;
  read.slot = StoredObject::Slot::kLive;
  read.generation = store_.next_generation_++;
  (present == nullptr ? *place : *present) = read;
  constexpr std::uint32_t kLast = std::numeric_limits<std::uint32_t>::max();
  store_.next_serial_ = std::max(store_.next_serial_, record.serial == kLast ? kLast : record.serial + 1);
  return true;
}

bool StoreJournal::TakeValue(StoredObject& object) {
  const std::uint32_t size = object.logged.size;
  const ByteSpan free = store_.memory_.arena.subspan(store_.arena_used_);
  if (size > free.size() || !ReadLogValue(store_.nvm_, object.logged, free.first(size))) {
    return false;
  }
  object.offset = store_.arena_used_;
  object.size = size;
  object.info.state = size == 0 ? iotsafe::ObjectState::kDeactivated : iotsafe::ObjectState::kActivated;
  if (object.info.object_class == iotsafe::ObjectClass::kFile) {
    object.info.file_size = static_cast<std::uint16_t>(size);
  }
  store_.arena_used_ += size;
  return true;
}

/// @param loss where damage is noted; without it damage ends everything.
bool StoreJournal::ReadValues(StoreLoss* loss) {
  for (StoredObject& object : store_.memory_.objects) {
    if (!object.IsVisible()) {
      continue;
    }
    const bool named_twice = store_.WhyTaken(object.info, StoreWriter::kDevice, &object).has_value();
    const bool whole = !named_twice && TakeValue(object);
    if (!whole && loss == nullptr) {
      return false;
    }
    if (named_twice) {
      store_.Free(object);
      ++loss->dropped;
    } else if (!whole) {
      object.logged = {};
      object.lost_value = true;
      ++loss->emptied;
    }
  }
  return true;
}

void StoreJournal::WipeLeftovers(const LogArea& area) {
  store_.tail_dirty_ = !CleanTail();
  Eraser eraser(store_.nvm_);
  eraser.Erase(Area(Other()));
  Transaction transaction;
  for (std::uint32_t position = area.first_transaction();
       position < store_.log_end_ &&
       ReadTransaction(store_.nvm_, area, position, transaction) == TransactionState::kValid;
       position = transaction.end()) {
    RecordReader records(store_.nvm_, area, transaction);
    LogRecord record;
    while (records.Next(record)) {
      const StoredObject* const object = BySerial(record.serial);
      if (object == nullptr || object->logged.offset != record.value.offset) {
        eraser.Erase(record.value);
      }
    }
    if (!transaction.confirmed) {
      static_cast<void>(ConfirmTransaction(store_.nvm_, area, position));
    }
  }
  static_cast<void>(eraser.Finish());  // tried again by the next Load
}

}  // namespace simroot::card
