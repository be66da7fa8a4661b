// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/bytes.hpp"

namespace simroot {

/// A byte string of 0 to `kMax` bytes held in place: what identifiers and labels are made of.
template <std::size_t kMax>
class FixedBytes {
 public:
  static constexpr std::size_t kCapacity = kMax;

  constexpr FixedBytes() = default;

  /// Replaces the content. False, and the old content stays, if `bytes` is longer than the capacity.
  [[nodiscard]] constexpr bool Assign(ByteView bytes) {
    if (!CopyBytes(bytes, storage_)) {
      return false;
    }
    size_ = bytes.size();
    return true;
  }

  /// Adds to the content. False, and the content stays, if it does not fit.
  [[nodiscard]] constexpr bool Append(ByteView bytes) {
    if (!CopyBytes(bytes, ByteSpan(storage_).subspan(size_))) {
      return false;
    }
    size_ += bytes.size();
    return true;
  }

  constexpr void clear() { size_ = 0; }
  [[nodiscard]] constexpr ByteView view() const { return ByteView(storage_).first(size_); }
  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }

  friend constexpr bool operator==(const FixedBytes& a, const FixedBytes& b) { return SameBytes(a.view(), b.view()); }

 private:
  std::array<std::uint8_t, kMax> storage_{};
  std::size_t size_ = 0;
};

}  // namespace simroot
