// SPDX-License-Identifier: Apache-2.0
/// Certificates and public keys on disk, so that a program started a second time reads nothing from the card but who it
/// is. One file per card and object.
#pragma once

#include "device/client/card.hpp"

namespace simroot::device::client {

/// Which object on which card. Everything but the change counter, which says of what age the content is.
struct CacheKey {
  std::string iccid;  ///< 18 to 20 decimal digits; anything else is never cached
  Bytes aid;          ///< the applet: a card may hold several
  ObjectName object;
};

/// Files are `ICCID-CRC` in a private directory. Layout, integers big endian:
/// "SRCC", version 01, CRC-32 of all that follows (4), counter (4), length of key (2), key, length of content (4),
/// content. The key is written out in full, so files of equal name are told apart. A CRC is enough: nobody else can
/// write to the directory, only damage has to be found. A file that is damaged, too short or long, of another key,
/// counter or version is as good as none, and is replaced.
class Cache {
 public:
  static constexpr std::size_t kMaxContent = 65535;  ///< bytes, the largest file of a card

  /// @param directory empty for no cache. Nothing is touched before the first Find or Store.
  explicit Cache(std::string directory) : directory_(std::move(directory)) {}

  [[nodiscard]] bool enabled() const { return !directory_.empty(); }
  [[nodiscard]] std::optional<Bytes> Find(const CacheKey& key, std::uint32_t counter) const;
  /// Failures are silent: the card has it still.
  void Store(const CacheKey& key, std::uint32_t counter, ByteView content) const;

 private:
  std::string directory_;
};

}  // namespace simroot::device::client
