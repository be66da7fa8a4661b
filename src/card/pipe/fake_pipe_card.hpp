// SPDX-License-Identifier: Apache-2.0
/// A card for the tests of the pipe: answers a command with its bytes in reverse and 9000.
#pragma once

#include <atomic>

#include "common/host/hex.hpp"
#include "common/wire/card_endpoint.hpp"

namespace simroot::card::testing {

class ReversingCard final : public wire::CardEndpoint {
 public:
  void Reset() override { ++resets; }
  [[nodiscard]] ByteView Atr() const override { return kAtr; }
  [[nodiscard]] std::size_t Transmit(ByteView command, ByteSpan response) override {
    ++commands;
    ByteWriter out(response);
    for (std::size_t left = command.size(); left > 0; --left) {
      out.PutU8(command[left - 1]);
    }
    out.PutU16(0x9000);
    return out.size();
  }

  static constexpr std::array<std::uint8_t, 4> kAtr{0x3B, 0x02, 0x14, 0x50};
  std::atomic<unsigned> resets = 0;
  std::atomic<unsigned> commands = 0;
};

}  // namespace simroot::card::testing
