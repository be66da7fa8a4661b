// SPDX-License-Identifier: Apache-2.0
/// An index: hashes to references of entries. Any number of readers, one writer.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "common/base/check.hpp"
#include "server/directory/epoch.hpp"

namespace simroot::server {

/// Number of an entry in the arena. 0: none.
using EntryRef = std::uint32_t;

/// Open addressing with linear probing. A slot is one word: 32 bits of the hash, 32 bits of reference. The hash's bits
/// alone give the place, so growing reads no entry. While the table stays, an entry's slot does not move: a reader
/// cannot miss what is in it. Growing makes a new table; the old one is freed when the last reader has left it.
class SlotTable {
 public:
  static constexpr std::size_t kNowhere = ~std::size_t{0};

  SlotTable() : table_(nullptr) { Replace(kSmallest); }
  ~SlotTable() { delete table_.load(); }
  SlotTable(const SlotTable&) = delete;
  SlotTable& operator=(const SlotTable&) = delete;

  // ---- readers, under a ReadGuard; the writer without ----

  /// The first entry with this hash for which `matches(ref)` is true, or 0.
  template <typename Matches>
  [[nodiscard]] EntryRef Find(std::uint64_t hash, const Matches& matches) const {
    EntryRef found = 0;
    (void)Walk(*table_.load(), hash, [&](std::size_t, EntryRef ref) {
      if (!matches(ref)) {
        return false;
      }
      found = ref;
      return true;
    });
    return found;
  }

  // ---- the writer ----

  /// Calls `visit(ref)` for every entry with this hash until it returns true.
  template <typename Visit>
  void ForHash(std::uint64_t hash, const Visit& visit) const {
    (void)Walk(*table_.load(), hash, [&](std::size_t, EntryRef ref) { return visit(ref); });
  }
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (const auto& slot : table_.load()->slots) {
      if (const EntryRef ref = RefOf(slot.load()); ref != 0) {
        visit(ref);
      }
    }
  }

  void Insert(std::uint64_t hash, EntryRef ref) {
    Table* table = table_.load();
    if ((used_ + 1) * 5 > table->slots.size() * 4) {  // full at 80 %: then there are about 2 of 3 slots in use
      Replace(live_ + live_ / 2 + live_ / 20 + kSmallest);
      table = table_.load();
    }
    std::size_t at = Start(*table, hash);
    while (RefOf(table->slots[at].load(std::memory_order_relaxed)) != 0) {
      at = Next(*table, at);
    }
    used_ += table->slots[at].load(std::memory_order_relaxed) == 0 ? 1 : 0;
    ++live_;
    table->slots[at].store(Word(hash, ref));
  }
  /// Puts `now` where `before` is; false if it is not there.
  bool Swap(std::uint64_t hash, EntryRef before, EntryRef now) {
    Table& table = *table_.load();
    const std::size_t at = SlotOf(table, hash, before);
    if (at == kNowhere) {
      return false;
    }
    table.slots[at].store(Word(hash, now));
    return true;
  }
  void Erase(std::uint64_t hash, EntryRef ref) {
    Table& table = *table_.load();
    const std::size_t at = SlotOf(table, hash, ref);
    if (at == kNowhere) {
      return;
    }
    --live_;
    // Before an empty slot no walk goes on, so it can be empty as well.
    const bool last = table.slots[Next(table, at)].load(std::memory_order_relaxed) == 0;
    used_ -= last ? 1 : 0;
    table.slots[at].store(last ? 0 : kGone);
  }
  void Clear() {
    live_ = 0;
    Replace(kSmallest, false);
  }
  void Reserve(std::size_t entries) {
    if (const std::size_t slots = entries + entries / 4 + kSmallest; slots > table_.load()->slots.size()) {
      Replace(slots);
    }
  }

