// SPDX-License-Identifier: Apache-2.0
#include "card/applet/usage_check.hpp"

#include <string_view>

namespace simroot::card {
namespace {

// RFC 8446 4.4.3.
constexpr std::size_t kSpaces = 64;
constexpr std::uint8_t kSpace = 0x20;
constexpr std::string_view kContext = "TLS 1.3, client CertificateVerify";
constexpr std::size_t kMaxTranscriptHash = 64;
/// The text in front of the transcript hash; its last byte is 00.
constexpr auto kPrefix = [] {
  std::array<std::uint8_t, kSpaces + kContext.size() + 1> prefix{};
  ByteWriter writer(prefix);
  std::ranges::fill(writer.Reserve(kSpaces), kSpace);
  for (const char c : kContext) {
    writer.PutU8(LowByte(static_cast<unsigned char>(c)));
  }
  return prefix;
}();

// RFC 5246 7.4 and RFC 6347 4.2.2.
constexpr std::uint8_t kClientHello = 0x01;
constexpr std::uint8_t kServerHello = 0x02;
constexpr std::uint8_t kClientKeyExchange = 0x10;
constexpr std::uint8_t kStreamHeader = 4;     ///< type, length(3)
constexpr std::uint8_t kDatagramHeader = 12;  ///< type, length(3), sequence(2), fragment offset(3), fragment length(3)
/// Counting stops here: far behind every position that means something.
constexpr std::uint32_t kMaxPosition = 0xFFFF;
constexpr std::array<std::uint8_t, 2> kTls12Version{0x03, 0x03};
constexpr std::array<std::uint8_t, 2> kDtls12Version{0xFE, 0xFD};

}  // namespace

UsageCheck::UsageCheck(iotsafe::KeyUsage usage)
    : form_(usage == iotsafe::KeyUsage::kTls13   ? Form::kTls13
            : usage == iotsafe::KeyUsage::kTls12 ? Form::kTls12
                                                 : Form::kAny) {}

bool UsageCheck::Take(ByteView piece) {
  if (form_ == Form::kAny) {
    return true;
  }
  for (const std::uint8_t byte : piece) {
    failed_ = failed_ || !(form_ == Form::kTls13 ? TakeTls13(byte) : TakeTls12(byte));
    if (failed_) {
      return false;
    }
    position_ += position_ < kMaxPosition ? 1 : 0;
  }
  return true;
}

bool UsageCheck::Passed() const {
  if (failed_) {
    return false;
  }
  switch (form_) {
    case Form::kAny:
      return true;
    case Form::kTls13:
      return position_ == kPrefix.size() + 32 || position_ == kPrefix.size() + 48 ||
             position_ == kPrefix.size() + kMaxTranscriptHash;
    case Form::kTls12:
      return messages_ >= 3 && body_left_ == 0 && header_used_ == 0 && type_ == kClientKeyExchange;
  }
  return false;
}

bool UsageCheck::TakeTls13(std::uint8_t byte) const {
  return position_ < kPrefix.size() ? byte == kPrefix[position_] : position_ < kPrefix.size() + kMaxTranscriptHash;
}

bool UsageCheck::TakeTls12(std::uint8_t byte) {
  // The fifth byte of the text tells the two header forms apart: the version of a ClientHello over a stream begins with
  // 03, the message sequence of one over datagrams with 00.
  if (position_ == kStreamHeader) {
    layer_ = byte == kTls12Version.front() ? Layer::kStream : Layer::kDatagram;
    header_used_ = layer_ == Layer::kStream ? std::uint8_t{0} : kStreamHeader;
  }
  const bool in_body = body_left_ > 0 && header_used_ == 0;
  if (!in_body) {
    return TakeHeader(byte);
  }
  --body_left_;
  if (messages_ == 1 && version_seen_ < kTls12Version.size()) {
    const auto& version = layer_ == Layer::kStream ? kTls12Version : kDtls12Version;
    return byte == version[version_seen_++];
  }
  return true;
}

/// One byte of a header. The length of the body is known after four bytes; over datagrams the transcript shows every
/// message as one fragment, so that offset and fragment length follow from it.
bool UsageCheck::TakeHeader(std::uint8_t byte) {
  const std::uint8_t index = header_used_++;
  if (index == 0) {
    type_ = byte;
    body_left_ = 0;
    fragment_length_ = 0;
    ++messages_;
    return BeginsRightly();
  }
  if (index < kStreamHeader) {
    body_left_ = body_left_ << 8U | byte;
  } else if (index >= 6 && index < 9) {
    return byte == 0;
  } else if (index >= 9) {
    fragment_length_ = fragment_length_ << 8U | byte;
  }
  const bool stream_ends = layer_ == Layer::kStream && header_used_ == kStreamHeader;
  if (stream_ends || header_used_ == kDatagramHeader) {
    header_used_ = 0;
    // A first message without a body has no version.
    return (stream_ends || fragment_length_ == body_left_) && (messages_ > 1 || body_left_ > 0);
  }
  return true;
}

/// The type of the message that begins, by its place.
bool UsageCheck::BeginsRightly() const {
  return messages_ == 1 ? type_ == kClientHello : messages_ == 2 ? type_ == kServerHello : true;
}

}  // namespace simroot::card
