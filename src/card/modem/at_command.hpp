// SPDX-License-Identifier: Apache-2.0
/// The grammar of command lines, ITU-T V.250 5.2 to 5.4: from a line to commands, from a command to its arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace simroot::card {

/// How a command was written. Values are bits: the command table says which forms a command has.
enum class AtForm : std::uint8_t {
  kExecute = 1,  ///< +NAME, and every basic command
  kRead = 2,     ///< +NAME?
  kTest = 4,     ///< +NAME=?
  kSet = 8,      ///< +NAME=arguments
};

/// One command of a line. Views borrow from the line.
struct AtCommand {
  std::string_view name;  ///< "+CSIM", "E", "&F"; upper case
  AtForm form = AtForm::kExecute;
  std::string_view arguments;  ///< what follows '='; for a basic command its digits, for S also '=' or '?'
};

/// The body of a command line (what follows AT) without the spaces and in upper case, both outside quotes only: V.250
/// 5.2.1 lets clients write either case and spaces anywhere.
[[nodiscard]] std::string NormaliseLine(std::string_view body);

/// Takes a normalised body apart: basic commands follow each other directly, extended ones end at ';' or the end.
class AtLineParser {
 public:
  explicit AtLineParser(std::string_view body) : rest_(body) {}

  /// True when everything has been taken.
  [[nodiscard]] bool empty() const { return rest_.empty(); }

  /// The next command. What starts with neither a letter, '&' nor '+' becomes a command with that one character as its
  /// name, which no table has. Call only if not empty().
  [[nodiscard]] AtCommand Next();

 private:
  [[nodiscard]] AtCommand NextExtended();
  [[nodiscard]] AtCommand NextBasic();
  [[nodiscard]] std::string_view Take(std::size_t count);

  std::string_view rest_;
};

/// One argument of a set command.
struct AtArgument {
  std::string_view text;  ///< without its quotes
  bool quoted = false;
  bool well_formed = true;  ///< false: a quote without its partner, or text beside a quoted string

  /// True for an argument left out, as the second of "1,,2".
  [[nodiscard]] bool omitted() const { return text.empty() && !quoted; }
  /// The value of an unquoted decimal number of up to nine digits; nothing if it is anything else.
  [[nodiscard]] std::optional<std::uint32_t> Number() const;
};

/// Takes the arguments of a set command apart at its commas.
class AtArguments {
 public:
  explicit AtArguments(std::string_view text) : rest_(text) {}

  /// The next argument; nothing after the last one. A text without commas, even an empty one, is one argument.
  [[nodiscard]] std::optional<AtArgument> Next();
  /// True when every argument has been taken.
  [[nodiscard]] bool done() const { return done_; }

 private:
  std::string_view rest_;
  bool done_ = false;
};

}  // namespace simroot::card
