// SPDX-License-Identifier: Apache-2.0
#include "device/daemon/pin_guard.hpp"

#include "device/transport/apdu_commands.hpp"

namespace simroot::device::daemon {
namespace {

constexpr std::uint8_t kSw1Counter = 0x63;
constexpr std::uint8_t kCounterMask = 0xF0;
constexpr std::uint8_t kCounter = 0xC0;

[[nodiscard]] bool WaitsForPin(wire::StatusWord answer) {
  return (wire::Sw1(answer) == kSw1Counter && (wire::Sw2(answer) & kCounterMask) == kCounter) ||
         answer == wire::StatusWord::kAuthenticationBlocked;
}

[[nodiscard]] bool HasNoPin(wire::StatusWord answer) {
  using enum wire::StatusWord;
  return answer == kReferencedDataNotFound || answer == kIncorrectP1P2 || answer == kUnknownInstruction ||
         answer == kUnknownClass;
}

}  // namespace

void PinGuard::Learn(const Bytes& aid, wire::StatusWord answer) {
  if (known_.size() >= kMaxKnown) {
    known_.clear();  // they are asked again
  }
  // If the card says that the PIN was given, and somebody has given it through us, it is that one's.
  if (WaitsForPin(answer) || (IsSuccess(answer) && armed_)) {
    known_[aid] = Standing::kGuarded;
  } else if (IsSuccess(answer)) {
    known_[aid] = Standing::kOpen;
  } else if (HasNoPin(answer)) {
    known_[aid] = Standing::kNoPin;
  } else {
    known_.erase(aid);
  }
}

void PinGuard::Given(ClientId client, const Bytes& aid) {
  const auto known = known_.find(aid);
  if (known != known_.end() && known->second == Standing::kOpen) {
    return;
  }
  armed_ = true;
  if (aid.empty()) {
    return;
  }
  known_[aid] = Standing::kGuarded;
  if (client != kNobody) {
    given_.emplace(client, aid);
  }
}

bool PinGuard::MayUseKeys(ClientId client, const Bytes& aid) const {
  const auto known = known_.find(aid);
  return !armed_ || (known != known_.end() && known->second != Standing::kGuarded) || given_.contains({client, aid});
}

bool PinGuard::MayUseKeysRaw(ClientId client, const Bytes& aid) const {
  return !armed_ || given_.contains({client, aid});
}

void PinGuard::Forget(ClientId client) {
  std::erase_if(given_, [client](const auto& pair) { return pair.first == client; });
}

}  // namespace simroot::device::daemon
