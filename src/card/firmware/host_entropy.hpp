// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/firmware/board.hpp"
#include "common/crypto/entropy.hpp"

namespace simroot::card {

/// The random device of the machine that runs the emulator. The emulated board has no generator of its own; a chip puts
/// its true random number generator in this place.
class HostEntropy final : public crypto::Entropy {
 public:
  [[nodiscard]] bool Fill(ByteSpan out) override { return board::ReadHostFile("/dev/urandom", out); }
};

}  // namespace simroot::card
