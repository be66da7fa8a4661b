// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/bytes.hpp"
#include "common/iotsafe/vocabulary.hpp"

namespace simroot::card {

/// Follows the text of a full text signature and tells whether it has the form that the key's usage (tag 4E) asks for:
/// what a card can check of a TLS CertificateVerify without running the handshake itself (docs/adr/0011).
///
/// TLS 1.3 (RFC 8446 4.4.3): 64 times 20, "TLS 1.3, client CertificateVerify", 00, and a hash of 32, 48 or 64 bytes.
/// TLS 1.2 (RFC 5246 7.4.8, RFC 6347 4.2.6 for DTLS): whole handshake messages, the first a ClientHello of version 1.2,
/// the second a ServerHello, the last a ClientKeyExchange. Text of one form never has the other.
class UsageCheck {
 public:
  /// A check that every text passes.
  UsageCheck() = default;
  /// The check for keys of `usage`; for general purpose it passes every text.
  explicit UsageCheck(iotsafe::KeyUsage usage);

  /// True if only a text is good enough: modes that hand in a hash tell nothing of what is signed.
  [[nodiscard]] bool NeedsText() const { return form_ != Form::kAny; }
  /// Takes the next piece of the text. False as soon as no continuation can have the right form; it stays false.
  [[nodiscard]] bool Take(ByteView piece);
  /// True if the text taken so far is complete and of the right form.
  [[nodiscard]] bool Passed() const;

 private:
  enum class Form : std::uint8_t { kAny, kTls13, kTls12 };
  enum class Layer : std::uint8_t { kUnknown, kStream, kDatagram };

  [[nodiscard]] bool TakeTls13(std::uint8_t byte) const;
  [[nodiscard]] bool TakeTls12(std::uint8_t byte);
  [[nodiscard]] bool TakeHeader(std::uint8_t byte);
  [[nodiscard]] bool BeginsRightly() const;

  Form form_ = Form::kAny;
  bool failed_ = false;
  std::uint32_t position_ = 0;  ///< bytes of text so far
  // TLS 1.2: where the text is in its handshake messages.
  Layer layer_ = Layer::kUnknown;
  std::uint8_t header_used_ = 0;   ///< bytes of the current message's header so far
  std::uint8_t type_ = 0;          ///< of the current message
  std::uint8_t version_seen_ = 0;  ///< bytes of the ClientHello's version so far
  std::uint32_t messages_ = 0;
  std::uint32_t body_left_ = 0;
  std::uint32_t fragment_length_ = 0;
};

}  // namespace simroot::card
