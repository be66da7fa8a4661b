// SPDX-License-Identifier: Apache-2.0
/// The modem's side of the card: APDUs with counters and trace, automatic GET RESPONSE, logical channels and sessions.
#pragma once

#include <array>
#include <cstdint>

#include "card/modem/at_result.hpp"
#include "card/modem/modem_observer.hpp"
#include "common/base/fixed_bytes.hpp"
#include "common/base/result.hpp"
#include "common/wire/apdu.hpp"
#include "common/wire/card_endpoint.hpp"

namespace simroot::card {

class SimSlot {
 public:
  /// @param card borrowed for the life of the slot.
  explicit SimSlot(wire::CardEndpoint& card) : card_(card) {}
  SimSlot(const SimSlot&) = delete;
  SimSlot& operator=(const SimSlot&) = delete;

  /// Borrowed; nullptr for none.
  void SetObserver(ModemObserver* observer) { observer_ = observer; }
  [[nodiscard]] std::uint64_t apdus() const { return apdus_; }

  /// Resets the card. All channels and sessions are gone.
  void Reset();

  /// Runs one command and gives data and status word, 2 or more bytes, borrowed until the next call on this object.
  [[nodiscard]] ByteView Transmit(ByteView command);

  /// The same, and follows 61LL with GET RESPONSE on the same channel until everything is there. After
  /// kMaxGetResponses rounds it gives what it has, ending in the card's 61LL; 6F00 without data if the data exceed
  /// kMaxExtendedData bytes.
  [[nodiscard]] ByteView TransmitAndFetch(ByteView command);
  static constexpr int kMaxGetResponses = 32;

  /// Opens a logical channel, 1 to 3. @returns kSimBusy: no channel is free. kSimFailure: the card refused otherwise.
  [[nodiscard]] Expected<std::uint8_t, CmeError> OpenChannel();
  /// False if the card refuses.
  [[nodiscard]] bool CloseChannel(std::uint8_t channel);

  /// Builds and runs one short command; the answer's data are borrowed as those of Transmit are.
  [[nodiscard]] wire::ResponseApdu Run(const wire::CommandApdu& command);
  /// The same with automatic GET RESPONSE.
  [[nodiscard]] wire::ResponseApdu RunAndFetch(const wire::CommandApdu& command);

  /// AT+CCHO: opens a channel and selects `aid`, 1 to 16 bytes, on it. The session has the number of its channel.
  /// @returns kMemoryFull: no channel is free for another session. kNotFound: the card has no such application (6A82).
  /// kSimFailure: SELECT failed otherwise. The channel is closed again in the last two cases.
  [[nodiscard]] Expected<std::uint8_t, CmeError> OpenSession(ByteView aid);
  /// AT+CCHC. @returns kInvalidIndex: no such session. kSimFailure: the card refused; the session is gone even then.
  [[nodiscard]] Expected<void, CmeError> CloseSession(std::uint32_t session);
  [[nodiscard]] bool HasSession(std::uint32_t session) const;

 private:
  static constexpr std::size_t kChannels = 4;  ///< the basic channel included

  wire::CardEndpoint& card_;
  ModemObserver* observer_ = nullptr;
  std::uint64_t apdus_ = 0;
  std::array<bool, kChannels> sessions_{};
  std::array<std::uint8_t, wire::kMaxResponse> response_{};
  FixedBytes<wire::kMaxResponse> collected_;
};

}  // namespace simroot::card
