// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "common/base/crc32.hpp"
#include "common/base/fixed_bytes.hpp"
#include "common/iotsafe/vocabulary.hpp"

namespace simroot::card {

/// Remembers the last few names of objects that management sessions have changed, by a check sum of 32 bits: a name
/// that was never added is taken for one with the probability of 1 in 2^27, which costs its user one repeated command.
class ChangedNames {
 public:
  /// @param tag the reference tag that goes with the name (73 to 76, 83 to 86).
  void Add(std::uint8_t tag, ByteView name) {
    if (!name.empty()) {
      names_[next_] = SumOf(tag, name);
      next_ = (next_ + 1) % kCapacity;
      count_ = std::min(count_ + 1, kCapacity);
    }
  }
  [[nodiscard]] bool Contains(std::uint8_t tag, ByteView name) const {
    const auto known = std::span(names_).first(count_);
    return std::ranges::find(known, SumOf(tag, name)) != known.end();
  }
  void Clear() { *this = ChangedNames{}; }

 private:
  static constexpr std::size_t kCapacity = 32;

  [[nodiscard]] static std::uint32_t SumOf(std::uint8_t tag, ByteView name) {
    FixedBytes<1 + iotsafe::kMaxLabelSize> both;  // a longer name is nobody's
    return both.Append(ByteView(&tag, 1)) && both.Append(name) ? Crc32Of(both.view()) : 0;
  }

  std::array<std::uint32_t, kCapacity> names_{};
  std::size_t next_ = 0;
  std::size_t count_ = 0;
};

}  // namespace simroot::card
