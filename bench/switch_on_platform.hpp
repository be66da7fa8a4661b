// SPDX-License-Identifier: Apache-2.0
/// A platform over a new database, and devices with new blank cards that it knows: what the switch-on benchmarks
/// measure.
#pragma once

#include "bench/surroundings.hpp"
#include "card/host/virtual_card.hpp"
#include "common/host/card_keys.hpp"
#include "platform/ota/engine.hpp"
#include "platform/service/service.hpp"

namespace simroot::bench {

/// A virtual card in a device, with a channel to its security domain.
struct BenchDevice {
  std::string iccid;
  std::unique_ptr<card::VirtualCard> card;

  [[nodiscard]] platform::RelayAnswer Send(Bytes command);
};

class BenchPlatform {
 public:
  explicit BenchPlatform(const std::string& folder);

  [[nodiscard]] BenchDevice AddDevice(std::size_t number);
  [[nodiscard]] platform::OtaEngine& engine() { return *engine_; }
  [[nodiscard]] platform::Service& service() { return *service_; }
  [[nodiscard]] platform::Store& store() { return *store_; }
  [[nodiscard]] platform::Clock& clock() { return clock_; }

 private:
  void MakeTenant();

  std::string folder_;
  SystemClock clock_;
  platform::Id tenant_ = 0;
  std::unique_ptr<platform::Vault> vault_;
  std::unique_ptr<platform::Authority> authority_;
  std::unique_ptr<platform::Store> store_;
  std::unique_ptr<platform::OtaEngine> engine_;
  std::unique_ptr<platform::Service> service_;
};

}  // namespace simroot::bench
