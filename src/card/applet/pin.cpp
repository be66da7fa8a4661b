// SPDX-License-Identifier: Apache-2.0
/// The optional user PIN (VERIFY of ISO/IEC 7816-4 and ETSI TS 102 221). It guards the use of private and secret keys.
#include "card/applet/applet.hpp"
#include "card/applet/user_pin.hpp"
#include "common/base/secret.hpp"

namespace simroot::card {
namespace {

using wire::StatusWord;

constexpr std::uint8_t kGlobalPin1 = 0x01;  ///< P2
constexpr std::uint8_t kFiller = 0xFF;

/// 63CX: X tries are left.
[[nodiscard]] StatusWord TriesLeft(std::uint64_t failures) {
  constexpr std::uint8_t kTries = 0xC0;
  return wire::MakeStatusWord(0x63, LowByte(kTries | (kMaxPinFailures - failures)));
}

}  // namespace

StatusWord Applet::VerifyPin(const Call& call) {
  if (call.command.p1 != 0 || call.command.p2 != kGlobalPin1) {
    return Sw::kIncorrectP1P2;
  }
  const StoredObject* const pin = UserPin();
  if (pin == nullptr) {
    return Sw::kReferencedDataNotFound;
  }
  const std::uint64_t failures = store_.Counter(*pin);
  if (failures >= kMaxPinFailures) {
    return Sw::kAuthenticationBlocked;
  }
  if (call.command.data.empty()) {  // a question
    return UserIsVerified() ? Sw::kOk : TriesLeft(failures);
  }
  if (call.command.data.size() != kMaxUserPinSize) {
    return Sw::kWrongLength;
  }
  // Counted before it is looked at: whoever cuts the power after the comparison has used up a try.
  verified_generation_ = 0;
  if (!store_.SetCounter(*pin, failures + 1)) {
    return Sw::kIntegrityIssue;
  }
  SecretArray<kMaxUserPinSize> expected;
  const ByteSpan field = expected.Prepare(kMaxUserPinSize);
  std::ranges::fill(field, kFiller);
  if (!CopyBytes(store_.Value(*pin), field) ||
      !SameSecret(call.command.data, expected.Reveal(InsecureReveal::kForCrypto))) {
    return TriesLeft(failures + 1);
  }
  if (!store_.SetCounter(*pin, 0)) {
    return Sw::kIntegrityIssue;
  }
  verified_generation_ = pin->generation;
  return Sw::kOk;
}

}  // namespace simroot::card
