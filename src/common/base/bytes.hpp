// SPDX-License-Identifier: Apache-2.0
/// Views of bytes, an all-or-nothing reader and a writer that remembers overflow.
/// These are the only two places where a position inside a buffer is computed by hand.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace simroot {

using ByteView = std::span<const std::uint8_t>;
using ByteSpan = std::span<std::uint8_t>;

/// Narrows `value` to a byte. The caller has made sure, or wants, that only the low eight bits remain.
template <typename T>
[[nodiscard]] constexpr std::uint8_t LowByte(T value) {
  return static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) & 0xFFU);
}

/// True if both views have the same length and the same bytes. Not constant time: never for secrets.
[[nodiscard]] constexpr bool SameBytes(ByteView a, ByteView b) {
  return std::ranges::equal(a, b);
}

/// Copies all of `from` to the start of `to`. False, and nothing is copied, if it does not fit.
[[nodiscard]] constexpr bool CopyBytes(ByteView from, ByteSpan to) {
  if (from.size() > to.size()) {
    return false;
  }
  std::ranges::copy(from, to.begin());
  return true;
}

/// A cursor over bytes it does not own. Every Read function either succeeds and moves the cursor, or fails, leaves the
/// cursor and its output untouched, and returns false. All integers are big endian.
class ByteReader {
 public:
  constexpr ByteReader() = default;
  constexpr explicit ByteReader(ByteView bytes) : rest_(bytes) {}

  [[nodiscard]] constexpr bool empty() const { return rest_.empty(); }
  [[nodiscard]] constexpr std::size_t remaining() const { return rest_.size(); }
  /// The bytes not yet read.
  [[nodiscard]] constexpr ByteView rest() const { return rest_; }

  [[nodiscard]] constexpr bool PeekU8(std::uint8_t& out) const {
    if (rest_.empty()) {
      return false;
    }
    out = rest_.front();
    return true;
  }

  [[nodiscard]] constexpr bool ReadU8(std::uint8_t& out) {
    if (!PeekU8(out)) {
      return false;
    }
    rest_ = rest_.subspan(1);
    return true;
  }

  [[nodiscard]] constexpr bool ReadU16(std::uint16_t& out) {
    std::uint32_t value = 0;
    if (!ReadBigEndian(2, value)) {
      return false;
    }
    out = static_cast<std::uint16_t>(value);
    return true;
  }

  [[nodiscard]] constexpr bool ReadU24(std::uint32_t& out) { return ReadBigEndian(3, out); }
  [[nodiscard]] constexpr bool ReadU32(std::uint32_t& out) { return ReadBigEndian(4, out); }

  /// `out` borrows from the bytes the reader was made from.
  [[nodiscard]] constexpr bool ReadBytes(std::size_t count, ByteView& out) {
    if (count > rest_.size()) {
      return false;
    }
    out = rest_.first(count);
    rest_ = rest_.subspan(count);
    return true;
  }

  [[nodiscard]] constexpr bool Skip(std::size_t count) {
    ByteView ignored;
    return ReadBytes(count, ignored);
  }

 private:
  [[nodiscard]] constexpr bool ReadBigEndian(std::size_t count, std::uint32_t& out) {
    ByteView raw;
    if (!ReadBytes(count, raw)) {
      return false;
    }
    std::uint32_t value = 0;
    for (const std::uint8_t byte : raw) {
      value = (value << 8U) | byte;
    }
    out = value;
    return true;
  }

  ByteView rest_;
};

/// Writes into memory it does not own. The first overflow is remembered and everything after it is ignored, so a
/// sequence of Put calls needs one check of ok() at its end.
class ByteWriter {
 public:
  constexpr explicit ByteWriter(ByteSpan memory) : memory_(memory) {}

  /// False once anything did not fit.
  [[nodiscard]] constexpr bool ok() const { return ok_; }
  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr std::size_t free() const { return memory_.size() - size_; }
  [[nodiscard]] constexpr ByteView written() const { return memory_.first(size_); }

  constexpr void PutU8(std::uint8_t value) {
    const ByteSpan place = Reserve(1);
    if (!place.empty()) {
      place.front() = value;
    }
  }
  constexpr void PutU16(std::uint16_t value) {
    PutU8(LowByte(value >> 8U));
    PutU8(LowByte(value));
  }
  constexpr void PutU32(std::uint32_t value) {
    PutU16(static_cast<std::uint16_t>(value >> 16U));
    PutU16(static_cast<std::uint16_t>(value & 0xFFFFU));
  }
  constexpr void PutBytes(ByteView bytes) {
    const ByteSpan place = Reserve(bytes.size());
    if (ok_) {
      std::ranges::copy(bytes, place.begin());
    }
  }

  /// Takes the next `count` bytes to be filled by the caller. Empty, and ok() turns false, if they do not fit.
  [[nodiscard]] constexpr ByteSpan Reserve(std::size_t count) {
    if (!ok_ || count > free()) {
      ok_ = false;
      return {};
    }
    const ByteSpan place = memory_.subspan(size_, count);
    size_ += count;
    return place;
  }

  /// Forgets everything after the first `size` bytes; a remembered overflow is forgotten too.
  constexpr void Truncate(std::size_t size) {
    size_ = std::min(size, size_);
    ok_ = true;
  }

 private:
  ByteSpan memory_;
  std::size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace simroot
