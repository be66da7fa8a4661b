// SPDX-License-Identifier: Apache-2.0
#include "device/transport/daemon_protocol.hpp"

#include "common/base/check.hpp"
#include "common/base/secret.hpp"

namespace simroot::device {
namespace {

constexpr std::uint8_t kSuccess = 0x00;
constexpr std::uint8_t kError = 0x01;
constexpr std::size_t kMinAid = 5;
constexpr std::size_t kMaxAid = 16;
constexpr std::size_t kMinCommand = 4;
constexpr std::size_t kHelloSize = kDaemonMagic.size() + 1;
constexpr std::uint8_t kLastDomain = static_cast<std::uint8_t>(ErrorDomain::kStore);

/// What belongs to each type of request.
struct Rule {
  DaemonRequestType type;
  std::uint8_t min_channel;
  std::uint8_t max_channel;
  std::size_t min_bytes;
  std::size_t max_bytes;
};

constexpr std::array kRules{
    Rule{DaemonRequestType::kHello, 0, 0, kHelloSize, kHelloSize},
    Rule{DaemonRequestType::kLock, 0, 0, 0, 0},
    Rule{DaemonRequestType::kUnlock, 0, 0, 0, 0},
    Rule{DaemonRequestType::kOpen, 0, 0, kMinAid, kMaxAid},
    Rule{DaemonRequestType::kClose, 1, kMaxDaemonChannel, 0, 0},
    Rule{DaemonRequestType::kTransmit, 0, kMaxDaemonChannel, kMinCommand, wire::kMaxCommand},
    Rule{DaemonRequestType::kIccid, 0, 0, 0, 0},
    Rule{DaemonRequestType::kStatus, 0, 0, 0, 0},
};

/// Builds a frame whose content is at most `max_content` bytes.
class FrameWriter {
 public:
  explicit FrameWriter(std::size_t max_content) : memory_(kDaemonLengthSize + max_content), out_(memory_) {
    out_.PutU16(0);
  }
  [[nodiscard]] ByteWriter& out() { return out_; }
  [[nodiscard]] Bytes Finish() {
    SR_CHECK(out_.ok());
    const std::size_t size = out_.size();
    ByteWriter length(memory_);
    length.PutU16(static_cast<std::uint16_t>(size - kDaemonLengthSize));
    memory_.resize(size);
    return std::move(memory_);
  }

