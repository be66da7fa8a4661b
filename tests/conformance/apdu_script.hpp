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

/// What a case needs, from the options at the head of its script and its own.
struct CaseOptions {
  std::string store = "reference";     ///< name of the objects on the card
  std::vector<std::string> profiles;   ///< compatibility profiles it holds for; empty: all
  std::optional<TransportModel> only;  ///< the only model it holds for
  bool selected = true;                ///< channel 1 is open and the applet selected on it before the first line

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
  std::string name;  ///< of the file
  std::vector<ScriptCase> cases;
};

/// Reads a script. @returns kUsage, with name and line, for an unknown word, a case without expectation, a command
/// without expectation (it could not fail), a `repeat` without `end`, or a title that occurs twice.
[[nodiscard]] Result<Script> ParseScript(std::string name, std::string_view text);

/// Splits at white space. Text between quotes stays together.
[[nodiscard]] std::vector<std::string> SplitWords(std::string_view text);

}  // namespace simroot::conformance
