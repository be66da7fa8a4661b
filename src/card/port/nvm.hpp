// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/bytes.hpp"

namespace simroot::card {

/// Non-volatile memory of one card: a range of bytes that survives loss of power. The store above it is written so that
/// power may fail at any moment of any call.
class Nvm {
 public:
  /// Bytes that can be addressed.
  [[nodiscard]] virtual std::size_t Size() const = 0;

  /// Fills `out` from `offset`. False if the range is outside or the memory cannot be read.
  [[nodiscard]] virtual bool Read(std::size_t offset, ByteSpan out) = 0;

  /// Writes `data` at `offset`. Until Sync returns true the bytes may reach the memory in any order, only in part, or
  /// as garbage; bytes outside of what is written keep their value whatever happens to the power. A driver of a memory
  /// that is written in pages makes sure of that. After an error Read shows what the memory holds now.
  [[nodiscard]] virtual bool Write(std::size_t offset, ByteView data) = 0;

  /// Returns true when everything written before is safe from loss of power. Orders writes: nothing written after Sync
  /// becomes permanent before what was written before it.
  [[nodiscard]] virtual bool Sync() = 0;

 protected:
  ~Nvm() = default;
};

}  // namespace simroot::card
