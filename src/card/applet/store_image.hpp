// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/applet/object_store.hpp"
#include "common/base/crc32.hpp"

namespace simroot::card {

/// Reads and writes the content of a store as one of the two copies in its NVM range (docs/formats/nvm.md).
class StoreImage {
 public:
  explicit StoreImage(ObjectStore& store) : store_(store) {}

  /// Fills the store from the newest copy that passes its check; wipes what is left of the other copy.
  [[nodiscard]] StoreState Read();
  /// Writes the store, staged values in place of current ones, as the next copy and makes it the active one.
  [[nodiscard]] bool Write();
  /// True if the content, staged values included, fits into one copy.
  [[nodiscard]] bool Fits() const;
  /// Overwrites both copies with zeros.
  [[nodiscard]] bool Erase();

  static constexpr std::size_t kHeaderSize = 28;

 private:
  struct Header {
    std::uint32_t sequence = 0;
    std::uint32_t length = 0;
    std::uint32_t payload_crc = 0;
    std::uint32_t epoch = 0;
  };
  class Writer;
  class Reader;

  [[nodiscard]] std::size_t CopySize() const { return store_.range_.size / 2; }
  [[nodiscard]] std::size_t CopyOffset(std::uint8_t copy) const { return store_.range_.offset + copy * CopySize(); }
  [[nodiscard]] bool ReadHeader(std::uint8_t copy, Header& out);
  [[nodiscard]] bool WriteHeader(std::uint8_t copy, const Header& header);
  [[nodiscard]] bool PayloadIsIntact(std::uint8_t copy, const Header& header);
  [[nodiscard]] bool EraseCopy(std::uint8_t copy);
  [[nodiscard]] bool EraseRange(std::size_t offset, std::size_t size);
  [[nodiscard]] bool IsBlank(std::uint8_t copy);
  void WriteObjects(Writer& out) const;
  [[nodiscard]] bool ReadObjects(Reader& in);
  [[nodiscard]] bool ReadObject(Reader& in);

  ObjectStore& store_;
};

}  // namespace simroot::card
