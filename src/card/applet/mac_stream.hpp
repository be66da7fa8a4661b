// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/applet/block_buffer.hpp"

namespace simroot::card {

/// AES-CMAC (NIST SP 800-38B) of a message that comes in pieces of any size. All it remembers is in `buffer`, which is
/// zero at first. `key` has 16, 24 or 32 bytes; everything is borrowed. Functions return false on failure of the
/// backend.
class MacStream {
 public:
  MacStream(crypto::Crypto& crypto, ByteView key, BlockBuffer& buffer) : crypto_(crypto), key_(key), buffer_(buffer) {}

  [[nodiscard]] bool Take(ByteView in);
  /// Ends the message. @param mac 16 bytes.
  [[nodiscard]] bool Finish(ByteSpan mac);

 private:
  [[nodiscard]] bool Chain(ByteView blocks);

  crypto::Crypto& crypto_;
  ByteView key_;
  BlockBuffer& buffer_;
};

}  // namespace simroot::card