 private:
  Bytes memory_;
  ByteWriter out_;
};

void PutText(std::string_view text, ByteWriter& out) {
  const std::string_view kept = text.substr(0, kMaxDaemonErrorText);
  out.PutU16(static_cast<std::uint16_t>(kept.size()));
  out.PutBytes(AsBytes(kept));
}

[[nodiscard]] bool ReadText(ByteReader& reader, std::string& out) {
  std::uint16_t size = 0;
  ByteView text;
  if (!reader.ReadU16(size) || size > kMaxDaemonErrorText || !reader.ReadBytes(size, text)) {
    return false;
  }
  out = std::string(AsText(text));
  return true;
}

void PutPeer(const DaemonStatus::Peer& peer, ByteWriter& out) {
  out.PutU32(peer.pid);
  out.PutU32(peer.uid);
  out.PutU32(peer.since_ms);
}

[[nodiscard]] bool ReadPeer(ByteReader& reader, DaemonStatus::Peer& peer) {
  return reader.ReadU32(peer.pid) && reader.ReadU32(peer.uid) && reader.ReadU32(peer.since_ms);
}

[[nodiscard]] bool ReadFlag(ByteReader& reader, bool& out) {
  std::uint8_t value = 0;
  if (!reader.ReadU8(value) || value > 1) {
    return false;
  }
  out = value == 1;
  return true;
}

[[nodiscard]] bool ReadPeers(ByteReader& reader, std::vector<DaemonStatus::Peer>& peers) {
  std::uint8_t count = 0;
  if (!reader.ReadU8(count) || count > DaemonStatus::kMaxPeers) {
    return false;
  }
  for (; count > 0; --count) {
    if (!ReadPeer(reader, peers.emplace_back())) {
      return false;
    }
  }
  return true;
}

[[nodiscard]] bool ReadChannels(ByteReader& reader, std::vector<DaemonStatus::HeldChannel>& channels) {
  std::uint8_t count = 0;
  if (!reader.ReadU8(count) || count > DaemonStatus::kMaxChannels) {
    return false;
  }
  for (; count > 0; --count) {
    DaemonStatus::HeldChannel& channel = channels.emplace_back();
    std::uint8_t size = 0;
    ByteView aid;
    if (!reader.ReadU8(channel.number) || !ReadFlag(reader, channel.clean) || !reader.ReadU32(channel.owner) ||
        !reader.ReadU8(size) || size > kMaxAid || !reader.ReadBytes(size, aid)) {
      return false;
    }
    channel.aid.assign(aid.begin(), aid.end());
  }
  return true;
}

}  // namespace

Expected<DaemonRequest, ParseError> ParseDaemonRequest(ByteView frame) {
  ByteReader reader(frame);
  DaemonRequest request;
  std::uint8_t type = 0;
  if (!reader.ReadU8(type) || !reader.ReadU32(request.timeout_ms) || !reader.ReadU8(request.channel)) {
    return Unexpected(ParseError::kTruncated);
  }
  const auto* const rule =
      std::ranges::find_if(kRules, [type](const Rule& r) { return static_cast<std::uint8_t>(r.type) == type; });
  if (rule == kRules.end()) {
    return Unexpected(ParseError::kUnexpectedTag);
  }
  request.type = rule->type;
  request.bytes = reader.rest();
  if (request.channel < rule->min_channel || request.channel > rule->max_channel) {
    return Unexpected(ParseError::kBadValue);
  }
  if (request.bytes.size() < rule->min_bytes || request.bytes.size() > rule->max_bytes) {
    return Unexpected(ParseError::kBadLength);
  }
  return request;
}

Bytes EncodeDaemonRequest(const DaemonRequest& request) {
  FrameWriter frame(kMaxDaemonRequest);
  frame.out().PutU8(static_cast<std::uint8_t>(request.type));
  frame.out().PutU32(request.timeout_ms);
  frame.out().PutU8(request.channel);
  frame.out().PutBytes(request.bytes);
  return frame.Finish();
}

Bytes EncodeDaemonReply(ByteView body) {
  FrameWriter frame(kMaxDaemonReply);
  frame.out().PutU8(kSuccess);
  frame.out().PutBytes(body);
  return frame.Finish();
}

Bytes EncodeDaemonError(const Error& error) {
  FrameWriter frame(kMaxDaemonReply);
  frame.out().PutU8(kError);
  frame.out().PutU8(static_cast<std::uint8_t>(error.domain));
  frame.out().PutU16(static_cast<std::uint16_t>(error.sw));
  PutText(error.message, frame.out());
  PutText(error.next_step, frame.out());
  return frame.Finish();
}

Expected<DaemonReply, ParseError> ParseDaemonReply(ByteView frame) {
  ByteReader reader(frame);
  std::uint8_t kind = 0;
  if (!reader.ReadU8(kind)) {
    return Unexpected(ParseError::kTruncated);
  }
  if (kind == kSuccess) {
    return DaemonReply{.body = reader.rest(), .error = {}};
  }
  if (kind != kError) {
    return Unexpected(ParseError::kUnexpectedTag);
  }
  Error error;
  std::uint8_t domain = 0;
  std::uint16_t sw = 0;
  if (!reader.ReadU8(domain) || !reader.ReadU16(sw) || !ReadText(reader, error.message) ||
      !ReadText(reader, error.next_step)) {
    return Unexpected(ParseError::kTruncated);
  }
  if (domain > kLastDomain) {
    return Unexpected(ParseError::kBadValue);
  }
  if (!reader.empty()) {
    return Unexpected(ParseError::kTrailingBytes);
  }
  error.domain = static_cast<ErrorDomain>(domain);
  error.sw = static_cast<wire::StatusWord>(sw);
  return DaemonReply{.body = {}, .error = std::move(error)};
}

Bytes EncodeDaemonStatus(const DaemonStatus& status) {
  Bytes memory(kMaxDaemonReply - 1);
  ByteWriter out(memory);
  PutText(status.card, out);
  out.PutU8(status.open ? 1 : 0);
  PutText(status.trouble, out);
  PutText(status.iccid, out);
  for (const std::uint32_t number :
       {status.openings, status.exchanges, status.transactions, status.taken_away, status.clients, status.up_s}) {
    out.PutU32(number);
  }
  out.PutU8(status.holder ? 1 : 0);
  if (status.holder) {
    PutPeer(*status.holder, out);
  }
  const std::size_t waiting = std::min(status.waiting.size(), DaemonStatus::kMaxPeers);
  out.PutU8(LowByte(waiting));
  for (const DaemonStatus::Peer& peer : std::span(status.waiting).first(waiting)) {
    PutPeer(peer, out);
  }
  const std::size_t channels = std::min(status.channels.size(), DaemonStatus::kMaxChannels);
  out.PutU8(LowByte(channels));
  for (const DaemonStatus::HeldChannel& channel : std::span(status.channels).first(channels)) {
    out.PutU8(channel.number);
    out.PutU8(channel.clean ? 1 : 0);
    out.PutU32(channel.owner);
    out.PutU8(LowByte(channel.aid.size()));
    out.PutBytes(channel.aid);
  }
  SR_CHECK(out.ok());
  memory.resize(out.size());
  return memory;
}

Expected<DaemonStatus, ParseError> ParseDaemonStatus(ByteView body) {
  ByteReader reader(body);
  DaemonStatus status;
  bool has_holder = false;
  bool whole = ReadText(reader, status.card) && ReadFlag(reader, status.open) && ReadText(reader, status.trouble) &&
               ReadText(reader, status.iccid);
  for (std::uint32_t* const number :
       {&status.openings, &status.exchanges, &status.transactions, &status.taken_away, &status.clients, &status.up_s}) {
    whole = whole && reader.ReadU32(*number);
  }
  whole = whole && ReadFlag(reader, has_holder);
  if (whole && has_holder) {
    whole = ReadPeer(reader, status.holder.emplace());
  }
  if (!whole || !ReadPeers(reader, status.waiting) || !ReadChannels(reader, status.channels)) {
    return Unexpected(ParseError::kTruncated);
  }
  if (!reader.empty()) {
    return Unexpected(ParseError::kTrailingBytes);
  }
  return status;
}

DaemonFrameBuffer::~DaemonFrameBuffer() {
  Wipe(memory_);
}

ByteSpan DaemonFrameBuffer::Room() {
  if (Frame()) {
    return {};
  }
  return ByteSpan(memory_).subspan(size_);
}

std::optional<std::size_t> DaemonFrameBuffer::ContentSize() const {
  ByteReader reader(ByteView(memory_).first(size_));
  std::uint16_t size = 0;
  if (!reader.ReadU16(size)) {
    return std::nullopt;
  }
  return size;
}

bool DaemonFrameBuffer::Broken() const {
  const auto content = ContentSize();
  return content && (*content == 0 || *content > memory_.size() - kDaemonLengthSize);
}

std::optional<ByteView> DaemonFrameBuffer::Frame() const {
  const auto content = ContentSize();
  ByteReader reader(ByteView(memory_).first(size_));
  ByteView frame;
  if (Broken() || !content || !reader.Skip(kDaemonLengthSize) || !reader.ReadBytes(*content, frame)) {
    return std::nullopt;
  }
  return frame;
}

void DaemonFrameBuffer::Drop() {
  const auto frame = Frame();
  if (!frame) {
    return;
  }
  const std::size_t taken = kDaemonLengthSize + frame->size();
  const ByteSpan content = ByteSpan(memory_).first(size_);
  std::ranges::copy(content.subspan(taken), content.begin());
  Wipe(content.last(taken));
  size_ -= taken;
}

}  // namespace simroot::device
