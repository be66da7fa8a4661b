// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace simroot::platform {

/// Counts requests by route and status, and how long they took. Safe for any number of threads.
class Metrics {
 public:
  /// @param route, method borrowed for ever: of the routes table.
  void Count(std::string_view method, std::string_view route, int status, double seconds);

  /// In the text format of Prometheus.
  [[nodiscard]] std::string Print() const;

 private:
  static constexpr std::array kBorders{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0};
  struct Latency {
    std::array<std::uint64_t, kBorders.size()> within{};  ///< at most this long, longer ones not counted in
    std::uint64_t count = 0;
    double sum = 0;
  };
  using Name = std::pair<std::string_view, std::string_view>;  ///< route, method

  mutable std::mutex mutex_;
  std::map<std::pair<Name, int>, std::uint64_t> requests_;
  std::map<Name, Latency> latencies_;
};

/// One sample with its help and type.
void PrintMetric(std::string& out, std::string_view name, std::string_view type, std::string_view help, double value);

}  // namespace simroot::platform
