// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

#include "common/host/unique_fd.hpp"
#include "device/provider/ec_key.hpp"

namespace simroot::provider {

/// An ephemeral P-256 key pair on the card, for `ecdhe = card`. The card has one place for it, so there is one at a
/// time: this object holds that place, in this process and against others of this user, until it is destroyed.
class EphemeralKey {
 public:
  /// Has the card make a pair. @returns null if the place is taken: the caller makes a key in software. Errors of the
  /// card are errors.
  [[nodiscard]] static Result<std::shared_ptr<EphemeralKey>> Make(Context& context);
  ~EphemeralKey();
  EphemeralKey(const EphemeralKey&) = delete;
  EphemeralKey& operator=(const EphemeralKey&) = delete;

  [[nodiscard]] const device::Point& point() const { return point_; }
  [[nodiscard]] std::string Text() const { return "ephemeral " + containers_.private_key.Text(); }

  /// The X coordinate that is shared with `peer`; the caller wipes it. Once only: another pair takes the place of this
  /// one on the card, so that nobody who has seen the handshake can ask the card for its secret later.
  [[nodiscard]] Result<std::array<std::uint8_t, 32>> Agree(const device::Point& peer);

 private:
  /// The right to the place on the card.
  class Lease;
  explicit EphemeralKey(std::unique_ptr<Lease> lease);

  std::unique_ptr<Lease> lease_;
  std::shared_ptr<device::Card> card_;
  EphemeralContainers containers_;
  device::Point point_{};
  std::atomic<bool> used_{false};
};

}  // namespace simroot::provider
