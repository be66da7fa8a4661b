// SPDX-License-Identifier: Apache-2.0
#include "card/modem/at_command.hpp"

#include <algorithm>

namespace simroot::card {
namespace {

constexpr char ToUpper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

constexpr bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

/// Length of the text before the first `stop` outside quotes; everything if there is none.
std::size_t LengthUpTo(std::string_view text, char stop) {
  bool quoted = false;
  const auto end = std::ranges::find_if(text, [&](char c) {
    quoted = c == '"' ? !quoted : quoted;
    return !quoted && c == stop;
  });
  return static_cast<std::size_t>(end - text.begin());
}

}  // namespace

std::string NormaliseLine(std::string_view body) {
  std::string line;
  line.reserve(body.size());
  bool quoted = false;
  for (const char c : body) {
    quoted = c == '"' ? !quoted : quoted;
    if (quoted) {
      line.push_back(c);
    } else if (c != ' ') {
      line.push_back(ToUpper(c));
    }
  }
  return line;
}

std::string_view AtLineParser::Take(std::size_t count) {
  const std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(taken.size());
  return taken;
}

AtCommand AtLineParser::Next() {
  const AtCommand command = rest_.starts_with('+') ? NextExtended() : NextBasic();
  if (rest_.starts_with(';')) {
    rest_.remove_prefix(1);
  }
  return command;
}

AtCommand AtLineParser::NextExtended() {
  const std::string_view text = Take(LengthUpTo(rest_, ';'));
  if (const std::size_t equals = text.find('='); equals != std::string_view::npos) {
    const std::string_view name = text.substr(0, equals);
    std::string_view arguments = text;
    arguments.remove_prefix(name.size());
    arguments.remove_prefix(1);
    return arguments == "?" ? AtCommand{name, AtForm::kTest, {}} : AtCommand{name, AtForm::kSet, arguments};
  }
  if (text.ends_with('?')) {
    return {text.substr(0, text.size() - 1), AtForm::kRead, {}};
  }
  return {text, AtForm::kExecute, {}};
}

AtCommand AtLineParser::NextBasic() {
  const std::string_view name = Take(rest_.starts_with('&') ? 2 : 1);
  const bool is_parameter = name == "S";  // ATS3? and ATS3=13 are the only basic commands with more than digits
  const auto belongs = [&](char c) { return IsDigit(c) || (is_parameter && (c == '=' || c == '?')); };
  const auto end = std::ranges::find_if_not(rest_, belongs);
  return {name, AtForm::kExecute, Take(static_cast<std::size_t>(end - rest_.begin()))};
}

std::optional<std::uint32_t> AtArgument::Number() const {
  constexpr std::size_t kMaxDigits = 9;  // cannot overflow 32 bits
  if (quoted || text.empty() || text.size() > kMaxDigits || !std::ranges::all_of(text, IsDigit)) {
    return std::nullopt;
  }
  std::uint32_t value = 0;
  for (const char digit : text) {
    value = value * 10 + static_cast<std::uint32_t>(digit - '0');
  }
  return value;
}

std::optional<AtArgument> AtArguments::Next() {
  if (done_) {
    return std::nullopt;
  }
  std::string_view text = rest_.substr(0, LengthUpTo(rest_, ','));
  rest_.remove_prefix(text.size());
  done_ = rest_.empty();
  if (!done_) {
    rest_.remove_prefix(1);
  }
  if (!text.starts_with('"')) {
    return AtArgument{text, false, text.find('"') == std::string_view::npos};
  }
  text.remove_prefix(1);
  const std::size_t closing = text.find('"');
  const bool well_formed = closing != std::string_view::npos && closing == text.size() - 1;
  return AtArgument{text.substr(0, closing), true, well_formed};
}

}  // namespace simroot::card
