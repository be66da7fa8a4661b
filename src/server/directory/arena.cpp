// SPDX-License-Identifier: Apache-2.0
#include "server/directory/arena.hpp"

namespace simroot::server {

EntryArena::EntryArena() : blocks_(kMaxBlocks) {}

ByteSpan EntryArena::Piece(EntryRef ref, std::size_t size) {
  return ByteSpan(owned_[ref / kStepsPerBlock].get(), kBlock).subspan((ref % kStepsPerBlock) * kStep, size);
}

std::optional<EntryRef> EntryArena::Take(std::size_t steps) {
  if (auto& list = free_[steps]; !list.empty()) {
    const EntryRef ref = list.back();
    list.pop_back();
    return ref;
  }
  if (kStepsPerBlock - next_step_ < steps) {
    if (owned_.size() == kMaxBlocks) {
      return std::nullopt;
    }
    owned_.push_back(std::make_unique_for_overwrite<std::uint8_t[]>(kBlock));
    blocks_[owned_.size() - 1].store(owned_.back().get());
    next_step_ = owned_.size() == 1 ? 1 : 0;  // reference 0 means none
  }
  const auto ref = static_cast<EntryRef>((owned_.size() - 1) * kStepsPerBlock + next_step_);
  next_step_ += steps;
  return ref;
}

std::optional<EntryRef> EntryArena::Add(ByteView content) {
  SR_CHECK(!content.empty() && content.size() <= kMaxPiece);
  const auto ref = Take((content.size() + kStep - 1) / kStep);
  if (ref) {
    (void)CopyBytes(content, Piece(*ref, content.size()));
  }
  return ref;
}

void EntryArena::Retire(EntryRef ref, std::size_t size) {
  retired_.push_back({EndEpoch(), ref, static_cast<std::uint32_t>((size + kStep - 1) / kStep)});
}

void EntryArena::Reclaim() {
  if (retired_.empty()) {
    return;
  }
  const std::uint64_t oldest = OldestReader();
  std::size_t done = 0;
  while (done < retired_.size() && retired_[done].epoch < oldest) {
    auto& list = free_[retired_[done].steps];
    const std::size_t places = list.capacity();
    list.push_back(retired_[done].ref);
    free_places_ += list.capacity() - places;
    ++done;
  }
  retired_.erase(retired_.begin(), retired_.begin() + static_cast<std::ptrdiff_t>(done));
}

std::size_t EntryArena::bytes() const {
  return blocks_.size() * sizeof(blocks_.front()) + owned_.size() * kBlock + retired_.capacity() * sizeof(Retired) +
         owned_.capacity() * sizeof(owned_.front()) + free_places_ * sizeof(EntryRef);
}

}  // namespace simroot::server
