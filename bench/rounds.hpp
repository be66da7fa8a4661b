// SPDX-License-Identifier: Apache-2.0
/// Timing of two things against each other: short rounds in turn, so that a machine whose speed drifts slows both.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

namespace simroot::bench {

/// Medians over all rounds.
struct Comparison {
  double first_us = 0;   ///< one call of the first
  double second_us = 0;  ///< one call of the second
  double ratio = 0;      ///< rate of the first over rate of the second, round by round
};

[[nodiscard]] inline double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

/// Microseconds of one call, averaged over `calls`.
[[nodiscard]] inline double TimeCalls(const std::function<void()>& call, int calls) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < calls; ++i) {
    call();
  }
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
  return took.count() / calls;
}

[[nodiscard]] inline Comparison Compare(const std::function<void()>& first, const std::function<void()>& second,
                                        int rounds, int calls) {
  std::vector<double> first_us;
  std::vector<double> second_us;
  std::vector<double> ratios;
  static_cast<void>(TimeCalls(first, calls));  // warm both up
  static_cast<void>(TimeCalls(second, calls));
  for (int round = 0; round < rounds; ++round) {
    first_us.push_back(TimeCalls(first, calls));
    second_us.push_back(TimeCalls(second, calls));
    ratios.push_back(second_us.back() / first_us.back());
  }
  return {Median(first_us), Median(second_us), Median(ratios)};
}

}  // namespace simroot::bench
