// SPDX-License-Identifier: Apache-2.0
/// What happens in the story, recorded once: printed as a timeline while it happens, drawn on a page at the end.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "common/host/error.hpp"

namespace simroot::app {

/// Who takes part, from left to right.
enum class Lane : std::uint8_t { kCard, kDevice, kPlatform, kServer, kAttacker };
struct LaneName {
  Lane lane;
  const char* name;
};
inline constexpr std::array kLanes{LaneName{Lane::kCard, "card"}, LaneName{Lane::kDevice, "device"},
                                   LaneName{Lane::kPlatform, "platform"}, LaneName{Lane::kServer, "broker, nginx"},
                                   LaneName{Lane::kAttacker, "attacker"}};

/// One arrow: who sent what to whom. From a lane to itself: something done there.
struct Leg {
  Lane from;
  Lane to;
  std::string text;
  bool refused = false;  ///< it did not get through, and must not
};

/// What a step found.
struct Outcome {
  std::string verified;  ///< what was checked, with its counts; one line
  std::vector<Leg> legs;
};

struct Event {
  std::string what;
  Outcome outcome;
  std::chrono::milliseconds at{};  ///< its end, since the beginning of the story
  std::chrono::milliseconds took{};
  bool failed = false;  ///< `outcome.verified` then has the reason
};

struct Act {
  std::string title;
  std::string text;  ///< a sentence or two, for the page
  std::vector<Event> events;
};

/// A number of the summary.
struct Figure {
  std::string value;
  std::string label;
};

class Recorder {
 public:
  Recorder() : start_(std::chrono::steady_clock::now()) {}

  /// @returns kStore if stdout is gone, like Do.
  [[nodiscard]] Result<void> BeginAct(const std::string& title, const std::string& text);
  /// Runs one step, records it and prints its line. @returns the step's error.
  [[nodiscard]] Result<void> Do(const std::string& what, const std::function<Result<Outcome>()>& run);
  void AddFigure(std::string value, std::string label) { figures_.push_back({std::move(value), std::move(label)}); }

  [[nodiscard]] const std::vector<Act>& acts() const { return acts_; }
  [[nodiscard]] const std::vector<Figure>& figures() const { return figures_; }
  /// Steps that were verified.
  [[nodiscard]] std::size_t verified() const { return verified_; }
  [[nodiscard]] std::chrono::milliseconds SinceStart() const;

 private:
  std::chrono::steady_clock::time_point start_;
  std::vector<Act> acts_;
  std::vector<Figure> figures_;
  std::size_t verified_ = 0;
};

/// "1.84 s" with two decimals.
[[nodiscard]] std::string Seconds(std::chrono::milliseconds time);

}  // namespace simroot::app
