// SPDX-License-Identifier: Apache-2.0
/// VERIFY (ISO/IEC 7816-4): the optional user PIN.
#include "common/base/secret.hpp"
#include "device/client/operations.hpp"
#include "device/client/refusal.hpp"

namespace simroot::device::client {
namespace {

using iotsafe::Ins;
using wire::StatusWord;

constexpr std::uint8_t kGlobalPin1 = 0x01;  ///< P2, ETSI TS 102 221 9.5.1
constexpr std::uint8_t kFiller = 0xFF;

/// @param data nothing to ask.
[[nodiscard]] Result<UserPinState> Verify(Transaction& transaction, ByteView data) {
  SR_TRY(const Reply reply,
         transaction.Send({.ins = Ins::kVerifyPin, .p1 = 0, .p2 = kGlobalPin1, .data = data, .le = {}}));
  // 63CF is the counter in the answer to a question only; to a PIN it is success (and a remote session has completed).
  if (!data.empty() && IsSuccess(reply.sw)) {
    return UserPinState{.exists = true, .verified = true};
  }
  switch (reply.sw) {
    case StatusWord::kReferencedDataNotFound:
    case StatusWord::kUnknownInstruction:
    case StatusWord::kIncorrectP1P2:
      return UserPinState{};
    case StatusWord::kAuthenticationBlocked:
      return UserPinState{.exists = true};
    case StatusWord::kWrongLength:
      if (data.empty()) {
        // A card that compares only: it knows the reference, or it would have said 6A88, and cannot be asked about it.
        return UserPinState{.exists = true, .tries_left = kTriesNotTold};
      }
      break;
    default:
      break;
  }
  constexpr std::uint8_t kTriesLeft = 0x63;  // SW1 of 63CX
  if (wire::Sw1(reply.sw) == kTriesLeft && (wire::Sw2(reply.sw) & 0xF0U) == 0xC0U) {
    return UserPinState{.exists = true, .tries_left = wire::Sw2(reply.sw) & 0x0FU};
  }
  if (!IsSuccess(reply.sw)) {
    return tl::make_unexpected(Refusal(reply.sw, {.ins = Ins::kVerifyPin}, transaction.port()));
  }
  return UserPinState{.exists = true, .verified = true};
}

}  // namespace

Result<UserPinState> AskUserPin(Transaction& transaction) {
  return Verify(transaction, {});
}

Result<UserPinState> GiveUserPin(Transaction& transaction, ByteView pin) {
  SecretArray<kMaxUserPinSize> field;
  const ByteSpan bytes = field.Prepare(kMaxUserPinSize);
  std::ranges::fill(bytes, kFiller);
  if (!CopyBytes(pin, bytes)) {
    return Fail(ErrorDomain::kUsage, "a PIN has at most " + std::to_string(kMaxUserPinSize) + " bytes");
  }
  return Verify(transaction, field.Reveal(InsecureReveal::kForCrypto));
}

Result<bool> GivePinOfFile(Transaction& transaction, ByteView pin, const std::string& file) {
  const auto refuse = [&](StatusWord sw, const std::string& what, const std::string& next_step) {
    return Unexpected(Error{ErrorDomain::kCard, what + " (" + transaction.port() + ")", next_step, sw});
  };
  SR_TRY(const UserPinState before, AskUserPin(transaction));
  if (!before.exists || before.verified) {
    return false;
  }
  if (before.tries_left == 0) {
    return refuse(StatusWord::kAuthenticationBlocked, "the user PIN of the card is blocked",
                  "have the card's issuer unblock it");
  }
  if (before.tries_left == 1) {
    return refuse(StatusWord::kSecurityNotSatisfied,
                  "the user PIN of the card has one try left, so the one in " + file + " was not given",
                  "make sure that it is right, then say `simroot device pin --give`");
  }
  SR_TRY(const UserPinState after, GiveUserPin(transaction, pin));
  if (!after.verified) {
    return refuse(StatusWord::kSecurityNotSatisfied,
                  "the PIN in " + file + " is wrong, tries left: " + std::to_string(after.tries_left),
                  "correct the file; wrong PINs block the card");
  }
  return true;
}

}  // namespace simroot::device::client
