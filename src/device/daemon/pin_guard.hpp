// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <utility>

#include "common/host/hex.hpp"
#include "common/wire/status_word.hpp"
#include "device/daemon/turn_queue.hpp"

namespace simroot::device::daemon {

/// Keeps the user PIN that one client has given from serving another. To a card a PIN is given until it is reset,
/// whoever comes; so once a client has given it through the daemon, the daemon wants it from every client before it
/// lets commands through that use keys. A PIN that was given before the daemon came, by the modem say, opens the keys
/// for everybody, as it does without a daemon.
class PinGuard {
 public:
  /// @param armed an earlier daemon, which was killed perhaps, has let a client give the PIN.
  explicit PinGuard(bool armed) : armed_(armed) {}
  [[nodiscard]] bool armed() const { return armed_; }

  /// Asked by VERIFY without PIN when an application is opened for the first time since the card's last reset.
  /// @param answer 63CX: there is a PIN, and it was not given; 9000: it was; anything else: there is none.
  void Learn(const Bytes& aid, wire::StatusWord answer);
  [[nodiscard]] bool Knows(const Bytes& aid) const { return known_.contains(aid); }

  /// `client` has given the PIN, and the card has accepted it.
  void Given(ClientId client, const Bytes& aid);

  /// Whether commands of `client` that use keys go through. @param aid empty: on a channel of the client's own.
  [[nodiscard]] bool MayUseKeys(ClientId client, const Bytes& aid) const;

  /// The client is gone.
  void Forget(ClientId client);
  /// The card may have been reset: ask again. What was given holds if the card says that it still does.
  void AskAgain() {
    known_.clear();
    guarded_.clear();
  }

 private:
  static constexpr std::size_t kMaxKnown = 16;

  bool armed_;  ///< somebody has given the PIN through the daemon
  std::set<Bytes> known_;
  std::set<Bytes> guarded_;  ///< applications with a PIN that was not given before
  std::set<std::pair<ClientId, Bytes>> given_;
};

}  // namespace simroot::device::daemon
