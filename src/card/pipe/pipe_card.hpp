// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/wire/byte_pipe.hpp"
#include "common/wire/card_endpoint.hpp"

namespace simroot::card {

/// Control codes that a product has besides those of the protocol.
class PipeExtension {
 public:
  /// Carries out `code`, kFirstProductControl or above. False if the product does not have it.
  [[nodiscard]] virtual bool Control(std::uint8_t code) = 0;

 protected:
  ~PipeExtension() = default;
};

/// The card's end of a byte pipe: takes bytes as they come, gives messages to be sent. No port, no heap, no clock.
class PipeCard {
 public:
  /// Everything is borrowed. @param command room for the longest command that is understood; a longer one is read to
  /// its end and answered with 6700. @param message room for kPipeLengthSize bytes, then the longest response; at least
  /// kMaxShortResponse bytes for that. @param extension nullptr for none.
  PipeCard(wire::CardEndpoint& card, ByteSpan command, ByteSpan message, PipeExtension* extension = nullptr)
      : card_(card), command_(command), message_(message), extension_(extension) {}
  ~PipeCard() { Abandon(); }
  PipeCard(const PipeCard&) = delete;
  PipeCard& operator=(const PipeCard&) = delete;

  /// Takes the next byte. @returns the message to be sent now, borrowed until the next call; empty if this byte ends
  /// none, or one that has no answer.
  [[nodiscard]] ByteView Take(std::uint8_t byte);

  /// True while a message has begun and is not complete.
  [[nodiscard]] bool InMessage() const { return length_bytes_ != 0; }

  /// Forgets the message that has begun, and wipes both memories: the other end is gone.
  void Abandon();

  [[nodiscard]] std::uint64_t apdus() const { return apdus_; }

 private:
  [[nodiscard]] ByteView Serve();
  [[nodiscard]] ByteView Control(std::uint8_t code);
  [[nodiscard]] ByteView RunCommand(ByteView command);
  [[nodiscard]] ByteView Send(ByteView body);

  wire::CardEndpoint& card_;
  ByteSpan command_;
  ByteSpan message_;
  PipeExtension* extension_;
  std::size_t length_bytes_ = 0;  ///< of the length that have come
  std::size_t length_ = 0;
  std::size_t received_ = 0;  ///< bytes behind the length
  std::uint64_t apdus_ = 0;
};

}  // namespace simroot::card
