// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/bytes.hpp"
#include "common/wire/status_word.hpp"

namespace simroot::card {

/// True if data may accompany `sw` on its way out: 90XX, 91XX and the warnings 62XX and 63XX (ISO/IEC 7816-4 5.6).
[[nodiscard]] constexpr bool CarriesData(wire::StatusWord sw) {
  const std::uint8_t sw1 = wire::Sw1(sw);
  return sw1 == 0x90 || sw1 == 0x91 || sw1 == 0x62 || sw1 == 0x63;
}

/// The answer of one logical channel's last command, as far as the device has not fetched it (spec 1.4). It lives in
/// memory it borrows, and that memory is wiped as soon as the answer is fetched or dropped: it may hold a shared
/// secret.
class PendingResponse {
 public:
  explicit PendingResponse(ByteSpan memory) : memory_(memory) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  /// Bytes not fetched yet.
  [[nodiscard]] std::size_t size() const { return rest_.size(); }

  /// Drops the old answer and lends all of the memory for a new one. Keep or Drop must follow.
  [[nodiscard]] ByteSpan Prepare();
  /// The first `size` bytes of the prepared memory are the answer, `sw` comes after its last byte.
  void Keep(std::size_t size, wire::StatusWord sw);
  /// Keeps a copy of `bytes`. False, and nothing is pending, if they are more than the memory takes.
  [[nodiscard]] bool KeepCopy(ByteView bytes, wire::StatusWord sw);

  /// Moves the next bytes, at most `limit` and at most what `out` takes, to `out`.
  /// @returns 61LL while there are more, otherwise the status word that belongs to the answer.
  [[nodiscard]] wire::StatusWord HandOut(std::size_t limit, ByteWriter& out);

  /// Forgets and wipes.
  void Drop();

 private:
  ByteSpan memory_;
  ByteView rest_;
  wire::StatusWord sw_ = wire::StatusWord::kOk;
  bool used_ = false;  ///< the memory was lent or filled since it was last wiped
};

}  // namespace simroot::card
