// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/port/nvm.hpp"

namespace simroot::card {

/// Memory of its owner in place of non-volatile memory: what a board without any has. Lost with power.
class FixedNvm final : public Nvm {
 public:
  explicit FixedNvm(ByteSpan memory) : memory_(memory) {}

  [[nodiscard]] std::size_t Size() const override { return memory_.size(); }

  [[nodiscard]] bool Read(std::size_t offset, ByteSpan out) override {
    return Inside(offset, out.size()) && CopyBytes(memory_.subspan(offset, out.size()), out);
  }

  [[nodiscard]] bool Write(std::size_t offset, ByteView data) override {
    return Inside(offset, data.size()) && CopyBytes(data, memory_.subspan(offset));
  }

  [[nodiscard]] bool Sync() override { return true; }

 private:
  [[nodiscard]] bool Inside(std::size_t offset, std::size_t count) const {
    return offset <= memory_.size() && count <= memory_.size() - offset;
  }

  ByteSpan memory_;
};

}  // namespace simroot::card
