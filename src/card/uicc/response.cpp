// SPDX-License-Identifier: Apache-2.0
// GET RESPONSE and the way an answer leaves the card (ISO/IEC 7816-4 11.7.1, ETSI TS 102 221 7.3.1.1; spec 1.4).
#include "card/uicc/uicc.hpp"

#include "common/base/secret.hpp"

namespace simroot::card {
namespace {

using wire::StatusWord;

/// Shortens what was written to `size` bytes and wipes the rest, so that nothing is left behind the answer.
void CutTo(std::size_t size, ByteWriter& out) {
  const std::size_t surplus = out.size() - size;
  out.Truncate(size);
  Wipe(out.Reserve(surplus));
  out.Truncate(size);
}

}  // namespace

StatusWord Uicc::GetResponse(Call& call) {
  if (call.command.p1 != 0 || call.command.p2 != 0) {
    return StatusWord::kIncorrectP1P2;
  }
  if (call.channel.pending.empty()) {
    return StatusWord::kConditionsNotSatisfied;
  }
  return call.channel.pending.HandOut(call.command.le.value_or(kShortLeMax), call.data);
}

/// Short commands; `call.data` is the memory of the channel's pending response. A command with data is answered 61LL as
/// over T=0, where Le never reaches the card. Everything else is answered at once with up to Le bytes, and 61LL for the
/// rest. Never 6CLL: a longer Le gets what there is.
StatusWord Uicc::Deliver(const Call& call, StatusWord sw, ByteWriter& answer) {
  PendingResponse& pending = call.channel.pending;
  const std::size_t size = call.data.size();
  if (!call.data.ok()) {
    pending.Drop();
    return StatusWord::kOtherError;
  }
  if (size == 0 || !CarriesData(sw)) {
    pending.Drop();
    return sw;
  }
  pending.Keep(size, sw);
  if (config_.answer_t0 && !call.command.data.empty()) {
    return wire::BytesWaiting(size);
  }
  return pending.HandOut(call.command.le.value_or(kShortLeMax), answer);
}

/// Extended commands exist over T=1 only: `call.data` is the answer itself, cut to Le; the rest waits.
StatusWord Uicc::DeliverExtended(const Call& call, StatusWord sw) {
  ByteWriter& answer = call.data;
  if (!answer.ok()) {
    CutTo(0, answer);
    return StatusWord::kOtherError;
  }
  if (!CarriesData(sw)) {
    CutTo(0, answer);
    return sw;
  }
  const std::size_t limit = std::min(call.command.le.value_or(answer.size()), answer.size());
  const ByteView rest = answer.written().subspan(limit);
  if (rest.empty()) {
    return sw;
  }
  const std::size_t waiting = rest.size();
  if (!call.channel.pending.KeepCopy(rest, sw)) {
    CutTo(0, answer);
    return StatusWord::kOtherError;
  }
  CutTo(limit, answer);
  return wire::BytesWaiting(waiting);
}

}  // namespace simroot::card
