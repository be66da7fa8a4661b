// SPDX-License-Identifier: Apache-2.0
#include "device/daemon/channel_state.hpp"

#include "common/wire/status_word.hpp"
#include "device/transport/apdu_commands.hpp"

namespace simroot::device::daemon {
namespace {

using iotsafe::Ins;
using wire::StatusWord;

constexpr std::uint8_t kGetResponse = 0xC0;
constexpr std::uint8_t kSw1BytesWaiting = 0x61;
constexpr std::uint8_t kSw1WrongLe = 0x6C;
constexpr std::uint8_t kOpenSession = 0x00;
constexpr std::uint8_t kCloseSession = 0x01;
constexpr std::uint8_t kLastUpdate = 0x80;
constexpr std::uint8_t kProprietaryBit = 0x80;
constexpr std::uint8_t kChannelBits = 0x03;

/// Commands that are over when they are answered, and leave nothing on the channel.
[[nodiscard]] bool IsSingle(Ins ins) {
  switch (ins) {
    case Ins::kVerifyPin:
    case Ins::kComputeDh:
    case Ins::kComputePrf:
    case Ins::kComputeHkdf:
    case Ins::kGetRandom:
    case Ins::kReadFile:
    case Ins::kGenerateKeyPair:
    case Ins::kGetData:
    case Ins::kReadPublicKey:
      return true;
    default:
      return false;
  }
}

/// No secure messaging, no chaining, none of the further channels.
[[nodiscard]] bool IsPlainClass(std::uint8_t cla) {
  return (cla & static_cast<std::uint8_t>(~(kProprietaryBit | kChannelBits))) == 0;
}

}  // namespace

void ChannelState::Observe(ByteView command, ByteView response) {
  const auto parsed = wire::ParseCommand(command, wire::ApduStrictness::kIgnoreExcess);
  const auto answer = wire::ParseResponse(response);
  if (!parsed || !answer || !IsPlainClass(parsed->cla)) {
    dirty_ = true;
    return;
  }
  if (wire::Sw1(answer->sw) == kSw1WrongLe) {
    return;  // not carried out; the card keeps what it had
  }
  if (parsed->ins == kGetResponse && !answer_waits_) {
    dirty_ = true;
    return;
  }
  answer_waits_ = wire::Sw1(answer->sw) == kSw1BytesWaiting;
  const auto ins = static_cast<Ins>(parsed->ins);
  // That it does not match ends a verification as well as a match.
  const bool mismatch = answer->sw == StatusWord::kSignatureMismatch && ins == Ins::kVerifySignatureUpdate;
  if (!IsSuccess(answer->sw) && !mismatch) {
    dirty_ = true;
  } else if (ins == Ins::kComputeSignatureInit) {
    ObserveInit({Ins::kComputeSignatureUpdate, parsed->p2}, parsed->p1);
  } else if (ins == Ins::kVerifySignatureInit) {
    ObserveInit({Ins::kVerifySignatureUpdate, parsed->p2}, parsed->p1);
  } else if (ins == Ins::kComputeSignatureUpdate || ins == Ins::kVerifySignatureUpdate) {
    ObserveUpdate({ins, parsed->p2}, parsed->p1);
  } else if (parsed->ins != kGetResponse && !IsSingle(ins)) {
    dirty_ = true;
  }
}

void ChannelState::ObserveInit(const Session& session, std::uint8_t p1) {
  if (p1 == kOpenSession && !session_) {
    session_ = session;
  } else if (p1 == kCloseSession && session_ == session) {
    session_.reset();
  } else {
    dirty_ = true;
  }
}

void ChannelState::ObserveUpdate(const Session& session, std::uint8_t p1) {
  if (p1 == kLastUpdate && session_ == session) {
    session_.reset();
  } else {
    dirty_ = true;
  }
}

}  // namespace simroot::device::daemon
