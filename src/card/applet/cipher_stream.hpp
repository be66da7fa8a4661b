// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/applet/block_buffer.hpp"
#include "common/iotsafe/extensions.hpp"

namespace simroot::card {

enum class CipherResult : std::uint8_t {
  kOk,
  kBadData,  ///< decryption in CBC mode: no whole blocks, or a padding that is none. One value for every cause
  kFailed,   ///< of the backend
};

/// One message through AES in CBC mode with PKCS#7 padding, or in CTR mode, in pieces of any size. All it remembers is
/// in `buffer`, so that it can be made anew for every piece. `key` has 16, 24 or 32 bytes; everything is borrowed.
class CipherStream {
 public:
  CipherStream(crypto::Crypto& crypto, ByteView key, iotsafe::CipherMode mode, crypto::Direction direction,
               BlockBuffer& buffer)
      : crypto_(crypto), key_(key), mode_(mode), direction_(direction), buffer_(buffer) {}

  /// Bytes that `out` of Take and Finish together must have room for, given `in_size` more bytes of input.
  [[nodiscard]] static constexpr std::size_t MaxOutput(std::size_t in_size) {
    return in_size + 2 * crypto::kAesBlockSize;
  }
  /// Takes the next piece and writes what can be written of it.
  [[nodiscard]] CipherResult Take(ByteView in, ByteWriter& out);
  /// Ends the message: writes the padding, or takes it off without telling by its time what was wrong with it.
  [[nodiscard]] CipherResult Finish(ByteWriter& out);

 private:
  [[nodiscard]] CipherResult TakeCbc(ByteView in, ByteWriter& out);
  [[nodiscard]] CipherResult TakeCtr(ByteView in, ByteWriter& out);
  [[nodiscard]] CipherResult PutBlocks(ByteView blocks, ByteWriter& out);
  [[nodiscard]] CipherResult PutWithCounter(ByteView in, ByteWriter& out);
  [[nodiscard]] CipherResult TakePaddingOff(ByteWriter& out);

  crypto::Crypto& crypto_;
  ByteView key_;
  iotsafe::CipherMode mode_;
  crypto::Direction direction_;
  BlockBuffer& buffer_;
};

}  // namespace simroot::card
