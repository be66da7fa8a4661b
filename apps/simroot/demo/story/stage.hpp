// SPDX-License-Identifier: Apache-2.0
/// What every part of the story needs: the working folder, the signal that ends it, ways to call programs.
#pragma once

#include <boost/json/value.hpp>

#include "commands.hpp"
#include "demo/story/recorder.hpp"
#include "demo/workshop.hpp"
#include "stop_signal.hpp"

namespace simroot::app {

constexpr std::chrono::seconds kStepLimit{20};  ///< for anything that the story waits for

/// This program, as a child is called by.
inline constexpr const char* kOurselves = "/proc/self/exe";

class Stage {
 public:
  Stage(const DemoArguments& arguments, Workshop workshop) : arguments_(arguments), workshop_(std::move(workshop)) {}

  [[nodiscard]] const DemoArguments& arguments() const { return arguments_; }
  [[nodiscard]] const Workshop& workshop() const { return workshop_; }
  [[nodiscard]] std::string Path(const std::string& name) const { return workshop_.root() + "/" + name; }
  [[nodiscard]] int stop_fd() const { return stop_.fd(); }
  [[nodiscard]] static Deadline Soon() { return Deadline::After(kStepLimit); }

  /// `simroot WORDS...`, somewhere without a card. @returns what it printed; an error with that if its status is not 0.
  [[nodiscard]] Result<std::string> Ourselves(std::vector<std::string> words) const;
  /// The same with --json.
  [[nodiscard]] Result<boost::json::value> AskOurselves(std::vector<std::string> words) const;
  [[nodiscard]] Result<ProgramResult> Run(const ProgramCall& call) const {
    return RunProgram(call, Soon(), stop_.fd());
  }

 private:
  DemoArguments arguments_;
  Workshop workshop_;
  StopSignal stop_;
};

/// A member of a JSON object as text; empty if it is not there.
[[nodiscard]] std::string TextOf(const boost::json::value& object, std::string_view member);

[[nodiscard]] inline std::string Plural(std::uint64_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

}  // namespace simroot::app
