// SPDX-License-Identifier: Apache-2.0
/// A platform over a new database that knows new blank cards: what the switch-on benchmarks measure.
#pragma once

#include "bench/surroundings.hpp"
#include "bench/switch_on_devices.hpp"
#include "platform/ota/engine.hpp"
#include "platform/service/service.hpp"

namespace simroot::bench {

class BenchPlatform {
 public:
  explicit BenchPlatform(const std::string& folder);

  /// A new blank card in a file of `cards`, which the platform knows and has a job for.
  [[nodiscard]] BlankCard AddCard();
  [[nodiscard]] platform::OtaEngine& engine() { return *engine_; }
  [[nodiscard]] platform::Service& service() { return *service_; }
  [[nodiscard]] platform::Store& store() { return *store_; }
  [[nodiscard]] platform::Clock& clock() { return clock_; }

 private:
  void MakeTenant();

  std::string folder_;
  Folder cards_{MemoryFolder()};
  unsigned next_card_ = 0;
  SystemClock clock_;
  platform::Id tenant_ = 0;
  std::unique_ptr<platform::Vault> vault_;
  std::unique_ptr<platform::Authority> authority_;
  std::unique_ptr<platform::Store> store_;
  std::unique_ptr<platform::OtaEngine> engine_;
  std::unique_ptr<platform::Service> service_;
};

}  // namespace simroot::bench
