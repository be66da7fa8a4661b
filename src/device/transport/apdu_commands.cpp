// SPDX-License-Identifier: Apache-2.0
#include "device/transport/apdu_commands.hpp"

#include "common/base/text.hpp"

namespace simroot::device {
namespace {

constexpr std::uint8_t kManageChannel = 0x70;
constexpr std::uint8_t kSelect = 0xA4;
constexpr std::uint8_t kReadBinary = 0xB0;
constexpr std::uint8_t kCloseChannel = 0x80;      // P1 of MANAGE CHANNEL
constexpr std::uint8_t kSelectByAid = 0x04;       // P1 of SELECT
constexpr std::uint8_t kSelectByPath = 0x08;      // P1 of SELECT: path from the MF
constexpr std::uint8_t kNoDataReturned = 0x0C;    // P2 of SELECT, ETSI TS 102 221 11.1.1.2
constexpr std::uint8_t kHighestChannel = 3;       // what two bits of a class byte can name
constexpr std::uint8_t kHighestUiccChannel = 19;  // ETSI TS 102 221 8.7
constexpr std::size_t kMinAid = 5;
constexpr std::size_t kMaxAid = 16;
constexpr std::size_t kMinIccidDigits = 18;
constexpr std::array<std::uint8_t, 5> kOpenChannel{0x00, kManageChannel, 0x00, 0x00, 0x01};
constexpr std::array<std::uint8_t, 7> kSelectIccid{0x00, kSelect, kSelectByPath, kNoDataReturned, 0x02, 0x2F, 0xE2};
constexpr std::array<std::uint8_t, 5> kReadIccid{0x00, kReadBinary, 0x00, 0x00, 0x0A};

std::array<std::uint8_t, 5> CloseCommand(std::uint8_t channel) {
  return {0x00, kManageChannel, kCloseChannel, channel, 0x00};
}

/// The channel that MANAGE CHANNEL gave.
Result<std::uint8_t> TakeChannel(const SendApdu& send, const CardResponse& answer, const std::string& port) {
  if (!IsSuccess(answer.sw())) {
    return Refusal(answer.sw(), "the card in " + port + " opens no logical channel (" + StatusText(answer.sw()) + ")",
                   "close other programs that use the card, or restart the modem");
  }
  ByteReader reader(answer.data());
  std::uint8_t number = 0;
  if (!reader.ReadU8(number) || !reader.empty()) {
    return Fail(ErrorDomain::kProtocol, "the card in " + port + " answered MANAGE CHANNEL with " +
                                            std::to_string(answer.data().size()) +
                                            " bytes where one channel number belongs");
  }
  const std::string what = "the card in " + port + " opened logical channel " + std::to_string(number);
  if (number > kHighestChannel && number <= kHighestUiccChannel) {
    (void)send(CloseCommand(number));  // it is open, and nobody else knows of it
    return Refusal(wire::StatusWord::kFunctionNotSupported, what + ": those that can be used, 1 to 3, are in use",
                   "close other programs that use the card, or restart the modem");
  }
  if (number == 0 || number > kHighestChannel) {
    return Fail(ErrorDomain::kProtocol, what + ", only 1 to 3 can be used",
                "close other programs that use the card, or restart the modem");
  }
  return number;
}

}  // namespace

Result<Channel> OpenApduChannel(const SendApdu& send, ByteView aid, const std::string& port) {
  SR_TRY_VOID(CheckAid(aid, port));
  SR_TRY(const CardResponse opened, send(kOpenChannel));
  SR_TRY(const std::uint8_t number, TakeChannel(send, opened, port));

  std::array<std::uint8_t, 5 + kMaxAid> memory{};
  ByteWriter select(memory);
  wire::PutCommand({.cla = number, .ins = kSelect, .p1 = kSelectByAid, .p2 = 0x00, .data = aid, .le = {}}, select);
  SR_TRY(const CardResponse selected, send(select.written()));
  if (IsSuccess(selected.sw())) {
    return Channel{.number = number, .session = -1};
  }
  (void)send(CloseCommand(number));  // the refusal of SELECT is the error to report
  return Refusal(
      selected.sw(),
      "the card in " + port + " does not select application " + ToHex(aid) + " (" + StatusText(selected.sw()) + ")",
      "check the AID, and that the applet is installed");
}

Result<void> CloseApduChannel(const SendApdu& send, const Channel& channel, const std::string& port) {
  if (channel.number == 0 || channel.number > kHighestChannel) {
    return Fail(ErrorDomain::kUsage, "logical channel " + std::to_string(channel.number) + " of " + port +
                                         " cannot be closed, only 1 to 3 can");
  }
  SR_TRY(const CardResponse answer, send(CloseCommand(channel.number)));
  if (!IsSuccess(answer.sw())) {
    return Refusal(answer.sw(),
                   "the card in " + port + " does not close logical channel " + std::to_string(channel.number) + " (" +
                       StatusText(answer.sw()) + ")",
                   "");
  }
  return {};
}

Result<std::string> ReadIccidFile(const SendApdu& send, const std::string& port) {
  SR_TRY(const CardResponse selected, send(kSelectIccid));
  if (!IsSuccess(selected.sw())) {
    return Refusal(selected.sw(),
                   "the card in " + port + " does not select EF.ICCID (" + StatusText(selected.sw()) + ")",
                   "check that it is a UICC");
  }
  SR_TRY(const CardResponse content, send(kReadIccid));
  if (!IsSuccess(content.sw())) {
    return Refusal(content.sw(), "the card in " + port + " does not read EF.ICCID (" + StatusText(content.sw()) + ")",
                   "check that it is a UICC");
  }
  return DecodeIccid(content.data(), port);
}

Result<std::string> DecodeIccid(ByteView content, const std::string& port) {
  constexpr std::size_t kSize = 10;
  std::string digits;
  bool padding = false;
  bool valid = content.size() == kSize;
  for (const std::uint8_t byte : content) {
    for (const unsigned nibble : {byte & 0x0FU, static_cast<unsigned>(byte >> 4U)}) {
      if (nibble == 0x0F) {
        padding = true;
      } else {
        valid = valid && nibble <= 9 && !padding;
        digits.push_back(static_cast<char>('0' + nibble % 10));
      }
    }
  }
  if (!valid || digits.size() < kMinIccidDigits) {
    return Fail(ErrorDomain::kProtocol,
                "EF.ICCID of the card in " + port + " does not hold an ICCID of 18 to 20 digits",
                "check that the card is personalised");
  }
  return digits;
}

Result<void> CheckAid(ByteView aid, const std::string& port) {
  if (aid.size() < kMinAid || aid.size() > kMaxAid) {
    return Fail(ErrorDomain::kUsage, "an AID of " + std::to_string(aid.size()) + " bytes cannot be selected in " + port,
                "give an AID of 5 to 16 bytes");
  }
  return {};
}

Result<void> CheckCommand(ByteView command, const std::string& port) {
  constexpr std::size_t kHeader = 4;
  if (command.size() < kHeader || command.size() > wire::kMaxCommand) {
    return Fail(ErrorDomain::kUsage, std::to_string(command.size()) + " bytes are no command APDU for " + port +
                                         ", 4 to " + std::to_string(wire::kMaxCommand) + " are");
  }
  return {};
}

bool IsSuccess(wire::StatusWord sw) {
  return sw == wire::StatusWord::kOk || sw == wire::StatusWord::kOkAfterRemoteSession || wire::Sw1(sw) == 0x61 ||
         wire::Sw1(sw) == 0x91;
}

std::string StatusText(wire::StatusWord sw) {
  const std::array<std::uint8_t, 2> bytes{wire::Sw1(sw), wire::Sw2(sw)};
  return ToHex(bytes) + ", " + std::string(wire::Describe(sw));
}

tl::unexpected<Error> Refusal(wire::StatusWord sw, std::string message, std::string next_step) {
  return tl::unexpected<Error>(Error{ErrorDomain::kCard, std::move(message), std::move(next_step), sw});
}

}  // namespace simroot::device
