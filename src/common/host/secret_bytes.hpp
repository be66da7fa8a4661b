// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/secret.hpp"
#include "common/host/hex.hpp"

namespace simroot {

/// Secret bytes of a length that is known only at run time. Wiped on destruction and reassignment; moved,
/// never copied by accident.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(ByteView bytes) : bytes_(bytes.begin(), bytes.end()) {}
  SecretBytes(SecretBytes&& from) noexcept : bytes_(std::move(from.bytes_)) {}
  SecretBytes& operator=(SecretBytes&& from) noexcept {
    Wipe(bytes_);
    bytes_ = std::move(from.bytes_);
    return *this;
  }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes() { Wipe(bytes_); }

  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] ByteView Reveal(InsecureReveal /*reason*/) const { return bytes_; }

 private:
  Bytes bytes_;
};

}  // namespace simroot
