// SPDX-License-Identifier: Apache-2.0
/// Looks into the memory of an object store without changing it, and repairs it (docs/formats/nvm.md).
#pragma once

#include <array>
#include <string>
#include <vector>

#include "card/store/object_store.hpp"

namespace simroot::card {

/// One of the two areas of a store's range.
struct AreaReport {
  bool valid = false;   ///< it has a header that passes its check
  bool active = false;  ///< it holds the content
  std::uint32_t sequence = 0;
  std::uint32_t transactions = 0;  ///< those that pass their check
  std::uint32_t used = 0;          ///< bytes of header and transactions
  std::uint32_t size = 0;
  std::uint32_t leftover = 0;  ///< bytes with something in them that nobody needs: a torn tail, an old content
};

struct ObjectReport {
  iotsafe::ObjectInfo info;
  std::uint32_t size = 0;
  bool value_lost = false;  ///< the value does not pass its check
};

/// What CheckStore found.
struct StoreReport {
  StoreState state = StoreState::kBlank;  ///< what Load would find
  std::uint32_t change_counter = 0;
  std::array<AreaReport, 2> areas;
  std::vector<ObjectReport> objects;  ///< of a damaged store: those that Repair would keep
  std::uint32_t unwiped_values = 0;   ///< replaced or deleted values that are still in the memory
  StoreLoss loss;                     ///< of a damaged store: what Repair could not save

  /// True if there is nothing to repair.
  [[nodiscard]] bool IsClean() const;
  /// Everything that is wrong, one sentence each, without the bytes of any value. Empty if IsClean().
  [[nodiscard]] std::vector<std::string> Problems() const;
};

/// How many objects and bytes of values the store's owner has memory for.
struct StoreCapacity {
  std::size_t objects = 0;
  std::size_t arena = 0;
};

/// Reads the store in `range`; never writes. Memory that cannot be read counts as damaged.
[[nodiscard]] StoreReport CheckStore(Nvm& nvm, ObjectStore::Range range, StoreCapacity capacity);

/// Wipes leftovers, cuts a torn tail off, and makes an intact store of what a damaged one still has: see
/// ObjectStore::Repair. A store that was never formatted becomes an empty one. @returns false if the memory fails.
[[nodiscard]] bool RepairStore(Nvm& nvm, ObjectStore::Range range, StoreCapacity capacity);

}  // namespace simroot::card
