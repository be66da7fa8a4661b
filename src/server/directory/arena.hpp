// SPDX-License-Identifier: Apache-2.0
/// Memory of entries: small pieces of a few sizes, without a header each.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/bytes.hpp"
#include "server/directory/slot_table.hpp"

namespace simroot::server {

/// Pieces come in steps of 8 bytes out of blocks of 1 MiB. One writer; readers follow references under a ReadGuard.
class EntryArena {
 public:
  static constexpr std::size_t kStep = 8;
  static constexpr std::size_t kMaxPiece = 512;

  EntryArena();
  EntryArena(const EntryArena&) = delete;
  EntryArena& operator=(const EntryArena&) = delete;

  /// The bytes from the start of the piece to the end of its block: what is in them says where it ends.
  [[nodiscard]] ByteView View(EntryRef ref) const {
    const std::uint8_t* const block = blocks_[ref / kStepsPerBlock].load();
    return ByteView(block, kBlock).subspan((ref % kStepsPerBlock) * kStep);
  }

  // ---- the writer ----

  /// Copies `content` (at most kMaxPiece) into a new piece. Nothing if the arena is full (16 GiB).
  [[nodiscard]] std::optional<EntryRef> Add(ByteView content);
  /// To be called when no reader can find the piece any more: it is used again when none can be in it.
  void Retire(EntryRef ref, std::size_t size);
  void Reclaim();
  [[nodiscard]] std::size_t bytes() const;

 private:
  static constexpr std::size_t kBlock = std::size_t{1} << 20U;
  static constexpr std::size_t kStepsPerBlock = kBlock / kStep;
  static constexpr std::size_t kMaxBlocks = 16'384;

  struct Retired {
    std::uint64_t epoch;
    EntryRef ref;
    std::uint32_t steps;
  };

  [[nodiscard]] std::optional<EntryRef> Take(std::size_t steps);
  [[nodiscard]] ByteSpan Piece(EntryRef ref, std::size_t size);

  std::vector<std::atomic<std::uint8_t*>> blocks_;
  std::vector<std::unique_ptr<std::uint8_t[]>> owned_;
  std::size_t next_step_ = kStepsPerBlock;                           ///< in the last block
  std::array<std::vector<EntryRef>, kMaxPiece / kStep + 1> free_{};  ///< by steps
  std::size_t free_places_ = 0;                                      ///< in all these lists
  std::vector<Retired> retired_;                                     ///< in the order of their epochs
};

}  // namespace simroot::server
