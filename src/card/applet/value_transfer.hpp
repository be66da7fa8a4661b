// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "card/applet/key_maker.hpp"
#include "card/store/object_store.hpp"

namespace simroot::card {

/// A value that arrives in pieces: the first one tells the size of the whole, the others follow without a gap. What has
/// arrived is staged in the store for one writer; the owner commits when the value is complete, and discards otherwise.
class ValueTransfer {
 public:
  ValueTransfer(ObjectStore& store, StoreWriter writer) : store_(store), writer_(writer) {}

  struct Piece {
    std::uint8_t source = 0;  ///< whoever sends: all pieces of a value have the same
    std::size_t offset = 0;
    std::optional<std::size_t> total;  ///< bytes of the whole: at offset 0 and nowhere else
    ByteView bytes;
  };
  /// Takes one piece. @returns true when the value is complete; 6985 for a piece out of order, 6A80 for one that is too
  /// long, empty, or has a total where it must not, 6A84 without room, 6984 if the other writer holds the object.
  [[nodiscard]] Expected<bool, wire::StatusWord> Take(const StoredObject& object, const Piece& piece);

  [[nodiscard]] bool IsRunning() const { return running_; }
  /// Bytes still to come.
  [[nodiscard]] std::size_t left() const { return running_ ? total_ - received_ : 0; }
  [[nodiscard]] std::uint8_t source() const { return source_; }
  /// Ends the transfer; the owner discards what is staged.
  void Forget() { running_ = false; }

 private:
  [[nodiscard]] bool IsStaged(const StoredObject& object) const;

  ObjectStore& store_;
  StoreWriter writer_;
  bool running_ = false;
  std::uint8_t source_ = 0;
  std::uint16_t slot_ = 0;
  std::size_t total_ = 0;
  std::size_t received_ = 0;
};

}  // namespace simroot::card
