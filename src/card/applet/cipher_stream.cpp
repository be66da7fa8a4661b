// SPDX-License-Identifier: Apache-2.0
#include "card/applet/cipher_stream.hpp"

#include "common/base/secret.hpp"

namespace simroot::card {
namespace {

using crypto::Direction;
using crypto::kAesBlockSize;

/// Adds to a counter block, which counts as one number of 128 bits.
void Advance(AesBlock& counter, std::size_t blocks) {
  std::size_t carry = blocks;
  for (auto digit = counter.rbegin(); digit != counter.rend() && carry != 0; ++digit) {
    carry += *digit;
    *digit = LowByte(carry);
    carry >>= 8U;
  }
}

/// FF if a < b, else 00, for numbers below 256; without a branch.
[[nodiscard]] constexpr std::uint8_t MaskIfLess(unsigned a, unsigned b) {
  return LowByte((a - b) >> 8U);
}

/// Bytes in front of the padding of the last block; kAesBlockSize if it is none. Every byte is looked at, and nothing
/// is decided before the end: the time tells nothing of the text.
[[nodiscard]] std::size_t SizeWithoutPadding(const AesBlock& block) {
  const unsigned padding = block.back();
  unsigned wrong = MaskIfLess(padding, 1) | MaskIfLess(kAesBlockSize, padding);
  unsigned position_from_end = kAesBlockSize;
  for (const std::uint8_t byte : block) {
    const unsigned is_padding = MaskIfLess(position_from_end - 1, padding);
    wrong |= is_padding & (byte ^ padding);
    --position_from_end;
  }
  const unsigned is_wrong = MaskIfLess(0, wrong & 0xFFU);
  return (is_wrong & kAesBlockSize) | (~is_wrong & 0xFFU & (kAesBlockSize - padding));
}

}  // namespace

CipherResult CipherStream::Take(ByteView in, ByteWriter& out) {
  return mode_ == iotsafe::CipherMode::kCbc ? TakeCbc(in, out) : TakeCtr(in, out);
}

CipherResult CipherStream::Finish(ByteWriter& out) {
  if (mode_ != iotsafe::CipherMode::kCbc) {
    return CipherResult::kOk;
  }
  if (direction_ == Direction::kDecrypt) {
    return TakePaddingOff(out);
  }
  const std::size_t padding = kAesBlockSize - buffer_.held_size;
  std::ranges::fill(ByteSpan(buffer_.held).last(padding), LowByte(padding));
  return PutBlocks(buffer_.held, out);
}

CipherResult CipherStream::TakeCbc(ByteView in, ByteWriter& out) {
  buffer_.Fill(in);
  // The last block of a ciphertext holds the padding: it waits until it is known not to be the last.
  const bool keep_one = direction_ == Direction::kDecrypt;
  if (buffer_.held_size < kAesBlockSize || (keep_one && in.empty())) {
    return CipherResult::kOk;
  }
  const CipherResult result = PutBlocks(buffer_.held, out);
  buffer_.held_size = 0;
  if (result != CipherResult::kOk) {
    return result;
  }
  const std::size_t usable = in.size() - (keep_one ? 1 : 0);
  const std::size_t whole = in.empty() ? 0 : usable / kAesBlockSize * kAesBlockSize;
  if (whole > 0 && PutBlocks(in.first(whole), out) != CipherResult::kOk) {
    return CipherResult::kFailed;
  }
  in = in.subspan(whole);
  buffer_.Fill(in);
  return CipherResult::kOk;
}

CipherResult CipherStream::PutBlocks(ByteView blocks, ByteWriter& out) {
  const ByteSpan place = out.Reserve(blocks.size());
  if (place.empty() || !crypto_.AesCbc(direction_, key_, buffer_.chain, blocks, place)) {
    return CipherResult::kFailed;
  }
  const ByteView ciphertext = direction_ == Direction::kEncrypt ? ByteView(place) : blocks;
  std::ranges::copy(ciphertext.last(kAesBlockSize), buffer_.chain.begin());
  return CipherResult::kOk;
}

CipherResult CipherStream::TakePaddingOff(ByteWriter& out) {
  if (buffer_.held_size != kAesBlockSize) {
    return CipherResult::kBadData;
  }
  AesBlock plain{};
  CipherResult result = CipherResult::kFailed;
  if (crypto_.AesCbc(Direction::kDecrypt, key_, buffer_.chain, buffer_.held, plain)) {
    const std::size_t size = SizeWithoutPadding(plain);
    result = size < kAesBlockSize ? CipherResult::kOk : CipherResult::kBadData;
    out.PutBytes(ByteView(plain).first(size < kAesBlockSize ? size : 0));
  }
  Wipe(plain);
  return result;
}

CipherResult CipherStream::TakeCtr(ByteView in, ByteWriter& out) {
  if (buffer_.held_size > 0) {  // the rest of a block whose key stream was used in part
    AesBlock block{};
    const ByteSpan rest = ByteSpan(block).subspan(buffer_.held_size);
    const ByteView piece = in.first(std::min(rest.size(), in.size()));
    std::ranges::copy(piece, rest.begin());
    const bool done = crypto_.AesCtr(key_, buffer_.chain, block, block);
    out.PutBytes(ByteView(rest).first(piece.size()));
    Wipe(block);
    if (!done) {
      return CipherResult::kFailed;
    }
    buffer_.held_size = LowByte((buffer_.held_size + piece.size()) % kAesBlockSize);
    Advance(buffer_.chain, buffer_.held_size == 0 ? 1 : 0);
    in = in.subspan(piece.size());
  }
  return in.empty() ? CipherResult::kOk : PutWithCounter(in, out);
}

CipherResult CipherStream::PutWithCounter(ByteView in, ByteWriter& out) {
  const ByteSpan place = out.Reserve(in.size());
  if (place.empty() || !crypto_.AesCtr(key_, buffer_.chain, in, place)) {
    return CipherResult::kFailed;
  }
  Advance(buffer_.chain, in.size() / kAesBlockSize);
  buffer_.held_size = LowByte(in.size() % kAesBlockSize);
  return CipherResult::kOk;
}

}  // namespace simroot::card
