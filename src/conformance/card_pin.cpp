// SPDX-License-Identifier: Apache-2.0
#include "conformance/card_pin.hpp"

#include "common/base/secret.hpp"
#include "common/iotsafe/vocabulary.hpp"
#include "common/wire/apdu.hpp"
#include "common/wire/status_word.hpp"

namespace simroot::conformance {
namespace {

using wire::StatusWord;

constexpr std::uint8_t kGlobalPin1 = 0x01;  // P2, ETSI TS 102 221 9.5.1
constexpr std::uint8_t kFiller = 0xFF;
constexpr unsigned kNotTold = 16;  // more than 63CX can tell

/// X of 63CX, or kNotTold.
unsigned TriesLeft(std::uint16_t sw) {
  return (sw & 0xFFF0U) == 0x63C0U ? sw & 0x0FU : kNotTold;
}

}  // namespace

bool IsPinQuestion(ByteView command) {
  constexpr std::size_t kHeader = 4;
  return command.size() == kHeader && command[1] == Code(iotsafe::Ins::kVerifyPin);
}

/// @param field nothing to ask. @returns 0 if no answer came.
std::uint16_t CardPin::Verify(std::uint8_t cla, ByteView field) {
  SecretArray<5 + kMaxSize> command;
  const ByteSpan bytes = command.Prepare(field.empty() ? 4 : 5 + field.size());
  ByteWriter out(bytes);
  out.PutU8(cla);
  out.PutU8(Code(iotsafe::Ins::kVerifyPin));
  out.PutU8(0x00);
  out.PutU8(kGlobalPin1);
  if (!field.empty()) {
    out.PutU8(LowByte(field.size()));
    out.PutBytes(field);
  }
  std::array<std::uint8_t, wire::kMaxShortResponse> answer{};
  const std::size_t size = card_.Transmit(bytes, answer);
  return size == 2 ? static_cast<std::uint16_t>(answer[0] << 8U | answer[1]) : std::uint16_t{0};
}

Result<PinState> CardPin::Open(std::uint8_t cla) {
  const std::uint16_t sw = Verify(cla, {});
  const unsigned tries = TriesLeft(sw);
  if (sw == static_cast<std::uint16_t>(StatusWord::kOk)) {
    state_ = PinState::kVerified;
  } else if (tries == 0 || sw == static_cast<std::uint16_t>(StatusWord::kAuthenticationBlocked)) {
    state_ = PinState::kBlocked;
  } else if (tries != kNotTold || sw == static_cast<std::uint16_t>(StatusWord::kWrongLength)) {
    // 6700: a card that compares only. It knows the reference, or it would have said 6A88.
    state_ = PinState::kWanted;
  } else {
    state_ = PinState::kNone;
  }
  if (state_ != PinState::kWanted || pin_.empty()) {
    return state_;
  }
  if (tries == 1) {
    return Fail(ErrorDomain::kCard, "the user PIN of the card has one try left, so it was not given",
                "make sure that it is right, then say `simroot device pin --give`");
  }
  return Give(cla);
}

Result<PinState> CardPin::Give(std::uint8_t cla) {
  if (refused_) {
    return state_;
  }
  SecretArray<kMaxSize> field;
  const ByteSpan bytes = field.Prepare(kMaxSize);
  std::ranges::fill(bytes, kFiller);
  if (!CopyBytes(pin_, bytes)) {
    return Fail(ErrorDomain::kUsage, "a PIN has at most " + std::to_string(kMaxSize) + " bytes");
  }
  const std::uint16_t sw = Verify(cla, bytes);
  // 63CF to a PIN is success: a remote administration session has completed since.
  if (sw == static_cast<std::uint16_t>(StatusWord::kOk) ||
      sw == static_cast<std::uint16_t>(StatusWord::kOkAfterRemoteSession)) {
    ++times_given_;
    state_ = PinState::kVerified;
    return state_;
  }
  refused_ = true;
  const unsigned tries = TriesLeft(sw);
  const std::string left = tries == kNotTold ? "" : ", tries left: " + std::to_string(tries);
  if (times_given_ > 0) {
    return Fail(ErrorDomain::kCard, "the card refuses the user PIN that it took before" + left,
                "start again with a card of which nobody changes the PIN meanwhile");
  }
  return Fail(ErrorDomain::kCard, "the user PIN is wrong" + left + "; nothing was judged",
              "correct the PIN file; wrong PINs block the card");
}

}  // namespace simroot::conformance
