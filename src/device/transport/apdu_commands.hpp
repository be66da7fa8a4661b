// SPDX-License-Identifier: Apache-2.0
/// What the transports that carry bare APDUs (in process, AT+CSIM, PC/SC) do alike.
#pragma once

#include <functional>
#include <string>

#include "device/transport/transport.hpp"

namespace simroot::device {

/// Sends one APDU and returns the card's answer, or why there is none.
using SendApdu = std::function<Result<CardResponse>(ByteView command)>;

/// MANAGE CHANNEL open and SELECT by AID (ISO/IEC 7816-4 7.1.2 and 7.1.1, ETSI TS 102 221 11.1.17): two exchanges.
/// The class byte of SELECT is the channel; it has no Le, and an answer announced by 61LL is left where it is. If
/// SELECT fails, the channel is closed again.
/// @param aid 5 to 16 bytes. @param port names the port in errors.
/// @returns kUsage: length of `aid`. kCard: 6A82 unknown AID, 6A81 no free channel of 1 to 3, or what else the card
/// says. kProtocol: a channel number that no card has.
[[nodiscard]] Result<Channel> OpenApduChannel(const SendApdu& send, ByteView aid, const std::string& port);

/// MANAGE CHANNEL close of channel 1 to 3. @returns kCard with the status word if the card refuses.
[[nodiscard]] Result<void> CloseApduChannel(const SendApdu& send, const Channel& channel, const std::string& port);

/// Reads EF.ICCID (2FE2 under the MF, ETSI TS 102 221 13.2) over the basic channel: two exchanges.
[[nodiscard]] Result<std::string> ReadIccidFile(const SendApdu& send, const std::string& port);

/// The digits of EF.ICCID's content: 10 bytes, digits swapped in each byte, padded with F.
/// @returns kProtocol if that is not an ICCID of 18 to 20 digits.
[[nodiscard]] Result<std::string> DecodeIccid(ByteView content, const std::string& port);

/// kUsage unless `aid` has 5 to 16 bytes.
[[nodiscard]] Result<void> CheckAid(ByteView aid, const std::string& port);

/// kUsage unless `command` has 4 to kMaxCommand bytes.
[[nodiscard]] Result<void> CheckCommand(ByteView command, const std::string& port);

/// True for 9000, and for success with news: 61LL, 91LL, 63CF.
[[nodiscard]] bool IsSuccess(wire::StatusWord sw);

/// "6A82, file or application not found".
[[nodiscard]] std::string StatusText(wire::StatusWord sw);

/// An error of domain kCard.
[[nodiscard]] tl::unexpected<Error> Refusal(wire::StatusWord sw, std::string message, std::string next_step);

}  // namespace simroot::device
