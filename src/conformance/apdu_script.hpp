// SPDX-License-Identifier: Apache-2.0
/// Conformance scripts: text files with one test case after another, described in README.md of this folder. This header
/// reads them; script_runner.hpp runs them on a card.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/host/error.hpp"

namespace simroot::conformance {

/// How the card answers commands with data: 61LL and GET RESPONSE, or directly.
enum class TransportModel : std::uint8_t { kT0, kT1 };

/// What is done before the first line of a case.
enum class CaseBegin : std::uint8_t {
  kPowerOn,   ///< nothing is sent, no channel but the basic one is open
  kSelected,  ///< channel 1 is opened and the applet selected on it
  kReset,     ///< the card is reset first, so that volatile containers are empty; then as kSelected
};

/// What follows from a case that fails.
enum class CaseGrade : std::uint8_t { kFail, kDeviates };

/// What a case needs, from the options at the head of its script and its own.
struct CaseOptions {
  std::string store = "reference";     ///< name of the objects on the card
  std::vector<std::string> profiles;   ///< compatibility profiles it holds for; empty: all
  std::optional<TransportModel> only;  ///< the only model it holds for
  CaseBegin begin = CaseBegin::kSelected;
  std::string clause;  ///< of the interface that the expectation comes from: "IoT.05 2.10"
  /// The case asks for nothing but `needs`: it runs on every card that has that. Without it the case is bound to the
  /// objects of `store`, which only our own test cards have.
  bool portable = false;
  std::vector<std::string> needs;  ///< capabilities (capabilities.hpp): "sig", "write", "channels-2"
  CaseGrade grade = CaseGrade::kFail;
  std::vector<std::string> cope;  ///< known clients that work with a card that fails the case; with kDeviates

  [[nodiscard]] bool HoldsFor(std::string_view profile, TransportModel model) const;
};

/// One line of a case: a word and what follows it.
struct ScriptLine {
  std::size_t number = 0;  ///< in the file, from 1
  std::string verb;
  std::string rest;  ///< without white space at either end
};

/// One case: `[T61 generate key pair]` and the lines below.
struct ScriptCase {
  std::string clause;  ///< "T61", number of the case in the specification's list
  std::string title;
  std::size_t number = 0;  ///< line of its header
  CaseOptions options;
  std::vector<ScriptLine> lines;
};

struct Script {
  std::string name;     ///< of the file
  std::string chapter;  ///< its title in reports; without the option, the name of the file
  std::vector<ScriptCase> cases;
};

/// Reads a script. @returns kUsage, with name and line, for an unknown word, a case without expectation, a command
/// without expectation (it could not fail), a `repeat` without `end`, or a title that occurs twice
/// or an option that says nothing.
[[nodiscard]] Result<Script> ParseScript(std::string name, std::string_view text);

/// Splits at white space. Text between quotes stays together.
[[nodiscard]] std::vector<std::string> SplitWords(std::string_view text);

}  // namespace simroot::conformance
