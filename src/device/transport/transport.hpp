// SPDX-License-Identifier: Apache-2.0
/// The way from the device to the card: one APDU out, one in, within a deadline.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/secret.hpp"
#include "common/host/deadline.hpp"
#include "common/host/error.hpp"
#include "common/host/hex.hpp"
#include "common/wire/apdu.hpp"

namespace simroot::device {

/// A card's answer to one APDU, data and status word together; wiped when it is no longer needed.
/// Its bytes are on the heap: some programs call us in threads with a stack of 64 KiB.
class CardResponse {
 public:
  CardResponse() = default;
  CardResponse(const CardResponse&) = default;
  CardResponse(CardResponse&&) noexcept = default;
  CardResponse& operator=(CardResponse other) noexcept {
    bytes_.swap(other.bytes_);
    return *this;
  }
  ~CardResponse() { Wipe(bytes_); }

  /// Fails with kProtocol if `bytes` is shorter than 2 or longer than kMaxResponse.
  [[nodiscard]] static Result<CardResponse> From(ByteView bytes, std::string_view port);

  [[nodiscard]] ByteView data() const { return bytes().first(bytes_.size() - 2); }
  [[nodiscard]] wire::StatusWord sw() const;
  [[nodiscard]] ByteView bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

/// What one transport has carried since it was opened.
struct ExchangeCounters {
  std::uint64_t exchanges = 0;   ///< APDUs sent (for at: command lines that carry one, AT+CCHO and AT+CCHC too)
  std::uint64_t bytes_sent = 0;  ///< APDU bytes
  std::uint64_t bytes_received = 0;
  std::uint64_t characters_sent = 0;  ///< characters on the serial line, framing included (at: only)
  std::uint64_t characters_received = 0;
};

/// Told of every APDU; installed for --trace. Must not call back into the transport.
class TransportObserver {
 public:
  virtual ~TransportObserver() = default;
  virtual void OnExchange(ByteView command, ByteView response, std::chrono::microseconds took) = 0;
};

/// A logical channel to a selected application.
struct Channel {
  std::uint8_t number =
      0;             ///< what goes into the two low bits of the class byte; 0 when the modem sets it itself (CGLA)
  int session = -1;  ///< AT+CCHO session, -1 otherwise
  friend bool operator==(const Channel&, const Channel&) = default;
};

/// Held while a transaction runs: no other process can talk to the card over the same port meanwhile.
class TransportLock {
 public:
  virtual ~TransportLock() = default;
};

/// One open way into a card. Not safe for several threads at once: `Card` serialises. Every call ends within its
/// deadline; an error names the port and what was waited for. After an error of domain kTransport the object can only
/// be destroyed, and a new one opened.
class Transport {
 public:
  virtual ~Transport() = default;

  /// The URI it was opened with, as error texts name it.
  [[nodiscard]] virtual const std::string& Name() const = 0;

  /// Waits for other processes that use the same port; the in-process transport has nobody to wait for.
  [[nodiscard]] virtual Result<std::unique_ptr<TransportLock>> Lock(Deadline deadline) = 0;

  /// Opens a channel and selects the application: MANAGE CHANNEL and SELECT, or AT+CCHO. A channel whose SELECT failed
  /// is closed again. @returns kCard with 6A82 if the AID is unknown, with 6A81 if no channel is free.
  [[nodiscard]] virtual Result<Channel> OpenChannel(ByteView aid, Deadline deadline) = 0;
  [[nodiscard]] virtual Result<void> CloseChannel(const Channel& channel, Deadline deadline) = 0;

  /// Channels are opened with AT+CCHO, or may be. It does not tell why it failed, so 6A82 may also mean that none is
  /// free.
  [[nodiscard]] virtual bool UsesSessions() const { return false; }

  /// Sends one APDU on `channel`; the class byte must already name it. No loop over 61xx or 6Cxx here.
  [[nodiscard]] virtual Result<CardResponse> Transmit(const Channel& channel, ByteView command, Deadline deadline) = 0;

  /// ICCID as decimal digits, 18 to 20: AT+CCID where the modem has it, otherwise EF.ICCID over the basic channel.
  [[nodiscard]] virtual Result<std::string> ReadIccid(Deadline deadline) = 0;

  [[nodiscard]] virtual ExchangeCounters Counters() const = 0;
  virtual void SetObserver(TransportObserver* observer) = 0;  ///< borrowed; nullptr for none
};

/// Parsed form of a card URI (docs/conventions.md): sim:FILE, at:PORT[?baud=..&mode=auto|csim|cgla], pcsc:[READER],
/// unix:PATH, pipe:PATH.
struct CardUri {
  std::string scheme;  ///< "sim", "at", "pcsc", "unix", "pipe"
  std::string path;    ///< file, port, part of the reader's name, or socket
  unsigned baud = 115200;
  enum class AtMode : std::uint8_t { kAuto, kCsim, kCgla } mode = AtMode::kAuto;
  std::string text;  ///< as it was given
};
/// @returns kUsage with what is wrong and what the forms are.
[[nodiscard]] Result<CardUri> ParseCardUri(std::string_view text);

/// Opens the transport a URI names. The card is not touched beyond what opening the port needs.
[[nodiscard]] Result<std::unique_ptr<Transport>> OpenTransport(const CardUri& uri, Deadline deadline);

}  // namespace simroot::device
