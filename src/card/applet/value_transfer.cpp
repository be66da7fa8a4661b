// SPDX-License-Identifier: Apache-2.0
#include "card/applet/value_transfer.hpp"

namespace simroot::card {

using wire::StatusWord;

Expected<bool, StatusWord> ValueTransfer::Take(const StoredObject& object, const Piece& piece) {
  const std::uint16_t slot = store_.SlotOf(object);
  if (piece.total.has_value() != (piece.offset == 0)) {
    return Unexpected(StatusWord::kIncorrectData);
  }
  if (piece.offset == 0
          ? running_
          : !running_ || source_ != piece.source || slot_ != slot || received_ != piece.offset || !IsStaged(object)) {
    return Unexpected(StatusWord::kConditionsNotSatisfied);
  }
  const std::size_t total = piece.total.value_or(total_);
  const std::size_t left = total - (piece.offset == 0 ? 0 : received_);
  if (piece.bytes.size() > left || (piece.bytes.empty() && left > 0)) {
    return Unexpected(StatusWord::kIncorrectData);
  }
  const auto staged =
      piece.offset == 0 ? store_.Stage(object, piece.bytes, writer_) : store_.StageMore(object, piece.bytes, writer_);
  if (!staged) {
    return Unexpected(ToStatusWord(staged.error()));
  }
  source_ = piece.source;
  slot_ = slot;
  total_ = total;
  received_ = piece.offset + piece.bytes.size();
  running_ = received_ < total_;
  return !running_;
}

/// False if what has arrived was discarded by somebody else.
bool ValueTransfer::IsStaged(const StoredObject& object) const {
  return object.staged && object.writer == writer_ && object.staged_size == received_;
}

}  // namespace simroot::card
