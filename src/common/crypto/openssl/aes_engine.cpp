// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/openssl/aes_engine.hpp"

#include <openssl/crypto.h>

#include <limits>

namespace simroot::crypto {
namespace {

using Block = std::array<std::uint8_t, kAesBlockSize>;
constexpr Block kZeroBlock{};
constexpr std::array<std::uint8_t, 32> kZeroKey{};

/// The time in which a context has a key.
class Keyed {
 public:
  Keyed(EVP_CIPHER_CTX* ctx, ByteView key, ByteView iv)
      : ctx_(ctx), ok_(EVP_CipherInit_ex2(ctx, nullptr, key.data(), iv.data(), -1, nullptr) == 1) {}
  ~Keyed() {
    if (EVP_CipherInit_ex2(ctx_, nullptr, kZeroKey.data(), kZeroBlock.data(), -1, nullptr) != 1) {
      EVP_CIPHER_CTX_reset(ctx_);  // useless from now on, and without the key
    }
  }
  Keyed(const Keyed&) = delete;
  Keyed& operator=(const Keyed&) = delete;

  /// Whole blocks, chained to those before.
  void Process(ByteView in, ByteSpan out) {
    int length = 0;
    ok_ = ok_ && in.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()) &&
          (in.empty() || (EVP_CipherUpdate(ctx_, out.data(), &length, in.data(), static_cast<int>(in.size())) == 1 &&
                          static_cast<std::size_t>(length) == in.size()));
  }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  EVP_CIPHER_CTX* ctx_;
  bool ok_;
};

/// `block` times x in the field of SP 800-38B, without a branch on its bits.
void Double(Block& block) {
  std::uint8_t carry = 0;
  for (auto byte = block.rbegin(); byte != block.rend(); ++byte) {
    const std::uint8_t next = LowByte(*byte >> 7U);
    *byte = LowByte((*byte << 1U) | carry);
    carry = next;
  }
  block.back() = LowByte(block.back() ^ (0x87U & (0U - carry)));
}

void XorInto(ByteView from, ByteSpan into) {
  std::ranges::transform(from, into, into.begin(), [](std::uint8_t a, std::uint8_t b) { return LowByte(a ^ b); });
}

/// The running CMAC: collects the message and keeps its end back, because the last block is treated apart.
class CmacRun {
 public:
  CmacRun(EVP_CIPHER_CTX* ctx, ByteView key) : keyed_(ctx, key, kZeroBlock) {
    // Enciphering a zero block gives L and leaves L in the chain. Adding it to the first block of the message takes it
    // out again, so no second initialisation is needed.
    keyed_.Process(kZeroBlock, l_);
  }
  ~CmacRun() {
    OPENSSL_cleanse(buffer_.data(), peak_);
    OPENSSL_cleanse(l_.data(), l_.size());
  }
  CmacRun(const CmacRun&) = delete;
  CmacRun& operator=(const CmacRun&) = delete;

  void Add(ByteView piece) {
    while (!piece.empty()) {
      if (used_ == buffer_.size()) {  // more follows: none of this is the last block
        Flush();
      }
      const ByteView part = piece.first(std::min(piece.size(), buffer_.size() - used_));
      std::ranges::copy(part, buffer_.begin() + static_cast<std::ptrdiff_t>(used_));
      used_ += part.size();
      peak_ = std::max(peak_, used_);
      piece = piece.subspan(part.size());
    }
  }

  [[nodiscard]] bool Finish(ByteSpan mac) {
    const std::size_t rest = used_ % kAesBlockSize;
    const bool whole = used_ != 0 && rest == 0;
    Block subkey = l_;
    Double(subkey);
    if (!whole) {
      Double(subkey);
      const ByteSpan padding = ByteSpan(buffer_).subspan(used_, kAesBlockSize - rest);
      std::ranges::fill(padding, std::uint8_t{0});
      padding.front() = 0x80;
      used_ += padding.size();
      peak_ = std::max(peak_, used_);
    }
    const ByteSpan last = ByteSpan(buffer_).subspan(used_ - kAesBlockSize, kAesBlockSize);
    XorInto(subkey, last);
    OPENSSL_cleanse(subkey.data(), subkey.size());
    Flush();
    std::ranges::copy(last, mac.begin());
    return keyed_.ok();
  }

 private:
  void Flush() {
    const ByteSpan filled = ByteSpan(buffer_).first(used_);
    if (first_) {
      XorInto(l_, filled.first(kAesBlockSize));
      first_ = false;
    }
    keyed_.Process(filled, filled);
    used_ = 0;
  }

  static constexpr std::size_t kChunk = 64 * kAesBlockSize;

  Keyed keyed_;
  Block l_{};
  bool first_ = true;
  std::size_t used_ = 0;
  std::size_t peak_ = 0;
  std::array<std::uint8_t, kChunk> buffer_;  // bytes beyond used_ are never read
};

}  // namespace

EVP_CIPHER_CTX* AesEngine::Context(Direction direction, std::size_t key_size) {
  EVP_CIPHER* const cipher = backend_.Aes(AesMode::kCbc, key_size);
  if (cipher == nullptr) {
    return nullptr;
  }
  EvpCipherCtx& ctx = contexts_.at(direction == Direction::kEncrypt ? 0 : 1).at(key_size / 8 - 2);
  if (ctx == nullptr || EVP_CIPHER_CTX_get0_cipher(ctx.get()) == nullptr) {
    ctx.reset(EVP_CIPHER_CTX_new());
    if (ctx == nullptr ||
        EVP_CipherInit_ex2(ctx.get(), cipher, kZeroKey.data(), kZeroBlock.data(),
                           direction == Direction::kEncrypt ? 1 : 0, nullptr) != 1 ||
        EVP_CIPHER_CTX_set_padding(ctx.get(), 0) != 1) {
      ctx.reset();
    }
  }
  return ctx.get();
}

bool AesEngine::Cbc(Direction direction, ByteView key, ByteView iv, ByteView in, ByteSpan out) {
  if (iv.size() != kAesBlockSize || in.size() % kAesBlockSize != 0 || out.size() != in.size()) {
    return false;
  }
  const ErrorScope errors;
  EVP_CIPHER_CTX* const ctx = Context(direction, key.size());
  if (ctx == nullptr) {
    return false;
  }
  Keyed keyed(ctx, key, iv);
  keyed.Process(in, out);
  if (!keyed.ok()) {
    OPENSSL_cleanse(out.data(), out.size());
  }
  return keyed.ok();
}

bool AesEngine::Cmac(ByteView key, ByteViews message, ByteSpan mac) {
  if (mac.size() != kAesBlockSize) {
    return false;
  }
  const ErrorScope errors;
  EVP_CIPHER_CTX* const ctx = Context(Direction::kEncrypt, key.size());
  if (ctx == nullptr) {
    return false;
  }
  CmacRun run(ctx, key);
  for (const ByteView piece : message) {
    run.Add(piece);
  }
  const bool ok = run.Finish(mac);
  if (!ok) {
    OPENSSL_cleanse(mac.data(), mac.size());
  }
  return ok;
}

}  // namespace simroot::crypto
