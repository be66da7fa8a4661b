// SPDX-License-Identifier: Apache-2.0
// Permanent numbers of objects.
#include <limits>

#include "card/store/store_journal.hpp"

namespace simroot::card {
namespace {

/// Numbers that are written off at once, so that not every TakeNumbers writes.
constexpr std::uint64_t kNumberBlock = 64;

}  // namespace

std::uint64_t ObjectStore::Counter(const StoredObject& object) const {
  return object.counter;
}

Expected<void, StoreError> ObjectStore::WriteChange(const StoreChange& change) {
  if (state_ != StoreState::kIntact) {
    return Unexpected(StoreError::kMemory);
  }
  return StoreJournal(*this).Write(change);
}

Expected<void, StoreError> ObjectStore::SetCounter(const StoredObject& object, std::uint64_t value) {
  StoredObject& target = Slot(object);
  const std::uint64_t before = target.counter_limit;
  target.counter_limit = value;
  if (target.IsVisible()) {
    const auto written = WriteChange({std::nullopt, &target});
    if (!written) {
      target.counter_limit = before;
      return written;
    }
  }
  target.counter = value;
  return {};
}

Expected<std::uint64_t, StoreError> ObjectStore::TakeNumbers(const StoredObject& object, std::uint32_t count) {
  StoredObject& target = Slot(object);
  const std::uint64_t first = target.counter;
  if (count > std::numeric_limits<std::uint64_t>::max() - kNumberBlock - first) {
    return Unexpected(StoreError::kFull);
  }
  const std::uint64_t next = first + count;
  if (next > target.counter_limit) {
    target.takes_numbers = true;
    const auto written = SetCounter(object, next + kNumberBlock);
    if (!written) {
      return Unexpected(written.error());
    }
  }
  target.counter = next;
  return first;
}

}  // namespace simroot::card
