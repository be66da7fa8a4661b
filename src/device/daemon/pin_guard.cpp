// SPDX-License-Identifier: Apache-2.0
#include "device/daemon/pin_guard.hpp"

namespace simroot::device::daemon {
namespace {

constexpr std::uint8_t kSw1Counter = 0x63;
constexpr std::uint8_t kCounterMask = 0xF0;
constexpr std::uint8_t kCounter = 0xC0;

[[nodiscard]] bool WaitsForPin(wire::StatusWord answer) {
  return (wire::Sw1(answer) == kSw1Counter && (wire::Sw2(answer) & kCounterMask) == kCounter) ||
         answer == wire::StatusWord::kAuthenticationBlocked;
}

}  // namespace

void PinGuard::Learn(const Bytes& aid, wire::StatusWord answer) {
  if (known_.size() >= kMaxKnown) {
    known_.clear();  // they are asked again
  }
  known_.insert(aid);
  // If the card says that the PIN was given, and somebody has given it through us, it is that one's.
  if (WaitsForPin(answer) || (answer == wire::StatusWord::kOk && armed_)) {
    guarded_.insert(aid);
  } else {
    guarded_.erase(aid);
  }
}

void PinGuard::Given(ClientId client, const Bytes& aid) {
  if (aid.empty() || guarded_.contains(aid)) {
    armed_ = true;
    given_.emplace(client, aid);
  }
}

bool PinGuard::MayUseKeys(ClientId client, const Bytes& aid) const {
  if (!armed_ || (!aid.empty() && !guarded_.contains(aid))) {
    return true;
  }
  return given_.contains({client, aid});
}

void PinGuard::Forget(ClientId client) {
  std::erase_if(given_, [client](const auto& pair) { return pair.first == client; });
}

}  // namespace simroot::device::daemon