  [[nodiscard]] std::size_t live() const { return live_; }
  [[nodiscard]] std::size_t bytes() const {
    std::size_t slots = table_.load()->slots.size();
    for (const auto& old : old_) {
      slots += old.table->slots.size();
    }
    return slots * sizeof(std::atomic<std::uint64_t>);
  }
  /// Frees old tables that no reader can be in.
  void Reclaim() {
    if (!old_.empty()) {
      const std::uint64_t oldest = OldestReader();
      std::erase_if(old_, [oldest](const Old& old) { return old.epoch < oldest; });
    }
  }

 private:
  static constexpr std::size_t kSmallest = 16;
  static constexpr std::uint64_t kGone = std::uint64_t{1} << 32U;  ///< reference 0, but a walk goes on

  struct Table {
    explicit Table(std::size_t count) : slots(count) {}
    std::vector<std::atomic<std::uint64_t>> slots;
  };
  struct Old {
    std::unique_ptr<Table> table;
    std::uint64_t epoch;
  };

  [[nodiscard]] static EntryRef RefOf(std::uint64_t word) { return static_cast<EntryRef>(word & 0xFFFFFFFFU); }
  [[nodiscard]] static std::uint64_t TagOf(std::uint64_t hash) { return hash >> 32U; }
  [[nodiscard]] static std::uint64_t Word(std::uint64_t hash, EntryRef ref) {
    return (hash & ~std::uint64_t{0xFFFFFFFFU}) | ref;
  }
  [[nodiscard]] static std::size_t Start(const Table& table, std::uint64_t hash) {
    return static_cast<std::size_t>((TagOf(hash) * table.slots.size()) >> 32U);
  }
  [[nodiscard]] static std::size_t Next(const Table& table, std::size_t at) {
    return at + 1 == table.slots.size() ? 0 : at + 1;
  }
  /// Calls `visit(slot, ref)` for what has the tag of `hash`, until it returns true. There are always empty slots, but
  /// while the writer works a reader may come too late for each: hence the count.
  template <typename Visit>
  [[nodiscard]] static bool Walk(const Table& table, std::uint64_t hash, const Visit& visit) {
    std::size_t at = Start(table, hash);
    for (std::size_t steps = table.slots.size(); steps > 0; --steps) {
      const std::uint64_t word = table.slots[at].load();
      if (word == 0) {
        return false;
      }
      if (RefOf(word) != 0 && TagOf(word) == TagOf(hash) && visit(at, RefOf(word))) {
        return true;
      }
      at = Next(table, at);
    }
    return false;
  }
  [[nodiscard]] static std::size_t SlotOf(const Table& table, std::uint64_t hash, EntryRef ref) {
    std::size_t found = kNowhere;
    (void)Walk(table, hash, [&](std::size_t at, EntryRef other) {
      found = other == ref ? at : kNowhere;
      return other == ref;
    });
    return found;
  }

  /// A new table of `slots` slots, with what is in the old one.
  void Replace(std::size_t slots, bool keep = true) {
    SR_CHECK(slots < (std::size_t{1} << 32U));
    auto fresh = std::make_unique<Table>(slots);
    Table* const before = table_.load();
    if (keep && before != nullptr) {
      for (const auto& slot : before->slots) {
        const std::uint64_t word = slot.load(std::memory_order_relaxed);
        if (RefOf(word) != 0) {
          std::size_t at = Start(*fresh, word);
          while (fresh->slots[at].load(std::memory_order_relaxed) != 0) {
            at = Next(*fresh, at);
          }
          fresh->slots[at].store(word, std::memory_order_relaxed);
        }
      }
    }
    used_ = live_;
    table_.store(fresh.release());
    if (before != nullptr) {
      old_.push_back({std::unique_ptr<Table>(before), EndEpoch()});
    }
  }

  std::atomic<Table*> table_;
  std::size_t live_ = 0;
  std::size_t used_ = 0;  ///< with those that are gone
  std::vector<Old> old_;
};

}  // namespace simroot::server
