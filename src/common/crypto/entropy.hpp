// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/bytes.hpp"

namespace simroot::crypto {

/// Where a backend that brings its own generator gets its seed from: the true random source of the chip or host.
class Entropy {
 public:
  /// Fills `out` with bytes of full entropy. False if the source fails its checks; `out` is then not used.
  [[nodiscard]] virtual bool Fill(ByteSpan out) = 0;

 protected:
  ~Entropy() = default;
};

}  // namespace simroot::crypto
