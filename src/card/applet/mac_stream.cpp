// SPDX-License-Identifier: Apache-2.0
#include "card/applet/mac_stream.hpp"

#include "common/base/secret.hpp"

namespace simroot::card {
namespace {

using crypto::kAesBlockSize;

/// Bytes of a message that go through the cipher at once.
constexpr std::size_t kRunSize = 8 * kAesBlockSize;

/// Multiplies by x in the field of 2^128 elements (SP 800-38B 6.1), without a branch on secret bits.
void Double(AesBlock& block) {
  constexpr unsigned kReduction = 0x87;
  const unsigned top = block.front() >> 7U;
  unsigned carry = 0;
  for (auto byte = block.rbegin(); byte != block.rend(); ++byte) {
    const unsigned shifted = (static_cast<unsigned>(*byte) << 1U) | carry;
    carry = shifted >> 8U;
    *byte = LowByte(shifted);
  }
  block.back() = LowByte(block.back() ^ (kReduction & (0U - top)));
}

}  // namespace

bool MacStream::Take(ByteView in) {
  buffer_.Fill(in);
  if (in.empty()) {
    return true;  // what is held may be the end of the message, which is treated in another way
  }
  if (!Chain(buffer_.held)) {
    return false;
  }
  buffer_.held_size = 0;
  std::size_t whole = (in.size() - 1) / kAesBlockSize * kAesBlockSize;
  while (whole > 0) {
    const std::size_t run = std::min(whole, kRunSize);
    if (!Chain(in.first(run))) {
      return false;
    }
    in = in.subspan(run);
    whole -= run;
  }
  buffer_.Fill(in);
  return true;
}

bool MacStream::Chain(ByteView blocks) {
  std::array<std::uint8_t, kRunSize> ciphertext{};
  const ByteSpan out = ByteSpan(ciphertext).first(blocks.size());
  const bool done = crypto_.AesCbc(crypto::Direction::kEncrypt, key_, buffer_.chain, blocks, out);
  std::ranges::copy(out.last(kAesBlockSize), buffer_.chain.begin());
  Wipe(ciphertext);
  return done;
}

bool MacStream::Finish(ByteSpan mac) {
  constexpr std::uint8_t kPadding = 0x80;
  constexpr AesBlock kZeros{};
  AesBlock subkey{};
  bool done = crypto_.AesCbc(crypto::Direction::kEncrypt, key_, kZeros, kZeros, subkey);
  Double(subkey);
  if (buffer_.held_size < kAesBlockSize) {
    Double(subkey);
    const ByteSpan padding = ByteSpan(buffer_.held).subspan(buffer_.held_size);
    std::ranges::fill(padding, std::uint8_t{0});
    padding.front() = kPadding;
  }
  std::ranges::transform(buffer_.held, subkey, buffer_.held.begin(),
                         [](std::uint8_t a, std::uint8_t b) { return LowByte(a ^ b); });
  done = done && crypto_.AesCbc(crypto::Direction::kEncrypt, key_, buffer_.chain, buffer_.held, mac);
  Wipe(subkey);
  return done;
}

}  // namespace simroot::card
