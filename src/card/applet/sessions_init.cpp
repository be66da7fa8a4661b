// SPDX-License-Identifier: Apache-2.0
#include "card/applet/applet.hpp"

namespace simroot::card {
namespace {

// P1 of the INIT commands (spec 6.1).
constexpr std::uint8_t kOpenSession = 0x00;
constexpr std::uint8_t kCloseSession = 0x01;

}  // namespace

Expected<Session*, wire::StatusWord> Applet::OpenOrClose(const Call& call, SessionFamily family) {
  if (call.command.p1 > kCloseSession || call.command.p2 > SessionTable::kMaxNumber) {
    return Unexpected(Sw::kIncorrectP1P2);
  }
  Session* const running = sessions_.Find(call.channel, family, call.command.p2);
  if (call.command.p1 == kOpenSession && running != nullptr && !config_.restart_open_session) {
    return Unexpected(Sw::kIncorrectP1P2);
  }
  // Thales' clients never close, Orange's close before they open: both start from a clean session (spec 6.2).
  if (running != nullptr) {
    sessions_.End(*running);
  }
  if (call.command.p1 == kCloseSession) {
    return nullptr;
  }
  Session* const session = sessions_.Open(call.channel, family, call.command.p2);
  if (session == nullptr) {
    return Unexpected(Sw::kCapacityReached);
  }
  return session;
}

Expected<Session*, wire::StatusWord> Applet::RunningSession(const Call& call, SessionFamily family) {
  Session* const session = sessions_.Find(call.channel, family, call.command.p2);
  if (session == nullptr) {
    return Unexpected(Sw::kConditionsNotSatisfied);
  }
  const StoredObject& key = store_.At(session->slot);
  if (key.generation != session->generation) {  // replaced or deleted meanwhile
    sessions_.End(*session);
    return Unexpected(Sw::kCapacityReached);
  }
  if (store_.IsUnderUpdate(key)) {
    return Unexpected(Sw::kReferencedDataInvalidated);  // the session waits for how that ends
  }
  const bool guarded = family == SessionFamily::kComputeSignature || family == SessionFamily::kEncrypt ||
                       family == SessionFamily::kDecrypt;
  if (guarded && !UserIsVerified()) {
    sessions_.End(*session);
    return Unexpected(Sw::kSecurityNotSatisfied);
  }
  return session;
}

}  // namespace simroot::card
