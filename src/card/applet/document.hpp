// SPDX-License-Identifier: Apache-2.0
/// Documents that are too long to be held: they are written front to back into a sink, as often as needed.
#pragma once

#include "common/crypto/port.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::card {

/// Takes the bytes of a document in order.
class DocumentSink {
 public:
  virtual void Put(ByteView bytes) = 0;

 protected:
  ~DocumentSink() = default;
};

/// Something that can be written any number of times, the same bytes each time.
class Document {
 public:
  virtual void Write(DocumentSink& out) const = 0;

 protected:
  ~Document() = default;
};

/// Counts only.
class SizeSink final : public DocumentSink {
 public:
  void Put(ByteView bytes) override { size_ += bytes.size(); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::size_t size_ = 0;
};
[[nodiscard]] inline std::size_t SizeOf(const Document& document) {
  SizeSink sink;
  document.Write(sink);
  return sink.size();
}

/// Feeds a running hash.
class HashSink final : public DocumentSink {
 public:
  HashSink(crypto::Crypto& crypto, crypto::HashState& state) : crypto_(crypto), state_(state) {}
  void Put(ByteView bytes) override { ok_ = ok_ && crypto_.HashUpdate(state_, bytes); }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  crypto::Crypto& crypto_;
  crypto::HashState& state_;
  bool ok_ = true;
};

/// Keeps the bytes from `offset` on, as many as `window` takes.
class WindowSink final : public DocumentSink {
 public:
  WindowSink(std::size_t offset, ByteSpan window) : skip_(offset), window_(window) {}
  void Put(ByteView bytes) override {
    const std::size_t skipped = std::min(skip_, bytes.size());
    skip_ -= skipped;
    const ByteView rest = bytes.subspan(skipped);
    window_.PutBytes(rest.first(std::min(rest.size(), window_.free())));
  }
  [[nodiscard]] std::size_t size() const { return window_.size(); }

 private:
  std::size_t skip_;
  ByteWriter window_;
};

/// Writes tag and length of an element in DER.
inline void PutHead(std::uint8_t tag, std::size_t length, DocumentSink& out) {
  std::array<std::uint8_t, 5> memory{};
  ByteWriter head(memory);
  head.PutU8(tag);
  wire::PutBerLength(length, head);
  out.Put(head.written());
}
inline void PutElement(std::uint8_t tag, ByteView value, DocumentSink& out) {
  PutHead(tag, value.size(), out);
  out.Put(value);
}
/// Bytes of an element in DER whose value has `length` bytes.
[[nodiscard]] constexpr std::size_t ElementSize(std::size_t length) {
  return 1 + wire::BerLengthSize(length) + length;
}

}  // namespace simroot::card
