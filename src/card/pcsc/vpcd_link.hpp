// SPDX-License-Identifier: Apache-2.0
/// Puts a card into the virtual reader of vsmartcard's vpcd, so that every PC/SC program on the machine sees it: what
/// `simroot card run --pcsc HOST:PORT` opens.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "card/modem/modem_observer.hpp"
#include "card/pcsc/vpcd_socket.hpp"
#include "common/host/hex.hpp"
#include "common/wire/apdu.hpp"
#include "common/wire/card_endpoint.hpp"

namespace simroot::card {

struct VpcdOptions {
  std::string host = "127.0.0.1";  ///< IP address or "localhost"
  std::uint16_t port = 35963;      ///< the first slot of Debian's vpcd; the second is 35964
  bool allow_remote = false;       ///< false: only loopback addresses. The protocol is plain text.
  std::chrono::milliseconds connect_timeout{2000};
  /// A message that has begun must be complete, and an answer must be taken, within this time. Between messages the
  /// link waits for as long as it takes.
  std::chrono::milliseconds message_timeout{5000};
  std::chrono::milliseconds reconnect_interval{500};
  std::chrono::milliseconds reconnect_for{30000};  ///< how long Run tries to get a lost connection back
  ModemObserver* observer = nullptr;               ///< borrowed; called from the thread that runs the link
};

/// What has gone through the link.
struct VpcdCounters {
  std::uint64_t connections = 0;
  std::uint64_t power_ons = 0;
  std::uint64_t power_offs = 0;
  std::uint64_t resets = 0;
  std::uint64_t atr_requests = 0;  ///< pcscd looks for the card with these two or three times a second
  std::uint64_t apdus = 0;
  std::uint64_t bytes_in = 0;  ///< on the connection, lengths included
  std::uint64_t bytes_out = 0;

  friend bool operator==(const VpcdCounters&, const VpcdCounters&) = default;
};

/// The card's end of vpcd's protocol: a message is a length of two bytes, big endian, and as many bytes. One byte is a
/// control code: 00 power off, 01 power on, 02 reset (all three reset the card), 04 asks for the answer to reset, which
/// is given even to an unpowered card. Everything longer is a command APDU. Unknown control codes and empty messages
/// are passed over, as vsmartcard's own cards do. One thread runs the link; Counters may be called from any other.
class VpcdLink {
 public:
  /// Connects. @param card borrowed for the life of the link; used only by the thread that runs it.
  /// @returns kUsage: a bad address. kTransport: no vpcd there.
  [[nodiscard]] static Result<std::unique_ptr<VpcdLink>> Open(wire::CardEndpoint& card, VpcdOptions options);

  VpcdLink(const VpcdLink&) = delete;
  VpcdLink& operator=(const VpcdLink&) = delete;

  /// Serves the reader until `stop_fd` becomes readable or its other end is closed.
  ///
  /// pcscd may be restarted meanwhile: when the connection ends, the card counts as taken out (it is reset), and every
  /// `reconnect_interval` a new connection is tried. @returns kTransport if that has not worked for `reconnect_for`.
  [[nodiscard]] Result<void> Run(int stop_fd);

  /// Waits for bytes from vpcd, serves the messages they complete, and returns; or returns at the deadline or when a
  /// signal arrives. True if there were bytes. @returns kTransport: the connection has ended; only Run opens another.
  [[nodiscard]] Result<bool> RunOnce(Deadline deadline);

  [[nodiscard]] VpcdCounters Counters() const;

 private:
  enum class Event : std::uint8_t { kDeadline, kServed, kStop };

  VpcdLink(wire::CardEndpoint& card, VpcdOptions options, VpcdSocket socket);

  [[nodiscard]] Result<Event> Step(Deadline deadline, int stop_fd);
  [[nodiscard]] Result<Event> Reconnect(int stop_fd);
  [[nodiscard]] Result<void> ServeMessages();
  [[nodiscard]] Result<void> ServeMessage(ByteView message);
  [[nodiscard]] Result<void> ServeControl(std::uint8_t code);
  [[nodiscard]] Result<void> ServeApdu(ByteView command);
  [[nodiscard]] Result<void> SendMessage(ByteView message);
  void TakeOut();
  void PublishCounters();

  wire::CardEndpoint& card_;
  const VpcdOptions options_;
  VpcdSocket socket_;
  Bytes received_;                              ///< the beginning of a message
  Deadline message_end_ = Deadline::After({});  ///< of the message begun in `received_`
  std::array<std::uint8_t, wire::kMaxResponse> response_{};

  mutable std::mutex counters_mutex_;
  VpcdCounters shared_counters_;
  VpcdCounters counters_;  ///< of the thread that runs the link
};

}  // namespace simroot::card
