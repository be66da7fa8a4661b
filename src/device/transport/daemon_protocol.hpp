// SPDX-License-Identifier: Apache-2.0
/// What a client and the card daemon say to each other over a socket (docs/formats/card-daemon.md). One request, one
/// reply; both as frames of a length and that many bytes. Both ends use this codec.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/host/error.hpp"
#include "common/host/hex.hpp"
#include "common/wire/apdu.hpp"

namespace simroot::device {

inline constexpr std::uint8_t kDaemonVersion = 1;
inline constexpr std::string_view kDaemonMagic = "SRCD";
inline constexpr std::size_t kDaemonLengthSize = 2;   ///< bytes of the length in front of every frame
inline constexpr std::size_t kDaemonRequestHead = 6;  ///< type, time limit, channel
inline constexpr std::size_t kMaxDaemonRequest = kDaemonRequestHead + wire::kMaxCommand;
inline constexpr std::size_t kMaxDaemonReply = 8192;      ///< a response of the card, or the status of the daemon
inline constexpr std::size_t kMaxDaemonErrorText = 1000;  ///< bytes of each sentence of an error; the rest is cut off
inline constexpr std::uint8_t kMaxDaemonChannel = 4;      ///< channels of one client
/// The channel of a request that is for the card's basic channel or for channels that the client opens itself.
inline constexpr std::uint8_t kNoDaemonChannel = 0;

enum class DaemonRequestType : std::uint8_t {
  kHello = 0x01,     ///< magic and version; first of all. Reply: the daemon's version
  kLock = 0x02,      ///< begin a transaction. Reply: empty, once it has begun
  kUnlock = 0x03,    ///< end it. No reply
  kOpen = 0x04,      ///< AID. Reply: a channel, 1 to kMaxDaemonChannel
  kClose = 0x05,     ///< reply: empty
  kTransmit = 0x06,  ///< a command APDU. Reply: the response APDU
  kIccid = 0x07,     ///< reply: the digits
  kStatus = 0x08,    ///< reply: DaemonStatus; outside of transactions too
};

/// One request, in its parts. `bytes` borrows.
struct DaemonRequest {
  DaemonRequestType type = DaemonRequestType::kHello;
  std::uint32_t timeout_ms = 0;  ///< how long the client will wait for the reply
  std::uint8_t channel = kNoDaemonChannel;
  ByteView bytes;
};

/// Reads the content of a frame that a client has sent: a known type, a channel and bytes that fit it.
[[nodiscard]] Expected<DaemonRequest, ParseError> ParseDaemonRequest(ByteView frame);
/// The whole frame, length included. The caller wipes it.
[[nodiscard]] Bytes EncodeDaemonRequest(const DaemonRequest& request);

/// The whole frame of a reply that is a success. The caller wipes it.
[[nodiscard]] Bytes EncodeDaemonReply(ByteView body);
/// The whole frame of a reply that is an error; its sentences are cut to kMaxDaemonErrorText bytes.
[[nodiscard]] Bytes EncodeDaemonError(const Error& error);

/// The content of a reply's frame: the body, borrowed, or the error that the daemon reports.
struct DaemonReply {
  ByteView body;
  std::optional<Error> error;
};
[[nodiscard]] Expected<DaemonReply, ParseError> ParseDaemonReply(ByteView frame);

/// A program that is connected, and for how long it has had the card or waited for it.
struct DaemonPeer {
  std::uint32_t pid = 0;
  std::uint32_t uid = 0;
  std::uint32_t since_ms = 0;
};

/// A channel that the daemon keeps open.
struct DaemonChannel {
  std::uint8_t number = 0;  ///< on the card; 0 if the modem keeps it
  bool clean = false;       ///< whoever comes next may use it as it is
  std::uint32_t owner = 0;  ///< pid of the client that left something on it; 0: none
  Bytes aid;
};

/// What the daemon says of itself.
struct DaemonStatus {
  using Peer = DaemonPeer;
  using HeldChannel = DaemonChannel;
  static constexpr std::size_t kMaxPeers = 64;
  static constexpr std::size_t kMaxChannels = 8;

  std::string card;             ///< URI
  bool open = false;            ///< the port is open and the card has answered
  std::string trouble;          ///< why it is not
  std::string iccid;            ///< empty: not read yet
  std::uint32_t openings = 0;   ///< how often the port was opened
  std::uint32_t exchanges = 0;  ///< APDUs since the daemon was started
  std::uint32_t transactions = 0;
  std::uint32_t taken_away = 0;  ///< transactions that lasted too long
  std::uint32_t clients = 0;     ///< connections
  std::uint32_t up_s = 0;        ///< seconds since it was started
  std::optional<Peer> holder;
  std::vector<Peer> waiting;  ///< in the order in which they will be served
  std::vector<HeldChannel> channels;
};
[[nodiscard]] Bytes EncodeDaemonStatus(const DaemonStatus& status);
[[nodiscard]] Expected<DaemonStatus, ParseError> ParseDaemonStatus(ByteView body);

/// Cuts frames out of a stream. Holds one frame and what has arrived behind it, at most; wipes what was taken.
class DaemonFrameBuffer {
 public:
  /// @param max_content longest content of a frame, bytes.
  explicit DaemonFrameBuffer(std::size_t max_content) : memory_(kDaemonLengthSize + max_content) {}
  DaemonFrameBuffer(const DaemonFrameBuffer&) = delete;
  DaemonFrameBuffer& operator=(const DaemonFrameBuffer&) = delete;
  ~DaemonFrameBuffer();

  /// Room for what is to be received next; empty while a whole frame waits.
  [[nodiscard]] ByteSpan Room();
  /// `count` bytes have been put into Room().
  void Received(std::size_t count) { size_ += count; }

  /// True if the frame that has begun can be none: its length is 0 or too large.
  [[nodiscard]] bool Broken() const;
  /// True if a frame has begun, whole or not.
  [[nodiscard]] bool Begun() const { return size_ > 0; }
  /// The content of the first frame, borrowed until Drop; nothing if it is not whole.
  [[nodiscard]] std::optional<ByteView> Frame() const;
  /// Wipes and forgets the first frame.
  void Drop();

 private:
  /// Length of the content of the first frame; nothing if not even its length is there.
  [[nodiscard]] std::optional<std::size_t> ContentSize() const;

  Bytes memory_;
  std::size_t size_ = 0;
};

}  // namespace simroot::device
