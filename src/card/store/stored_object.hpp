// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iterator>
#include <span>

#include "common/iotsafe/objects.hpp"
#include "common/iotsafe/personalisation.hpp"

namespace simroot::card {

/// Who prepares a change of the store: a command of the device, or a management session (spec 9). Neither sees, commits
/// or discards what the other has prepared.
enum class StoreWriter : std::uint8_t { kDevice, kManagement };

/// Where the non-volatile memory holds a value, or nowhere.
struct LogValue {
  std::uint32_t offset = 0;  ///< of the check sum in front of it, from the start of the NVM
  std::uint32_t size = 0;    ///< bytes of the value; 0: nothing is there
};

/// One object of the store. Its value lives in the store's arena: the scalar of a private EC key, RSAPrivateKey in DER
/// of an RSA key, the point of a public EC key, modulus || exponent of a public RSA key, the content of a file, or the
/// bytes of a secret.
struct StoredObject {
  enum class Slot : std::uint8_t {
    kFree,
    kCreated,  ///< by `writer`, not yet committed
    kLive,
  };

  iotsafe::ObjectInfo info;
  iotsafe::ObjectId pair_id;    ///< private keys: identifier of the public half
  iotsafe::ObjectId issuer_id;  ///< files: identifier of the public key that must have signed what the device writes
  iotsafe::KeyOrigin origin = iotsafe::KeyOrigin::kLoaded;  ///< of a key's value
  bool made_by_device = false;   ///< filled by a command of the device, which may therefore delete it (IoT.04 H2)
  std::uint32_t offset = 0;      ///< of the value in the arena
  std::uint32_t size = 0;        ///< bytes of the value; 0 when the container is empty
  std::uint32_t generation = 0;  ///< changes whenever the value changes or the slot is freed; never persistent
  std::uint32_t serial = 0;      ///< number of the object in the order of creation, from 1

  // What `writer` has prepared; the store's own.
  Slot slot = Slot::kFree;
  StoreWriter writer = StoreWriter::kDevice;
  bool staged = false;           ///< another value
  bool info_staged = false;      ///< another description, encoded in the arena
  bool deletion_staged = false;  ///< its end
  iotsafe::KeyOrigin staged_origin = iotsafe::KeyOrigin::kLoaded;
  std::uint32_t staged_offset = 0;  ///< of the value that Commit will make current
  std::uint32_t staged_size = 0;
  std::uint32_t staged_info_offset = 0;
  std::uint32_t staged_info_size = 0;

  std::uint64_t counter = 0;        ///< the next number
  std::uint64_t counter_limit = 0;  ///< what the NVM holds: numbers below it count as taken after loss of power
  bool takes_numbers = false;       ///< TakeNumbers or MarkCounterRises: the counter must never go back
  bool lost_value = false;          ///< Repair has emptied it: its value was damaged
  LogValue logged;                  ///< the value in the NVM
  LogValue next_logged;             ///< the value that is being written

  /// Key types 14, 24 and 34: the value is lost with power, the container stays.
  [[nodiscard]] bool IsVolatile() const;
  /// True if the object exists for the device.
  [[nodiscard]] bool IsVisible() const { return slot == Slot::kLive; }
  /// True if a writer has prepared a change of it, its creation among them.
  [[nodiscard]] bool IsPrepared() const { return slot == Slot::kCreated || staged || info_staged || deletion_staged; }
};

/// The visible objects of a row of slots, to walk over. Borrows the slots.
class VisibleObjects {
 public:
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = StoredObject;
    using difference_type = std::ptrdiff_t;
    using pointer = const StoredObject*;
    using reference = const StoredObject&;

    Iterator() = default;
    explicit Iterator(std::span<const StoredObject> rest) : rest_(rest) { SkipInvisible(); }

    reference operator*() const { return rest_.front(); }
    pointer operator->() const { return &rest_.front(); }
    Iterator& operator++() {
      rest_ = rest_.subspan(1);
      SkipInvisible();
      return *this;
    }
    Iterator operator++(int) {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.rest_.size() == b.rest_.size(); }

   private:
    void SkipInvisible() {
      while (!rest_.empty() && !rest_.front().IsVisible()) {
        rest_ = rest_.subspan(1);
      }
    }
    std::span<const StoredObject> rest_;
  };

  explicit VisibleObjects(std::span<const StoredObject> slots) : slots_(slots) {}

  [[nodiscard]] Iterator begin() const { return Iterator(slots_); }
  [[nodiscard]] Iterator end() const { return Iterator(slots_.last(0)); }
  [[nodiscard]] bool empty() const { return begin() == end(); }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(std::distance(begin(), end())); }

 private:
  std::span<const StoredObject> slots_;
};

}  // namespace simroot::card
