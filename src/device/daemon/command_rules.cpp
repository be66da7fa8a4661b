// SPDX-License-Identifier: Apache-2.0
#include "device/daemon/command_rules.hpp"

#include "common/iotsafe/vocabulary.hpp"

namespace simroot::device::daemon {
namespace {

using iotsafe::Ins;

constexpr std::uint8_t kSelect = 0xA4;
constexpr std::uint8_t kSelectByAid = 0x04;  // P1
constexpr std::uint8_t kManageChannel = 0x70;
constexpr std::uint8_t kOpen = 0x00;
constexpr std::uint8_t kClose = 0x80;
constexpr std::uint8_t kProprietaryBit = 0x80;
constexpr std::uint8_t kOtherClassBits = 0x60;  // channels 4 to 19, and the classes of 2G: the modem's
constexpr std::uint8_t kChannelBits = 0x03;

struct Header {
  std::uint8_t cla = 0;
  std::uint8_t ins = 0;
  std::uint8_t p1 = 0;
  std::uint8_t p2 = 0;
};

[[nodiscard]] std::optional<Header> ReadHeader(ByteView command) {
  ByteReader reader(command);
  Header header;
  if (!reader.ReadU8(header.cla) || !reader.ReadU8(header.ins) || !reader.ReadU8(header.p1) ||
      !reader.ReadU8(header.p2)) {
    return std::nullopt;
  }
  return header;
}

/// TERMINAL PROFILE, FETCH, TERMINAL RESPONSE, ENVELOPE (ETSI TS 102 221 11.2): between the modem and the card.
[[nodiscard]] bool IsToolkit(const Header& header) {
  constexpr std::array<std::uint8_t, 4> kToolkit{0x10, 0x12, 0x14, 0xC2};
  return (header.cla & kProprietaryBit) != 0 && std::ranges::find(kToolkit, header.ins) != kToolkit.end();
}

}  // namespace

Result<void> CheckOnChannel(ByteView command) {
  const auto header = ReadHeader(command);
  if (!header) {
    return Fail(ErrorDomain::kUsage, "a command of fewer than 4 bytes is none");
  }
  if ((header->cla & (kOtherClassBits | kChannelBits)) != 0) {
    return Fail(ErrorDomain::kUsage, "the class byte of a command names a channel, which the card daemon chooses",
                "use a class byte of 0X, 1X, 8X or 9X with channel bits 00");
  }
  if (header->ins == kSelect || header->ins == kManageChannel) {
    return Fail(ErrorDomain::kUsage, "SELECT and MANAGE CHANNEL are not for a channel that the card daemon shares",
                "open a channel for the application");
  }
  if (IsToolkit(*header)) {
    return Fail(ErrorDomain::kUsage, "commands of the card application toolkit are between the modem and the card");
  }
  return {};
}

std::optional<RawCommand> ParseRaw(ByteView command) {
  const auto header = ReadHeader(command);
  if (!header || (header->cla & kOtherClassBits) != 0) {
    return std::nullopt;
  }
  const bool manages = header->ins == kManageChannel;  // whatever the class: who knows what a card makes of it
  return RawCommand{.channel = LowByte(header->cla & kChannelBits),
                    .toolkit = IsToolkit(*header),
                    .selects = header->ins == kSelect && header->p1 == kSelectByAid,
                    .opens = manages && header->p1 == kOpen,
                    .closes = manages && header->p1 == kClose,
                    .odd = manages && header->p1 != kOpen && header->p1 != kClose,
                    .other_channel = header->p2};
}

bool UsesKeys(ByteView command) {
  constexpr std::uint8_t kInitializeUpdate = 0x50;  // of a security domain, which has keys of its own
  const auto header = ReadHeader(command);
  if (!header) {
    return false;
  }
  const auto ins = static_cast<Ins>(header->ins);
  const bool signs = ins == Ins::kComputeSignatureInit || ins == Ins::kComputeSignatureUpdate;
  // COMPUTE DH, PRF, HKDF, and our extensions: all but the hash.
  const bool derives =
      header->ins >= 0x40 && header->ins <= 0x5F && header->ins != kInitializeUpdate && ins != Ins::kHash;
  return signs || derives || ins == Ins::kGenerateKeyPair;
}

bool GivesPin(ByteView command) {
  const auto parsed = wire::ParseCommand(command, wire::ApduStrictness::kIgnoreExcess);
  constexpr std::uint8_t kChainingOrSecureMessaging = 0x7C;
  constexpr std::uint8_t kUserPin = 0x01;
  return parsed && static_cast<Ins>(parsed->ins) == Ins::kVerifyPin && !parsed->data.empty() && !parsed->extended &&
         (parsed->cla & kChainingOrSecureMessaging) == 0 && parsed->p1 == 0 && parsed->p2 == kUserPin;
}

bool MayGivePin(ByteView command) {
  constexpr std::size_t kQuestion = 5;  // header, and a length of 00 perhaps
  const auto header = ReadHeader(command);
  const bool asks = command.size() < kQuestion || (command.size() == kQuestion && command.back() == 0);
  return header && static_cast<Ins>(header->ins) == Ins::kVerifyPin && !asks;
}

wire::StatusWord StatusOf(ByteView response) {
  const auto parsed = wire::ParseResponse(response);
  return parsed ? parsed->sw : wire::StatusWord::kOtherError;
}

Bytes OnChannel(ByteView command, std::uint8_t number) {
  Bytes sent(command.begin(), command.end());
  if (!sent.empty()) {
    sent.front() = LowByte(sent.front() | number);
  }
  return sent;
}

Bytes StatusOnly(wire::StatusWord sw) {
  return {wire::Sw1(sw), wire::Sw2(sw)};
}

}  // namespace simroot::device::daemon
