// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/bytes.hpp"

namespace simroot {

/// Overwrites `bytes` with zeros in a way the compiler may not remove.
inline void Wipe(ByteSpan bytes) {
  volatile std::uint8_t* const start = bytes.data();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    start[i] = 0;
  }
}

/// Compares two secrets of the same public length in a time that does not depend on their bytes.
[[nodiscard]] inline bool SameSecret(ByteView a, ByteView b) {
  if (a.size() != b.size()) {
    return false;
  }
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = LowByte(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

/// Names the reason why a secret is read. Searching for InsecureReveal finds every place that does.
enum class InsecureReveal : std::uint8_t {
  kForCrypto,  ///< handed to the crypto port
  kForStore,   ///< written to the card's own non-volatile memory
  kForTest,    ///< compared in a test
};

/// Up to `kMax` secret bytes in place: wiped on destruction and reassignment, not copyable, not printable.
template <std::size_t kMax>
class SecretArray {
 public:
  SecretArray() = default;
  SecretArray(const SecretArray&) = delete;
  SecretArray& operator=(const SecretArray&) = delete;
  SecretArray(SecretArray&&) = delete;
  SecretArray& operator=(SecretArray&&) = delete;
  ~SecretArray() { Clear(); }

  /// Replaces the content. False, and the content is empty, if `bytes` does not fit.
  [[nodiscard]] bool Assign(ByteView bytes) {
    Clear();
    if (!CopyBytes(bytes, storage_)) {
      return false;
    }
    size_ = bytes.size();
    return true;
  }

  /// All `count` bytes to be filled by the caller; an empty span if they do not fit. The old content is wiped.
  [[nodiscard]] ByteSpan Prepare(std::size_t count) {
    Clear();
    if (count > kMax) {
      return {};
    }
    size_ = count;
    return ByteSpan(storage_).first(count);
  }

  void Clear() {
    Wipe(storage_);
    size_ = 0;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  /// The bytes, borrowed until the next call that changes this object.
  [[nodiscard]] ByteView Reveal(InsecureReveal /*reason*/) const { return ByteView(storage_).first(size_); }

 private:
  std::array<std::uint8_t, kMax> storage_{};
  std::size_t size_ = 0;
};

}  // namespace simroot
