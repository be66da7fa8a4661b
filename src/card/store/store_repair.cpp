// SPDX-License-Identifier: Apache-2.0
// A damaged log becomes a store again, as far as it can be read.
#include <limits>

#include "card/store/store_journal.hpp"

namespace simroot::card {
namespace {

/// How far a counter may have gone in changes that are lost.
constexpr std::uint64_t kSafeDistance = 0x10000;

/// A change of this counter may be lost: makes of it what no attacker gains by.
void SecureCounter(StoredObject& object) {
  constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();
  if (!object.IsVisible()) {
    return;
  }
  if (object.takes_numbers) {
    object.counter_limit += std::min(kSafeDistance, kLast - object.counter_limit);
  } else if (object.info.key_type == iotsafe::KeyType::kUserPin) {
    object.counter_limit = kLast;  // wrong attempts: blocked until the issuer sets a PIN
  }
  object.counter = object.counter_limit;
}

}  // namespace

bool ObjectStore::Repair(StoreLoss& loss) {
  loss = {};
  if (Load() == StoreState::kIntact) {
    return true;
  }
  StoreJournal journal(*this);
  if (state_ == StoreState::kDamaged && journal.Salvage(loss)) {
    // Into the other area: what could be read stands until the new log is complete.
    if (!journal.Write({})) {
      Clear();
      state_ = StoreState::kDamaged;
      return false;
    }
    state_ = StoreState::kIntact;
    return true;
  }
  loss.everything = true;
  return Format();
}

/// Every record that can be read between two places, whatever is around it.
void StoreJournal::SalvageRecords(const LogArea& area, std::uint32_t start, std::uint32_t end, StoreLoss& loss) {
  while (start < end) {
    RecordReader records(store_.nvm_, area, start, end);
    LogRecord record;
    if (!records.Next(record)) {
      ++start;
      continue;
    }
    if (!ApplyRecord(record)) {  // the creation of its object is lost
      ++loss.dropped;
    }
    start = records.position();
  }
}

bool StoreJournal::Salvage(StoreLoss& loss) {
  std::array<LogArea, 2> areas{Area(0), Area(1)};
  std::array<bool, 2> readable{};
  std::ranges::transform(areas, readable.begin(), [&](LogArea& area) {
    return ReadAreaHeader(store_.nvm_, area) || GuessAreaHeader(store_.nvm_, area);
  });
  if (!readable.front() && !readable.back()) {
    return false;
  }
  const bool second = readable.back() && (!readable.front() || areas.back().sequence > areas.front().sequence);
  const LogArea& area = second ? areas.back() : areas.front();
  store_.active_area_ = second ? 1 : 0;
  store_.area_sequence_ = area.sequence;
  store_.area_salt_ = area.salt;
  const std::uint32_t end = EndOfContent(store_.nvm_, area.first_transaction(), area.end());
  for (std::uint32_t position = area.first_transaction(); position < end;) {
    Transaction transaction;
    const TransactionState state = ReadTransaction(store_.nvm_, area, position, transaction);
    if (state == TransactionState::kValid) {
      SalvageRecords(area, position + kTransactionHeaderSize, transaction.end(), loss);
      Took(transaction);
      position = transaction.end();
      continue;
    }
    const std::uint32_t next = FindTransaction(store_.nvm_, area, position + 1, end);
    // What is only the rest of a change that was cut off must not come to life.
    if (state == TransactionState::kDamaged || next != end) {
      ++loss.lost_places;
      SalvageRecords(area, position, next, loss);
    }
    position = next;
  }
  static_cast<void>(ReadValues(&loss));
  if (loss.lost_places != 0) {
    for (StoredObject& object : store_.memory_.objects) {
      SecureCounter(object);
    }
  }
  return true;
}

}  // namespace simroot::card
