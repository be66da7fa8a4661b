// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <random>
#include <vector>

#include "card/port/nvm.hpp"
#include "common/host/hex.hpp"

namespace simroot::card {

/// Non-volatile memory for tests that does everything to a store that nvm.hpp allows: what was written since the last
/// Sync reaches the medium in any order, in part, or as garbage when power fails.
class FaultNvm final : public Nvm {
 public:
  enum class Fault : std::uint8_t {
    kPower,  ///< from that operation on every call fails; Image() shows what is left
    kOnce,   ///< only that operation fails, and a write has done half of its work
  };
  /// What is left of the writes since the last Sync.
  enum class Tear : std::uint8_t {
    kNothing,  ///< none of them
    kAll,      ///< all of them, the one that was cut included
    kPrefix,   ///< all, and the first bytes of the one that was cut
    kSubset,   ///< some of them, in any order, some of them in part
    kPage64,   ///< some of them, and in one of them the part that lies in one page of 64 bytes is garbage
    kPage256,  ///< the same with a page of 256 bytes
  };

  /// @param operation number of the Write or Sync, from 0, that fails. Nothing: none.
  explicit FaultNvm(Bytes medium, std::optional<unsigned> operation = std::nullopt, Fault fault = Fault::kPower)
      : medium_(std::move(medium)), view_(medium_), failing_(operation), fault_(fault) {}

  [[nodiscard]] unsigned operations() const { return operations_; }  ///< Write and Sync calls so far
  [[nodiscard]] bool has_power() const { return power_; }
  /// Bytes of the write that power failed in; 0 if it failed in a Sync.
  [[nodiscard]] std::size_t cut_size() const { return cut_in_write_ ? pending_.back().bytes.size() : 0; }

  /// The content after loss of power. @param prefix for kPrefix: bytes of the last write that arrived.
  [[nodiscard]] Bytes Image(Tear tear, std::mt19937& random, std::size_t prefix = 0) const {
    Bytes image = medium_;
    switch (tear) {
      case Tear::kNothing:
        break;
      case Tear::kAll:
      case Tear::kPrefix:
        for (const Piece& piece : pending_) {
          const bool cut = tear == Tear::kPrefix && cut_in_write_ && &piece == &pending_.back();
          Put(image, piece, cut ? std::min(prefix, piece.bytes.size()) : piece.bytes.size());
        }
        break;
      case Tear::kSubset:
        PutSome(image, random);
        break;
      case Tear::kPage64:
      case Tear::kPage256:
        PutSome(image, random);
        PutGarbage(image, tear == Tear::kPage64 ? 64 : 256, random);
        break;
    }
    return image;
  }

  [[nodiscard]] std::size_t Size() const override { return view_.size(); }

  [[nodiscard]] bool Read(std::size_t offset, ByteSpan out) override {
    if (!power_ || !Inside(offset, out.size())) {
      return false;
    }
    std::copy_n(ByteView(view_).subspan(offset).data(), out.size(), out.data());
    return true;
  }

  [[nodiscard]] bool Write(std::size_t offset, ByteView data) override {
    if (!power_ || !Inside(offset, data.size())) {
      return false;
    }
    const bool fails = operations_++ == failing_;
    pending_.push_back({offset, Bytes(data.begin(), data.end())});
    if (fails && fault_ == Fault::kOnce) {
      pending_.back().bytes.resize(data.size() / 2);
    }
    Put(view_, pending_.back(), pending_.back().bytes.size());
    if (fails && fault_ == Fault::kPower) {
      power_ = false;
      cut_in_write_ = true;
    }
    return !fails;
  }

  [[nodiscard]] bool Sync() override {
    if (!power_) {
      return false;
    }
    if (operations_++ == failing_) {
      power_ = fault_ != Fault::kPower;
      return false;
    }
    pending_.clear();
    medium_ = view_;
    return true;
  }

 private:
  struct Piece {
    std::size_t offset = 0;
    Bytes bytes;
  };

  [[nodiscard]] bool Inside(std::size_t offset, std::size_t count) const {
    return offset <= view_.size() && count <= view_.size() - offset;
  }
  static void Put(Bytes& image, const Piece& piece, std::size_t count) {
    std::ranges::copy(ByteView(piece.bytes).first(count), ByteSpan(image).subspan(piece.offset).begin());
  }
  static std::size_t Below(std::size_t end, std::mt19937& random) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
  }

  void PutSome(Bytes& image, std::mt19937& random) const {
    std::vector<const Piece*> order;
    for (const Piece& piece : pending_) {
      order.push_back(&piece);
    }
    std::shuffle(order.begin(), order.end(), random);
    for (const Piece* const piece : order) {
      const std::size_t kind = Below(3, random);
      if (kind != 0) {
        Put(image, *piece, kind == 1 ? piece->bytes.size() : Below(piece->bytes.size() + 1, random));
      }
    }
  }

  void PutGarbage(Bytes& image, std::size_t page_size, std::mt19937& random) const {
    if (pending_.empty()) {
      return;
    }
    const Piece& piece = pending_.at(Below(pending_.size(), random));
    if (piece.bytes.empty()) {
      return;
    }
    const std::size_t page = (piece.offset + Below(piece.bytes.size(), random)) / page_size * page_size;
    const std::size_t start = std::max(page, piece.offset);
    const std::size_t end = std::min(page + page_size, piece.offset + piece.bytes.size());
    for (std::uint8_t& byte : ByteSpan(image).subspan(start, end - start)) {
      byte = LowByte(random());
    }
  }

  Bytes medium_;
  Bytes view_;
  std::vector<Piece> pending_;
  std::optional<unsigned> failing_;
  Fault fault_;
  unsigned operations_ = 0;
  bool power_ = true;
  bool cut_in_write_ = false;
};

}  // namespace simroot::card
