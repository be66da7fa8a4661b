// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
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
  void Arm() { armed_ = true; }

  /// Asked by VERIFY without PIN when an application is opened for the first time since the card's last reset.
  /// @param answer 63CX: there is a PIN, and it was not given; success: it was; 6A86, 6A88, 6D00, 6E00: there is none.
  /// Anything else tells nothing: the application is guarded once the PIN was given, and asked again.
  void Learn(const Bytes& aid, wire::StatusWord answer);
  [[nodiscard]] bool Knows(const Bytes& aid) const { return known_.contains(aid); }

  /// `client` has given the PIN, and the card has accepted it. That there is a PIN is known now, whatever was learned.
  /// @param client kNobody: the card may have accepted one, but nobody has shown to know it.
  /// @param aid empty: it is not known of which application.
  void Given(ClientId client, const Bytes& aid);

  /// Whether commands of `client` that use keys go through.
  [[nodiscard]] bool MayUseKeys(ClientId client, const Bytes& aid) const;
  /// On a channel of the client's own, where another application than the one of that name may be selected.
  /// @param aid what it has selected there; empty: not known.
  [[nodiscard]] bool MayUseKeysRaw(ClientId client, const Bytes& aid) const;

  /// The client is gone.
  void Forget(ClientId client);
  /// The card may have been reset: ask again. What was given holds if the card says that it still does.
  void AskAgain() { known_.clear(); }

 private:
  static constexpr std::size_t kMaxKnown = 64;
  enum class Standing : std::uint8_t {
    kNoPin,
    kOpen,     ///< the PIN was given before the daemon came
    kGuarded,  ///< there is a PIN; what is not known is treated alike
  };

  bool armed_;  ///< somebody has given the PIN through the daemon
  std::map<Bytes, Standing> known_;
  std::set<std::pair<ClientId, Bytes>> given_;
};

}  // namespace simroot::device::daemon
