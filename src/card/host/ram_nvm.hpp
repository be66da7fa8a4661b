// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "card/port/nvm.hpp"

namespace simroot::card {

/// Non-volatile memory in bytes of its owner, for tests and fuzzers. No heap. `memory` outlives the object; a card that
/// gets its power back is a new object over the same bytes.
class RamNvm final : public Nvm {
 public:
  /// @param fail_after_writes n: n writes succeed, in the next one power fails after the first half of its bytes, and
  /// from then on every call fails and changes nothing. Nothing: power never fails.
  explicit RamNvm(ByteSpan memory, std::optional<unsigned> fail_after_writes = std::nullopt)
      : memory_(memory), fail_after_writes_(fail_after_writes) {}

  /// Writes that were asked for while there was power, the cut one included. A run without a failure tells how many
  /// places there are to cut.
  [[nodiscard]] unsigned writes() const { return writes_; }
  [[nodiscard]] bool has_power() const { return power_; }

  [[nodiscard]] std::size_t Size() const override { return memory_.size(); }

  [[nodiscard]] bool Read(std::size_t offset, ByteSpan out) override {
    if (!power_ || !Inside(offset, out.size())) {
      return false;
    }
    std::copy_n(memory_.subspan(offset).data(), out.size(), out.data());
    return true;
  }

  [[nodiscard]] bool Write(std::size_t offset, ByteView data) override {
    if (!power_ || !Inside(offset, data.size())) {
      return false;
    }
    power_ = writes_ != fail_after_writes_;
    ++writes_;
    const ByteView done = power_ ? data : data.first(data.size() / 2);
    return CopyBytes(done, memory_.subspan(offset)) && power_;
  }

  [[nodiscard]] bool Sync() override { return power_; }

 private:
  [[nodiscard]] bool Inside(std::size_t offset, std::size_t count) const {
    return offset <= memory_.size() && count <= memory_.size() - offset;
  }

  ByteSpan memory_;
  std::optional<unsigned> fail_after_writes_;
  unsigned writes_ = 0;
  bool power_ = true;
};

}  // namespace simroot::card
