// SPDX-License-Identifier: Apache-2.0
/// Hexadecimal text and a bounded text writer, without heap.
#pragma once

#include <string_view>

#include "common/base/bytes.hpp"

namespace simroot {

namespace detail {

/// By character; branches on digits are guessed wrong half of the time.
inline constexpr auto kHexDigitValues = [] {
  std::array<signed char, 256> values{};
  values.fill(-1);
  for (unsigned digit = 0; digit < 16; ++digit) {
    values.at(digit < 10 ? '0' + digit : 'A' + digit - 10) = static_cast<signed char>(digit);
    values.at(digit < 10 ? '0' + digit : 'a' + digit - 10) = static_cast<signed char>(digit);
  }
  return values;
}();

}  // namespace detail

/// The value of one hexadecimal digit of either case, or -1.
[[nodiscard]] constexpr int HexDigitValue(char digit) {
  return detail::kHexDigitValues[static_cast<unsigned char>(digit)];
}

/// Reads pairs of hexadecimal digits, nothing else between them, into `out`. False if there is an odd digit, another
/// character, or more bytes than `out` takes; `out` may then be partly written.
[[nodiscard]] constexpr bool ParseHex(std::string_view text, ByteWriter& out) {
  if (text.size() % 2 != 0) {
    return false;
  }
  while (!text.empty()) {
    const int high = HexDigitValue(text[0]);
    const int low = HexDigitValue(text[1]);
    if (high < 0 || low < 0) {
      return false;
    }
    out.PutU8(static_cast<std::uint8_t>(high * 16 + low));
    text.remove_prefix(2);
  }
  return out.ok();
}

/// Appends text to memory it does not own; what does not fit is cut off and remembered.
class TextWriter {
 public:
  constexpr explicit TextWriter(std::span<char> memory) : memory_(memory) {}

  [[nodiscard]] constexpr bool ok() const { return ok_; }
  [[nodiscard]] constexpr std::string_view text() const { return {memory_.data(), size_}; }

  constexpr void Put(char c) {
    if (size_ == memory_.size()) {
      ok_ = false;
      return;
    }
    memory_[size_++] = c;
  }
  constexpr void Put(std::string_view text) {
    for (const char c : text) {
      Put(c);
    }
  }
  /// Upper-case hexadecimal, two digits a byte, no spaces.
  constexpr void PutHex(ByteView bytes) {
    for (const std::uint8_t byte : bytes) {
      PutHexByte(byte);
    }
  }
  constexpr void PutHexByte(std::uint8_t byte) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    Put(kDigits[byte >> 4U]);
    Put(kDigits[byte & 0x0FU]);
  }
  constexpr void PutDecimal(std::size_t value) {
    std::array<char, 20> digits{};
    std::size_t count = 0;
    do {
      digits[count++] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    while (count > 0) {
      Put(digits[--count]);
    }
  }

 private:
  std::span<char> memory_;
  std::size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace simroot
