// SPDX-License-Identifier: Apache-2.0
// INSTALL [for personalization] and STORE DATA (GlobalPlatform 2.3.1, 11.5.2.3.6 and 11.11).
#include "card/security_domain/commands.hpp"

namespace simroot::card {
namespace {

using wire::StatusWord;

constexpr std::uint8_t kForPersonalisation = 0x20;
constexpr std::uint8_t kLastBlock = 0x80;
constexpr std::uint8_t kEncryptionBits = 0x60;  // of P1: what the data is enciphered with besides the session
constexpr std::uint16_t kBlocks = 0x100;

/// `00 00 length AID 00 00 00`: no load file, no module, no privileges, no parameters, no token.
[[nodiscard]] std::optional<ByteView> ReadApplicationAid(ByteView data) {
  constexpr std::uint16_t kNoLoadFileNoModule = 0x0000;
  constexpr std::uint32_t kNothingElse = 0x000000;
  ByteReader reader(data);
  std::uint16_t front = 0;
  std::uint8_t size = 0;
  ByteView aid;
  std::uint32_t back = 0;
  if (!reader.ReadU16(front) || front != kNoLoadFileNoModule || !reader.ReadU8(size) || !reader.ReadBytes(size, aid) ||
      !reader.ReadU24(back) || back != kNothingElse || !reader.empty()) {
    return std::nullopt;
  }
  constexpr std::size_t kMinAid = 5;
  constexpr std::size_t kMaxAid = 16;
  return aid.size() >= kMinAid && aid.size() <= kMaxAid ? std::optional(aid) : std::nullopt;
}

}  // namespace

wire::StatusWord SecurityDomain::Install(const Call& call) {
  if (call.command.p1 != kForPersonalisation || call.command.p2 != 0) {
    return StatusWord::kIncorrectP1P2;
  }
  const auto aid = ReadApplicationAid(call.command.data);
  if (!aid) {
    return StatusWord::kIncorrectData;
  }
  const auto managed = std::ranges::find_if(applications_, [&](const ManagedApplication& candidate) {
    return candidate.content != nullptr && candidate.application->AnswersTo(*aid);
  });
  if (managed == applications_.end()) {
    return StatusWord::kReferencedDataNotFound;
  }
  EndPersonalisation();
  personalised_ = managed->content;
  call.response.PutU8(0x00);  // no confirmation follows
  return StatusWord::kOk;
}

wire::StatusWord SecurityDomain::StoreData(const Call& call) {
  const std::uint16_t expected = std::exchange(next_block_, std::uint16_t{0});
  if (personalised_ == nullptr) {
    return StatusWord::kConditionsNotSatisfied;
  }
  if ((call.command.p1 & kEncryptionBits) != 0 && !secure::EnciphersCommands(session_.level())) {
    return StatusWord::kSecurityNotSatisfied;
  }
  const bool last = (call.command.p1 & kLastBlock) != 0;
  const bool has_successor = last || expected + 1 < kBlocks;
  if (call.command.p2 != expected || !has_successor) {
    return StatusWord::kIncorrectP1P2;
  }
  const Sw sw = personalised_->StoreData({.data = call.command.data, .number = call.command.p2, .last = last},
                                         unwrapper_, call.response);
  if (!last && secure::CarriesResponseMac(sw)) {
    next_block_ = static_cast<std::uint16_t>(expected + 1);
  }
  return sw;
}

void SecurityDomain::EndPersonalisation() {
  next_block_ = 0;
  if (personalised_ != nullptr) {
    std::exchange(personalised_, nullptr)->EndPersonalisation();
  }
}

}  // namespace simroot::card
